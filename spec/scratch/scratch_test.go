package scratch_test

import (
	"testing"

	"havn.internal/spec/scratch"
)

func TestIs(t *testing.T) {
	for name, want := range map[string]bool{
		".#site.cue": true, "#site.cue#": true, "site.cue~": true, ".site.cue.swp": true, ".site.cue.swx": true, "4913": true,
		"site.cue.tmp": true, ".site.cue.Ab12Cd": true, "site.cue.orig": true, "site.cue___jb_tmp___": true,
		".goutputstream-XYZ": true, ".DS_Store": true, "._site.cue": true, ".nfs0001": true, ".site.cue.kate-swp": true,
		"site.cue": false, ".site.cue": false, "_tool.cue": false, "hello.conf": false, "#": false, "49130": false, "cue": false,
		"x.tmp": false, ".env": false,
	} {
		if got := scratch.Is(name); got != want {
			t.Errorf("Is(%q) = %v", name, got)
		}
	}
}
