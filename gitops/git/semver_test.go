package git

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRanges(t *testing.T) {
	for text, c := range map[string]struct{ in, out string }{
		"1.2.3":          {"1.2.3 v1.2.3", "1.2.4 1.2.2 1.2.3-rc.1"},
		"^1.2.3":         {"1.2.3 1.9.0", "1.2.2 2.0.0 1.3.0-rc.1 2.0.0-rc.1"},
		"^0.2.3":         {"0.2.3 0.2.9", "0.3.0 0.2.2"},
		"^0.0.3":         {"0.0.3", "0.0.4 0.0.2"},
		"^1":             {"1.0.0 1.99.0", "0.9.9 2.0.0"},
		"~1.2.3":         {"1.2.3 1.2.9", "1.3.0 1.2.2"},
		"~1":             {"1.0.0 1.9.9", "2.0.0"},
		"1.x":            {"1.0.0 1.9.9", "2.0.0 0.1.0"},
		"*":              {"0.0.1 99.0.0", "1.0.0-alpha"},
		">=1.2 <2":       {"1.2.0 1.9.9", "2.0.0 1.1.9 2.0.0-alpha"},
		">= 1.2, < 1.4":  {"1.2.0 1.3.9", "1.4.0"},
		">1.2":           {"1.3.0", "1.2.0 1.2.9"},
		"<=1.2":          {"1.2.9 0.1.0", "1.3.0"},
		"^1 || ^3":       {"1.1.0 3.1.0", "2.0.0 4.0.0"},
		">=1.0.0-rc.1":   {"1.0.0-rc.1 1.0.0-rc.10 1.0.0", "1.0.0-beta 0.9.0"},
		"=1.2.3-rc.1":    {"1.2.3-rc.1", "1.2.3 1.2.3-rc.2"},
		"<1.0.0":         {"0.9.9", "1.0.0 1.0.0-rc.1"},
		"v1.2 - nothing": {"", ""},
	} {
		r, err := ParseRange(text)
		if c.in == "" {
			if err == nil {
				t.Errorf("%q is a range", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for v := range strings.FieldsSeq(c.in) {
			if got, ok := ParseVersion(v); !ok || !r.Has(got) {
				t.Errorf("%q does not have %s", text, v)
			}
		}
		for v := range strings.FieldsSeq(c.out) {
			if got, ok := ParseVersion(v); !ok || r.Has(got) {
				t.Errorf("%q has %s", text, v)
			}
		}
	}
	for _, bad := range []string{"", " ", "||", "1.2.3.4", "a", ">>1", "^", "1..2", "-1", "1.2-rc", "~>1", "1 || "} {
		if _, err := ParseRange(bad); err == nil {
			t.Errorf("%q is a range", bad)
		}
	}
	for _, bad := range []string{"1.2", "01.2.3", "1.2.3-", "1.2.3-a..b", "1.2.3 ", "x1.2.3", "1.2.3\n", "1.2.99999999999"} {
		if v, ok := ParseVersion(bad); ok {
			t.Errorf("%q is the version %v", bad, v)
		}
	}
}

// The order of semver.org, 11: each is before the next.
func TestVersionsAreOrdered(t *testing.T) {
	order := strings.Fields("1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.1.0 1.10.0 2.0.0")
	version := rapid.Custom(func(t *rapid.T) Version {
		v, _ := ParseVersion(rapid.SampledFrom(order).Draw(t, "version"))
		return v
	})
	for i := range len(order) - 1 {
		a, _ := ParseVersion(order[i])
		b, _ := ParseVersion(order[i+1])
		if a.Compare(b) >= 0 || b.Compare(a) <= 0 || a.Compare(a) != 0 {
			t.Errorf("%s is not before %s", order[i], order[i+1])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := version.Draw(t, "a"), version.Draw(t, "b"), version.Draw(t, "c")
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatalf("%v, %v, %v are in no order", a, b, c)
		}
	})
}
