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
	// declared are the names of all entries by kind, also of those at fault.
	declared map[string][]string
	placed   placed
	// partial: not all of the spec could be read, so what is missing may exist.
	partial bool
	// at gives the position of a path of fields, or of its nearest parent that
	// stands in a file.
	at       func(path []string, value bool) Problem
	problems Problems
}

// fail reports a broken rule at a path of fields.
func (r *ruler) fail(path []string, what, expected string) {
	p := r.at(path, true)
	p.What, p.Expected = pathText(path)+": "+what, expected
	r.problems = append(r.problems, p)
}

func (r *ruler) check() {
	r.services()
	r.volumes()
	r.routes()
}

// missing reports a reference to an entry that is not declared.
func (r *ruler) missing(kind, name string, path []string) bool {
	known := r.declared[kind]
	if slices.Contains(known, name) {
		return false
	}
	if !r.partial {
		one := strings.TrimSuffix(kind, "s")
		r.fail(path, fmt.Sprintf("there is no %s %q", one, name), "the name of a "+one+suggest(name, known))
	}
	return true
}

// foreignLabel are the namespaces that other tools act on.
var foreignLabel = regexp.MustCompile(`^(havn|traefik|caddy|com\.docker|io\.docker|org\.dockerproject|com\.centurylinklabs\.watchtower)(\.|$)`)

func (r *ruler) labels(path []string, labels map[string]string) {
	for _, name := range sortedKeys(labels) {
		if foreignLabel.MatchString(name) {
			r.fail(sub(path, name), "the label belongs to havn or to another tool", "a label of your own, such as \"org.example.team\"")
		}
	}
}

// sub is a path of fields, longer.
func sub(path []string, more ...string) []string { return append(slices.Clone(path), more...) }

// above reports a time that has to be more than nothing. Neither Docker nor nginx
// knows shorter ones than a millisecond.
func (r *ruler) above(path []string, d Duration) {
	if d < Duration(time.Millisecond) {
		r.fail(path, d.String()+" is too short", "at least 1ms")
	}
}

// noNUL reports text that no program can be given.
func (r *ruler) noNUL(path []string, texts ...string) {
	for i, text := range texts {
		if strings.ContainsRune(text, 0) {
			if len(texts) > 1 {
				path = sub(path, index(i))
			}
			r.fail(path, "has a NUL character", "text without one")
			return
		}
	}
}

func hasKey[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}
