package nginx

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"havn.internal/e2e/images"
	"havn.internal/reconciler/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldenSettings are those of the golden files: a path and addresses that no
// machine gets in the way of.
var goldenSettings = Settings{
	Dir: "/run/havn", Listen: []string{"127.201.0.1:18199"}, Local: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	MinTimeout: true, ShutdownTimeout: time.Hour,
}

// TestRender: a table is one configuration, byte for byte, and nginx takes it.
func TestRender(t *testing.T) {
	files, err := filepath.Glob("testdata/render/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var table plan.Table
			if err := json.Unmarshal(part(ar, "table.json"), &table); err != nil {
				t.Fatal(err)
			}
			settings := goldenSettings
			if over := part(ar, "settings.json"); over != nil {
				if err := json.Unmarshal(over, &settings); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Render(settings, table, 7)
			if err != nil {
				got = []byte("error: " + err.Error() + "\n")
			}
			if *update {
				setPart(ar, "nginx.conf", got)
				if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := part(ar, "nginx.conf"); string(want) != string(got) {
				t.Errorf("got:\n%s", got)
			}
			if err == nil {
				if out, err := judge(t, settings.Dir, got); err != nil {
					t.Errorf("nginx: %v: %s", err, out)
				}
			}
		})
	}
}

func part(ar *txtar.Archive, name string) []byte {
	for _, f := range ar.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func setPart(ar *txtar.Archive, name string, data []byte) {
	for i := range ar.Files {
		if ar.Files[i].Name == name {
			ar.Files[i].Data = data
			return
		}
	}
	ar.Files = append(ar.Files, txtar.File{Name: name, Data: data})
}

// judge has real nginx test a configuration that was written for a directory.
func judge(t *testing.T, dir string, conf []byte) (string, error) {
	t.Helper()
	image, err := images.Nginx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := t.TempDir()
	if err := os.MkdirAll(filepath.Join(at, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "nginx.conf"), conf, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "docker", "run", "--rm", "--network", "host", "-v", at+":"+dir, "--entrypoint", "nginx",
		image, "-t", "-q", "-e", "stderr", "-c", dir+"/nginx.conf").CombinedOutput()
	if err == nil && len(out) > 0 {
		t.Errorf("nginx warns: %s", out)
	}
	return string(out), err
}

func TestRenderDependsOnNothingElse(t *testing.T) {
	ar, err := txtar.ParseFile("testdata/render/full.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var table plan.Table
	if err := json.Unmarshal(part(ar, "table.json"), &table); err != nil {
		t.Fatal(err)
	}
	first, err := Render(goldenSettings, table, 7)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if again, err := Render(goldenSettings, table, 7); err != nil || string(again) != string(first) {
			t.Fatalf("another configuration: %v\n%s", err, again)
		}
	}
}
