package reconciler

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// directions says which of our packages each of them may import. Commands and the
// end-to-end tests wire, and may import all.
var directions = map[string][]string{
	"schemas":              {},
	"confine":              {},
	"spec":                 {"confine", "schemas", "spec/scratch"},
	"spec/scratch":         {},
	"gitops":               {"gitops/durable", "gitops/git", "gitops/trust", "spec/scratch"},
	"gitops/durable":       {},
	"gitops/git":           {"confine", "gitops/secret"},
	"gitops/trust":         {"gitops/git"},
	"gitops/origin":        {},
	"gitops/secret":        {},
	"gitops/egress":        {"gitops/secret"},
	"gitops/egress/pipe":   {},
	"gitops/hook":          {"gitops/secret"},
	"gitops/forge":         {"gitops/egress", "gitops/secret"},
	"gitops/forge/standin": {"gitops/forge"},
	"gitops/notice":        {"gitops/egress", "gitops/secret"},
	"gitops/hold":          {"gitops/durable", "spec"},
	"reconciler/plan":      {"spec"},
	"reconciler/apply":     {"spec", "reconciler/plan"},
	"reconciler/docker":    edge,
	"reconciler/nginx":     edge,
	"reconciler/probe":     edge,
	"reconciler/journal":   edge,
	"reconciler/model":     edge,
	"reconciler/contract":  edge,
	"reconciler/snapshot":  edge,
	"reconciler":           edge,
	"reconciler/tidings":   {"gitops/forge", "gitops/notice", "reconciler", "reconciler/plan", "spec"},
	"reconciler/console":   {"spec", "gitops/hold", "reconciler", "reconciler/apply", "reconciler/plan", "reconciler/journal", "reconciler/model", "reconciler/snapshot"},
}

var edge = []string{"spec", "reconciler/plan", "reconciler/apply"}

// impure is what the planner must not know: it decides, and does nothing.
var impure = []string{"net", "os", "os/exec", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2", "context", "net/http", "syscall"}

const module = "havn.internal/"

// imports lists the packages of the module with what each imports, tests not
// counted.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		all[strings.TrimPrefix(words[0], module)] = words[1:]
	}
	return all
}

func TestImportsRunOneWay(t *testing.T) {
	for pkg, imported := range imports(t) {
		if strings.HasPrefix(pkg, "cmd/") || strings.HasPrefix(pkg, "e2e") {
			continue
		}
		allowed, known := directions[pkg]
		if !known {
			t.Errorf("package %s has no place in the house", pkg)
		}
		for _, path := range imported {
			if ours, is := strings.CutPrefix(path, module); is && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", pkg, ours)
			}
		}
	}
}

func TestThePlannerIsPure(t *testing.T) {
	for _, path := range imports(t)["reconciler/plan"] {
		if slices.Contains(impure, path) {
			t.Errorf("the planner imports %s", path)
		}
		if strings.Contains(path, ".") && path != module+"spec" {
			t.Errorf("the planner imports %s, and should need nothing but the standard library and spec", path)
		}
	}
}

func TestOnlyOnePackageKnowsEachEdge(t *testing.T) {
	for pkg, imported := range imports(t) {
		for _, path := range imported {
			if strings.HasPrefix(path, "github.com/docker/docker/") && pkg != "reconciler/docker" && !strings.HasPrefix(pkg, "e2e") {
				t.Errorf("%s imports %s", pkg, path)
			}
			if strings.HasPrefix(path, "cuelang.org/") && pkg != "spec" && pkg != "schemas" && !strings.HasPrefix(pkg, "cmd/") {
				t.Errorf("%s imports %s", pkg, path)
			}
		}
	}
}
