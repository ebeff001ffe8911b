// Package egress sends requests to servers of others: forges and chats. It goes
// through a proxy and to a private CA where asked to, tries again what may succeed
// later, and waits as long as it is told to.
//
// Rule of the package: a secret goes to the address it was given for and nowhere
// else: no redirect is followed, and no error says where a request went beyond the
// host, nor what it carried.
package egress
