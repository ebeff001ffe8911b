package snapshot_test

import (
	"reflect"
	"slices"
	"testing"

	"havn.internal/reconciler/plan"
)

// known are the fields of what the planner sees. Whoever adds one decides whether a
// snapshot has it, and adds it here.
var known = []struct {
	v      any
	fields []string
}{
	{plan.Observed{}, []string{"Site", "Network", "Containers", "Taken", "Volumes", "Images", "Gateway", "Strangers", "Policy", "Binds", "Ports", "Own", "Verdicts", "LastGood",
		"InFlight", "Failures", "Trying", "Repairs", // a forecast begins anew what is in flight
		"Quarantine", "PruneAllowed", // and --prune is for each plan
		"Stored", "Fetched", "Recall", "Retention"}}, // which images go is decided when the host is as wanted
	{plan.Network{}, []string{"Exists", "Problem", "Fixed", "Taken"}},
	{plan.Container{}, []string{"ID", "Name", "Service", "Fingerprint", "Revision", "Slot", "Release", "Addr", "State", "Restarts", "ExitCode", "OOM",
		"CreatedAt", "StartedAt", "Checked", "Check", "Health", "Drift", "Unreachable"}},
	{plan.Health{}, []string{"Ready", "Unhealthy", "Since", "Last", "Said"}}, // Said is what a program said, and stays
	{plan.Volume{}, []string{"Problem"}},
	{plan.Image{}, []string{"ID", "Pulled", "HasHealthcheck", "Word", "Problem"}},
	{plan.Gateway{}, []string{"Running", "Lost", "Generation", "Table", "Routed", "Unrouted", "Rejected", "Problem"}},
	{plan.Drain{}, []string{"Since", "Quiet", "Done"}},
	{plan.Verdict{}, []string{"Reason", "At"}},
}

func TestASnapshotIsWhole(t *testing.T) {
	for _, k := range known {
		var have []string
		for i := range reflect.TypeOf(k.v).NumField() {
			have = append(have, reflect.TypeOf(k.v).Field(i).Name)
		}
		if !slices.Equal(have, k.fields) {
			t.Errorf("%T has the fields %v, a snapshot knows %v", k.v, have, k.fields)
		}
	}
}
