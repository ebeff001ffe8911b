package spec

import "slices"

// A Host is what `on` in a spec is compared with.
type Host struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

// sourceOn says which hosts an entry is for; nil is every host.
type sourceOn struct {
	Hosts  []string          `json:"hosts"`
	Labels map[string]string `json:"labels"`
}

// takes: the entry is for the host. Nil stands for all hosts at once.
func (o *sourceOn) takes(h *Host) bool {
	if o == nil || h == nil {
		return true
	}
	if o.Hosts != nil && !slices.ContainsFunc(o.Hosts, func(p string) bool { return meet(p, h.Name, false) }) {
		return false
	}
	for name, pattern := range o.Labels {
		if value, has := h.Labels[name]; !has || !meet(pattern, value, false) {
			return false
		}
	}
	return true
}

// apart: no host can be of both.
func (o *sourceOn) apart(p *sourceOn) bool {
	if o == nil || p == nil {
		return false
	}
	for name, a := range o.Labels {
		if b, both := p.Labels[name]; both && !meet(a, b, true) {
			return true
		}
	}
	if o.Hosts == nil || p.Hosts == nil {
		return false
	}
	for _, a := range o.Hosts {
		if slices.ContainsFunc(p.Hosts, func(b string) bool { return meet(a, b, true) }) {
			return false
		}
	}
	return true
}

// meet: some text is of both patterns, in which * stands for any text; in b only if
// both are patterns. The work is the product of the lengths.
func meet(a, b string, both bool) bool {
	star := func(s string, i int, pattern bool) bool { return pattern && i < len(s) && s[i] == '*' }
	// next[j]: what is left of a behind i+1 meets what is left of b behind j.
	next := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		row := make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case star(a, i, true):
				row[j] = next[j] || j < len(b) && row[j+1]
			case star(b, j, both):
				row[j] = row[j+1] || i < len(a) && next[j]
			default:
				row[j] = i < len(a) && j < len(b) && a[i] == b[j] && next[j+1]
			}
		}
		next = row
	}
	return next[0]
}
