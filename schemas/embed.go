// Package schemas holds the CUE schema that spec repositories import as
// "havn.internal/schemas/v1". The files under v1 are its only source: they are
// embedded in the binary, written into repositories by `havn init`, and what
// every site is checked against.
package schemas

import "embed"

// ImportPath is the package that specs import.
const ImportPath = "havn.internal/schemas/v1"

// FS holds cue.mod/module.cue and v1/*.cue.
//
//go:embed cue.mod/module.cue v1/*.cue
var FS embed.FS
