// Package spec turns a directory of CUE into a [Site] of plain Go structs, or
// into [Problems]: every mistake at once, each with its position.
//
// A Site is complete: every default is filled in, every reference resolves,
// every duration and size is typed. Nothing after this package looks at CUE,
// and no CUE type appears in an exported field.
//
// Rule of the package: it never talks to Docker, nginx or the network; the
// same directory gives the same Site on every machine.
package spec
