// Package gitops says which state of the spec is wanted: it delivers revisions. A
// source that is missing, empty or can't be read delivers nothing; it never means
// "run nothing".
//
// Rule of the package: it imports nothing of ours, and knows nothing of what a
// revision says.
package gitops
