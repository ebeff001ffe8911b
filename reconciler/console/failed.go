package console

import (
	"slices"
	"strings"

	"havn.internal/reconciler/journal"
)

// mostFailed bounds the failures of a status.
const mostFailed = 3

// Failed are the acts among events, oldest first, that failed and did not succeed since:
// newest first. How an apply ended sums up what it did.
func Failed(events []journal.Event) []Failure {
	type act struct{ service, what string }
	since := map[act]bool{}
	var out []Failure
	for _, e := range slices.Backward(events) {
		of, applied := act{e.Service, e.Act}, strings.HasPrefix(e.Act, "apply ")
		if e.Err != "" && !since[of] {
			out = append(out, Failure{At: e.At, Service: e.Service, Act: e.Act, Why: e.Err})
		}
		if since[of] = true; applied || len(out) == mostFailed {
			break
		}
	}
	return out
}
