// Package hook hears from a forge that something was pushed. All a hook can do is
// to have the source polled now; what is there and whether it is trusted is found
// out by the poll, as if no hook had come.
//
// Rule of the package: the signature is checked before anything else is made of a
// request, and its body is never parsed nor kept.
package hook
