package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/snapshot"
)

// The types of this file are the keys that the services document, as far as a
// workflow of ours has any business with them; an unknown key is an error.

// An actions is a workflow of GitHub and Forgejo.
type actions struct {
	Name        string            `yaml:"name"`
	On          []string          `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Env         map[string]string `yaml:"env"`
	Jobs        map[string]struct {
		RunsOn  string `yaml:"runs-on"`
		Timeout int    `yaml:"timeout-minutes"`
		Steps   []struct {
			Name string            `yaml:"name"`
			If   string            `yaml:"if"`
			Uses string            `yaml:"uses"`
			With map[string]string `yaml:"with"`
			Run  string            `yaml:"run"`
		} `yaml:"steps"`
	} `yaml:"jobs"`
}

// A pipeline is GitLab's.
type pipeline struct {
	Workflow struct {
		Rules []struct {
			If   string `yaml:"if"`
			When string `yaml:"when"`
		} `yaml:"rules"`
	} `yaml:"workflow"`
	Variables map[string]string `yaml:"variables"`
	Check     struct {
		Image     string   `yaml:"image"`
		Timeout   string   `yaml:"timeout"`
		Before    []string `yaml:"before_script"`
		Script    []string `yaml:"script"`
		Artifacts struct {
			When     string   `yaml:"when"`
			ExpireIn string   `yaml:"expire_in"`
			Paths    []string `yaml:"paths"`
			ExposeAs string   `yaml:"expose_as"`
		} `yaml:"artifacts"`
	} `yaml:"check"`
}

// strictly decodes YAML: no unknown key, no key twice, nothing behind it.
func strictly(text []byte, v any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.Decode(&struct{}{}) == nil {
		return fmt.Errorf("there is a second document")
	}
	return nil
}

// A block is one script of a workflow.
type block struct{ name, script string }

// blocksOf are the scripts of a workflow in their order, with its variables.
func blocksOf(file string, text []byte) (out []block, env map[string]string, err error) {
	if strings.HasSuffix(file, ".gitlab-ci.yml") {
		var p pipeline
		if err := strictly(text, &p); err != nil {
			return nil, nil, err
		}
		for i, script := range p.Check.Before {
			out = append(out, block{[]string{"Install cue", "Install havn"}[i], script})
		}
		for _, script := range p.Check.Script {
			out = append(out, block{"", script})
		}
		return out, p.Variables, nil
	}
	var a actions
	if err := strictly(text, &a); err != nil {
		return nil, nil, err
	}
	for _, step := range a.Jobs["check"].Steps {
		if step.Run != "" {
			out = append(out, block{step.Name, step.Run})
		}
	}
	return out, a.Env, nil
}

// ciBlocks is the script command `blocks FILE DIR`: it writes what a workflow runs
// to DIR, what installs havn as install.sh, the rest as run.sh, one shell for each
// block as the service has it.
func ciBlocks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: blocks FILE DIR")
	}
	blocks, env, err := blocksOf(args[0], []byte(ts.ReadFile(args[0])))
	ts.Check(err)
	if env["CUE_REGISTRY"] != "none" || env["HAVN_URL"] != "" {
		ts.Fatalf("variables %v", env)
	}
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o755))
	run := ""
	for i, b := range blocks {
		name := fmt.Sprintf("%s/%d.sh", dir, i)
		switch b.name {
		case "Install cue":
			continue
		case "Install havn":
			name = dir + "/install.sh"
		default:
			run += "bash -eo pipefail " + name + "\n"
		}
		ts.Check(os.WriteFile(name, []byte(b.script), 0o644))
	}
	ts.Check(os.WriteFile(dir+"/run.sh", []byte(run), 0o644))
}

// emptyHost is the script command `snapshot FILE`: a host on which nothing runs.
func emptyHost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: snapshot FILE")
	}
	s := snapshot.Take(plan.Observed{Site: "acme", Network: plan.Network{Fixed: netip.MustParsePrefix("10.1.0.0/24")}})
	s.At, s.Host.Name = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), "web-1"
	text, err := s.Encode()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}

// What a service gives a workflow, it takes no more of than it needs.
func TestWorkflowsAskForLittle(t *testing.T) {
	files, err := workflows([]string{"github", "forgejo"})
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`^actions/checkout@[0-9a-f]{40}$|^https://data\.forgejo\.org/actions/[a-z-]+@v[0-9]+$`)
	for _, f := range files {
		var a actions
		if err := strictly([]byte(f.content), &a); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		if f.name == ciFiles["github"] && (len(a.Permissions) != 1 || a.Permissions["contents"] != "read") {
			t.Errorf("%s: permissions %v", f.name, a.Permissions)
		}
		if strings.Contains(f.content, "secrets.") || strings.Contains(f.content, "vars.") || strings.Contains(f.content, "pull_request_target") {
			t.Errorf("%s has what a fork's pull request does not, or must not", f.name)
		}
		for _, step := range a.Jobs["check"].Steps {
			if step.Uses != "" && !pinned.MatchString(step.Uses) {
				t.Errorf("%s uses %s", f.name, step.Uses)
			}
			if strings.Contains(step.Run, "${{") {
				t.Errorf("%s: an expression in a script is code that others write: %s", f.name, step.Run)
			}
		}
	}
}
