// Package hold decides which site is wanted: the newest of the source, or, because
// a person or a calendar says so, another one.
//
// Rules of the package: what a person pinned is a desire and no memory. It is kept
// in a file of its own, whole, and while that can't be read nothing changes. What a
// calendar closes is only the way of new revisions: healing, going back and what is
// applied by hand go on. [Decide] is pure.
package hold
