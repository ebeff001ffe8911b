package main

import (
	"github.com/spf13/pflag"
)

// tellFlags say how havn hears from others that there is something new, and whom it
// tells what became of it.
type tellFlags struct {
	hook hookFlags
}

func (t *tellFlags) flags(f *pflag.FlagSet) {
	t.hook.flags(f)
}

// check says what is wrong with the flags.
func (t *tellFlags) check(s *sourceFlags) error {
	if t.hook.given() && s.remote.URL == "" {
		return errHookNoGit
	}
	return t.hook.check()
}
