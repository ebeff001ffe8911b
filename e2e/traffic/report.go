package traffic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Report is the outcome of a load.
type Report struct {
	Sent     int
	Lost     []Loss
	Versions map[string]int // answers by version
	Hosts    map[string]int // answers by replica
	Slowest  time.Duration
	last     string // the version that answered last
	seen     []string
}

// A Loss is one request that got no answer, or not the right one.
type Loss struct {
	At  time.Time
	Err error
}

func (r *Report) answered(a Answer, took time.Duration) {
	r.Sent++
	r.Versions[a.Version]++
	r.Hosts[a.Host]++
	r.Slowest = max(r.Slowest, took)
	r.last = a.Version
	if !slices.Contains(r.seen, a.Version) {
		r.seen = append(r.seen, a.Version)
	}
}

// Last is the version that answered last.
func (r Report) Last() string { return r.last }

// Seen are the versions in the order of their first answers.
func (r Report) Seen() []string { return r.seen }

func (r Report) clone() Report {
	r.Lost, r.seen = slices.Clone(r.Lost), slices.Clone(r.seen)
	r.Versions, r.Hosts = maps.Clone(r.Versions), maps.Clone(r.Hosts)
	return r
}

// String is the report in one line, and the first losses a line each.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sent, %d lost, versions %v, slowest %s", r.Sent, len(r.Lost), r.Versions, r.Slowest.Round(time.Millisecond))
	for _, l := range r.Lost[:min(10, len(r.Lost))] {
		fmt.Fprintf(&b, "\n\t%s %v", l.At.Format("15:04:05.000"), l.Err)
	}
	return b.String()
}
