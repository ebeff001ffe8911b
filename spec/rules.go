package spec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// A ruler checks the rules that CUE can't hold, on the entries without fault.
type ruler struct {
	site   Site
	source map[string]sourceService
	// routeSource are the routes as the spec has them; like source it is empty of a
	// site that was put together, whose parts have been checked.
	routeSource map[string]sourceRoute
	// declared are the names of all entries by kind, also of those at fault.
	declared map[string][]string
	placed   placed
	// policy is that of the machine that is asked about, nil if none is.
	policy *Policy
	// partial: not all of the spec could be read, so what is missing may exist.
	partial bool
	// at gives the position of a path of fields, or of its nearest parent that
	// stands in a file.
	at       func(path []string, value bool) Problem
	problems Problems
}

// fail reports a broken rule at a path of fields: the cause, and what to do.
func (r *ruler) fail(path []string, what, do string) {
	r.report(path, Problem{What: what, Do: do})
}

// expect reports a value that is not allowed where it stands.
func (r *ruler) expect(path []string, expected, got string) {
	r.report(path, Problem{Expected: expected, Got: got})
}

func (r *ruler) report(path []string, p Problem) {
	at := r.at(path, true)
	p.File, p.Line, p.Column, p.Field = at.File, at.Line, at.Column, pathText(path)
	r.problems = append(r.problems, p)
}

func (r *ruler) check() {
	r.services()
	r.volumes()
	r.routes()
	r.allowed()
}

// allowed reports what the machine does not let the site have.
func (r *ruler) allowed() {
	if r.policy == nil {
		return
	}
	for _, x := range r.policy.RefuseSite(r.site) {
		r.problems = append(r.problems, Problem{What: x.What, Do: x.Do})
	}
	for _, name := range r.site.ServiceNames() {
		for _, x := range r.policy.Refuse(r.site.Services[name]) {
			r.fail(append([]string{"services", name}, x.Field...), x.What, x.Do)
		}
	}
}

// missing reports a reference to an entry that is not declared.
func (r *ruler) missing(kind, name string, path []string) bool {
	known := r.declared[kind]
	if slices.Contains(known, name) {
		return false
	}
	if !r.partial {
		one := strings.TrimSuffix(kind, "s")
		do := suggest(name, known)
		switch {
		case do == "" && len(known) > 0:
			do = "declare it, or name one of " + someOf(known)
		case do == "":
			do = "declare it in " + kind
		}
		r.fail(path, fmt.Sprintf("there is no %s %q", one, name), do)
	}
	return true
}

// foreignLabel are the namespaces that other tools act on.
var foreignLabel = regexp.MustCompile(`^(havn|traefik|caddy|com\.docker|io\.docker|org\.dockerproject|com\.centurylinklabs\.watchtower)(\.|$)`)

// toolLabel are further namespaces that other tools act on, which a spec may use and
// an image may not.
var toolLabel = regexp.MustCompile(`^(ofelia|diun|autoheal|deunhealth|swarmpit|homepage|docker-volume-backup)([.-]|$)|^caddy_[0-9]`)

// ToolLabel reports whether havn, or another tool that runs beside it, acts on a
// container because of a label of that name.
func ToolLabel(name string) bool {
	return foreignLabel.MatchString(name) || toolLabel.MatchString(name)
}

func (r *ruler) labels(path []string, labels map[string]string) {
	for _, name := range sortedKeys(labels) {
		if foreignLabel.MatchString(name) {
			r.fail(sub(path, name), "the label is reserved for havn or another tool", "use a label of your own, such as \"org.example.team\"")
		}
	}
}

// sub is a path of fields, longer.
func sub(path []string, more ...string) []string { return append(slices.Clone(path), more...) }

// above reports a time that has to be more than nothing. Neither Docker nor nginx
// knows shorter ones than a millisecond.
func (r *ruler) above(path []string, d Duration) {
	if d < Duration(time.Millisecond) {
		r.expect(path, "at least 1ms", d.String())
	}
}

// unitless reports a size of so few bytes that its unit must be missing.
func (r *ruler) unitless(path []string, bytes int64) bool {
	few := 0 < bytes && bytes < 1<<10
	if few {
		r.fail(path, fmt.Sprintf("a size without a unit is in bytes, and %d are too few", bytes), fmt.Sprintf("write \"%dm\" for megabytes", bytes))
	}
	return few
}

// noNUL reports text that no program can be given.
func (r *ruler) noNUL(path []string, texts ...string) {
	for i, text := range texts {
		if strings.ContainsRune(text, 0) {
			if len(texts) > 1 {
				path = sub(path, index(i))
			}
			r.fail(path, "contains a NUL character", "remove it")
			return
		}
	}
}

func hasKey[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}
