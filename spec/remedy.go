package spec

import (
	"cuelang.org/go/cue"
)

// remedy is what was most likely meant by a value that is not of the shape, "" if that
// is not known.
func (s *shape) remedy(v cue.Value, d datum) string { return "" }
