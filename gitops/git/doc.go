// Package git runs the git program on a remote and a bare mirror of it, as if both
// were hostile: no configuration but ours, no hooks, no filters, no prompts, no
// submodules, only the protocols that were asked for, and limits on time, memory,
// files and output. There is no checkout. Plain files of a commit are exported to
// a read-only directory that is named by the hash of what it holds.
//
// Rule of the package: what comes from a remote is data. It is never a path before
// it was checked, never an option, and never a reason to start a program.
package git
