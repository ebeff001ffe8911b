// Package gitops says which state of the spec is wanted: it delivers revisions. A
// source that is missing, empty or can't be read delivers nothing; it never means
// "run nothing".
//
// A [Directory] is watched. A [Git] remote is polled, and a new commit goes through
// every check before it is delivered: it descends from the accepted revision
// (follow.go), is signed as the policy asks (trust), and its spec path holds plain
// files only (git); of a CUE module that many hosts share, only the part of this host
// is looked at. What fails one is held, with what a person can do about it, and
// the accepted revision stays in force, over restarts and with the remote away.
//
// Rule of the package: it imports nothing of ours but its own parts, and knows
// nothing of what a revision says.
package gitops
