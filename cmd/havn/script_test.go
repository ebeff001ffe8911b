package main

import (
	"flag"
	"os"
	"testing"

	"cuelang.org/go/cmd/cue/cmd"
	"github.com/rogpeppe/go-internal/testscript"

	"havn.internal/spec"
)

var update = flag.Bool("update", false, "rewrite the expected output in the scripts")

func TestMain(m *testing.M) {
	if spec.IsChild() {
		os.Exit(spec.RunChild())
	}
	if address := os.Getenv(asListener); address != "" {
		os.Exit(listenAndEnd(address))
	}
	testscript.Main(m, map[string]func(){
		"havn": main,
		"cue":  func() { os.Exit(cmd.Main()) },
	})
}

// TestScripts runs testdata/script/*.txtar: the commands as a person types them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"blocks": ciBlocks, "snapshot": emptyHost},
		Setup: func(e *testscript.Env) error {
			e.Setenv("CUE_REGISTRY", "none")
			e.Setenv("CUE_CACHE_DIR", e.WorkDir+"/.cue-cache")
			return nil
		},
	})
}
