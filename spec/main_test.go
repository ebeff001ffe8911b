package spec

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cuelang.org/go/cmd/cue/cmd"

	"havn.internal/schemas"
)

var update = flag.Bool("update", false, "rewrite the expected problems in testdata")

// asCue makes the test binary be the stock cue command.
const asCue = "HAVN_TEST_AS_CUE"

func TestMain(m *testing.M) {
	switch {
	case IsChild():
		os.Exit(RunChild())
	case os.Getenv(asCue) != "":
		os.Exit(cmd.Main())
	}
	os.Exit(m.Run())
}

// cue runs the stock command in a directory, without a network.
func cueCommand(tb testing.TB, dir string, args ...string) (string, error) {
	tb.Helper()
	c := exec.Command("/proc/self/exe", args...)
	c.Dir = dir
	c.Env = []string{asCue + "=1", "CUE_REGISTRY=none", "HOME=" + dir, "PATH=/nonexistent", "CUE_CACHE_DIR=" + filepath.Join(dir, ".cache")}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.String(), err
}

// repository lays out a spec repository of package site as `havn init` does.
func repository(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	all := map[string]string{
		"cue.mod/module.cue": "module: \"example.com/site@v0\"\nlanguage: version: \"v0.14.0\"\n",
		bindFile:             schemas.Bind("site"),
	}
	for name, content := range schemaFiles() {
		all["cue.mod/pkg/"+moduleDir+"/"+name] = string(content)
	}
	for name, content := range files {
		all[name] = content
	}
	write(tb, dir, all)
	return dir
}

func write(tb testing.TB, dir string, files map[string]string) {
	tb.Helper()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}

// snapshotOf is a snapshot of files of package site.
func snapshotOf(files map[string]string) Snapshot {
	s := Snapshot{Files: map[string][]byte{}}
	for name, content := range files {
		s.Files[name] = []byte(content)
	}
	return s
}
