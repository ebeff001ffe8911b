package reconciler

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"havn.internal/reconciler/apply"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

var update = flag.Bool("update", false, "rewrite the transcripts of the scenarios")

// TestScenarios plays testdata/*.txtar: a script, and the transcript that the
// planner, the loop and the host in memory give for it. The oracle watches.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Files) == 0 || a.Files[0].Name != "script" {
		t.Fatalf("%s: the first file is not script", file)
	}
	p := newPlay(t)
	for n, line := range strings.Split(string(a.Files[0].Data), "\n") {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) == "" {
			continue
		}
		p.printf("> %s", strings.TrimSpace(line))
		if err := p.command(strings.Fields(line)); err != nil {
			t.Fatalf("%s: script:%d: %v", file, n+1, err)
		}
	}
	p.oracle.ok()
	got := p.out.String()
	if *update {
		a.Files = append(a.Files[:1], txtar.File{Name: "transcript", Data: []byte(got)})
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := ""
	if len(a.Files) > 1 {
		want = string(a.Files[1].Data)
	}
	if got != want {
		t.Errorf("the transcript is another; -update rewrites it\n%s", firstDifference(want, got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range g {
		if i >= len(w) || w[i] != g[i] {
			old := "(nothing)"
			if i < len(w) {
				old = w[i]
			}
			return fmt.Sprintf("line %d\nwant %s\ngot  %s", i+1, old, g[i])
		}
	}
	return "it is shorter"
}

// A play is one scenario as it goes on.
type play struct {
	*rig
	oracle *oracle
	out    strings.Builder
	site   spec.Site
	// letters name releases in the order of their appearance, for each service.
	letters map[string]string
	owners  map[string]string
	counts  map[string]int
}

func newPlay(t *testing.T) *play {
	p := &play{rig: newRig(), letters: map[string]string{}, owners: map[string]string{}, counts: map[string]int{}, site: site("")}
	p.begun = func(s plan.Step) {
		switch a := s.Action.(type) {
		case plan.Start:
			p.letter(a.Release.Service.Name, a.Fingerprint)
		case plan.Prepare:
			p.letter(a.Start.Release.Service.Name, a.Start.Fingerprint)
		}
		p.say(s.Service, "%s  # %s", s.Action, s.Why)
	}
	p.ended = func(d apply.Done) {
		if d.Err != nil {
			p.say("", "failed: %v", d.Err)
		}
	}
	p.oracle = watch(t, p.rig)
	return p
}

func (p *play) printf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	for short, letter := range p.letters {
		line = strings.ReplaceAll(line, short, letter)
	}
	p.out.WriteString(line + "\n")
}

func (p *play) say(service, format string, args ...any) {
	if service != "" {
		service += ": "
	}
	p.printf("%s %s%s", clock(p.time.Now()), service, fmt.Sprintf(format, args...))
}

func clock(t time.Time) string {
	d := t.Sub(epoch)
	return fmt.Sprintf("%02d:%06.3f", int(d.Minutes()), (d % time.Minute).Seconds())
}

func (p *play) letter(service string, f spec.Fingerprint) {
	if f != "" && p.letters[f.Short()] == "" {
		p.counts[service]++
		p.owners[f.Short()] = service
		p.letters[f.Short()] = string(rune('A' + p.counts[service] - 1))
	}
}

// replica turns "web-A-1" into the container's name.
func (p *play) replica(name string) string {
	for short, letter := range p.letters {
		if rest, ok := strings.CutPrefix(name, p.owners[short]+"-"+letter+"-"); ok {
			return p.owners[short] + "-" + short + "-" + rest
		}
	}
	return name
}

func (p *play) status() {
	o := p.havn.Last()
	if o.Err != nil {
		p.printf("  blind: %v", o.Err)
	}
	for _, s := range o.Plan.Services {
		p.letter(s.Service, s.Release)
		detail := ""
		if s.Detail != "" {
			detail = ": " + s.Detail
		}
		p.printf("  %s is %s at %s, %d of %d ready, %d routed%s", s.Service, s.Phase, s.Release.Short(), s.Ready, s.Wanted, s.Routed, detail)
	}
	for _, b := range o.Plan.Blocked {
		p.printf("  blocked %s%s: %s", b.Service, b.Route, b.Why)
	}
	for _, n := range o.Plan.Notes {
		p.printf("  note %s", n)
	}
	for _, w := range o.Plan.Waits {
		p.printf("  waits until %s: %s", clock(w.Until), w.Why)
	}
	for _, l := range o.Have.Gateway.Table.Locations {
		spares := ""
		if len(l.Spares) > 0 {
			spares = fmt.Sprintf(", to spare %v", l.Spares)
		}
		p.printf("  %s%s goes to %s %v%s", l.Host, l.Path, l.Target.Service, l.Servers, spares)
	}
}
