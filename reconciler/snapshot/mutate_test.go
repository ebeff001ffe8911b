package snapshot_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/snapshot"
	"havn.internal/spec"
)

// odd are values that somebody who means harm would put somewhere.
var odd = []any{
	nil, "", "x", -1.0, 0.0, 1e9, 9e18, true, []any{}, map[string]any{}, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1000h", "-5s",
	"10.1.0.1", "10.1.0.5:80", "0.0.0.0/0", "10.0.0.0/8", "::1", "running", "exited", "paused", "recreate", "bluegreen", "rolling", "hold",
}

// spoil replaces one value of a tree, at random.
func spoil(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		keys := []string{}
		for k := range v {
			keys = append(keys, k)
		}
		if len(keys) == 0 || rapid.IntRange(0, 9).Draw(t, "stop") == 0 {
			break
		}
		k := rapid.SampledFrom(sorted(keys)).Draw(t, "key")
		v[k] = spoil(t, v[k])
		return v
	case []any:
		if len(v) == 0 || rapid.IntRange(0, 9).Draw(t, "stop") == 0 {
			break
		}
		i := rapid.IntRange(0, len(v)-1).Draw(t, "index")
		v[i] = spoil(t, v[i])
		return v
	}
	return rapid.SampledFrom(odd).Draw(t, "value")
}

// Whatever somebody makes up that passes the checks, a plan for it comes to an end,
// and does not crash.
func TestAMadeUpHostCanBePlannedFor(t *testing.T) {
	base := site("api", "web")
	whole := file(t, at(base))
	wants := []spec.Site{base, with(base, "web", func(s *spec.Service) { s.Env["MODE"] = "b" }), site("web"), site("other")}
	rapid.Check(t, func(t *rapid.T) {
		var tree map[string]any
		if err := json.Unmarshal(whole, &tree); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			spoil(t, tree)
		}
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		s, err := snapshot.DecodeAnySum(text)
		if err != nil {
			return
		}
		want := rapid.SampledFrom(wants).Draw(t, "want")
		begin := time.Now()
		model.Forecast(want, s.Observed(want), s.At)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("a plan took %s", took)
		}
	})
}
