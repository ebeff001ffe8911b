package reconciler

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A mutant is the planner, or the loop, with one mistake in it; or the host, where
// no planner could do the damage that a property is there for.
type mutant struct {
	name, file string
	// from is what stands in the file, once, and to what the mistake is.
	from, to string
	// killed is the property that has to notice.
	killed string
}

// TestMutants shows that each property notices what it is there for: it runs the
// scenarios and the properties on mutants, which have to fail with that property's
// name. Each day has its share of them; `make mutants` runs all.
func TestMutants(t *testing.T) {
	if os.Getenv(inMutant) != "" {
		return
	}
	for i, m := range mutants {
		if every := os.Getenv(allMutants) != ""; !every && i%shares != time.Now().YearDay()%shares {
			continue
		}
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			m.run(t)
		})
	}
}

// TestMutantsHaveASource holds the mutants to the files they change.
func TestMutantsHaveASource(t *testing.T) {
	if os.Getenv(inMutant) != "" {
		return
	}
	for _, m := range mutants {
		text, err := os.ReadFile(m.file)
		if n := strings.Count(string(text), m.from); err != nil || n != 1 {
			t.Errorf("%s: its text stands %d times in %s: %v", m.name, n, m.file, err)
		}
	}
}

// inMutant is set in the environment of a mutant's tests, allMutants to have all of them run.
const inMutant, allMutants = "HAVN_MUTANT", "HAVN_MUTANTS"

// shares is in how many days all mutants are run.
const shares = 6

func (m mutant) run(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "mutant.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", m.overlay(t, dir), "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var said strings.Builder
	tests := [][]string{{"-test.run=^TestScenarios$"}, {"-test.run=^TestCrashes$"}}
	for _, seed := range []string{"7", "37", "11", "13"} {
		tests = append(tests, []string{
			"-test.run=^TestProperties$", "-rapid.nofailfile", "-rapid.checks=150", "-rapid.seed=" + seed, "-rapid.shrinktime=1ms", "-test.timeout=3m",
		})
	}
	for i, test := range tests {
		run := exec.Command(binary, test...)
		if i > 1 {
			// Not where a failure of the planner itself may have been kept.
			run.Dir = dir
		}
		run.Env = append(os.Environ(), inMutant+"=1")
		out, err := run.CombinedOutput()
		said.Write(out)
		if err != nil && strings.Contains(string(out), m.killed) {
			return
		}
	}
	t.Errorf("it lives: nothing says %q:\n%s", m.killed, firstFailures(said.String()))
}

// overlay writes the mutant, and what has the go command take it for the file.
func (m mutant) overlay(t *testing.T, dir string) string {
	file, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.from); n != 1 {
		t.Fatalf("%s has %d times, and should have once:\n%s", m.file, n, m.from)
	}
	mutated := filepath.Join(dir, filepath.Base(file))
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(text), m.from, m.to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// firstFailures are the lines that tell what failed, the first of them.
func firstFailures(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "FAIL") || strings.Contains(line, "failed after") || strings.Contains(line, " I") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[:min(len(lines), 20)], "")
}
