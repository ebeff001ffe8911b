package hold_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"havn.internal/gitops/hold"
	"havn.internal/spec"
)

const (
	commitA = "aaaaaaa1111111111111111111111111111111ff"
	commitB = "aaaaaaa2222222222222222222222222222222ff"
	content = "sha256:0123456789abcdef"
)

func TestFind(t *testing.T) {
	past := hold.Past{{Revision: commitA}, {Revision: commitB}, {Revision: content}}
	for text, want := range map[string]string{
		"aaaaaaa1": commitA, commitB: commitB, "sha256:0123456": content, "0123456": content,
		"aaaaaaa": "more than one", "aaaaaa": "too short", "sha256:012": "too short", "": "too short", "bbbbbbb": "not an earlier accepted revision",
	} {
		k, err := past.Find(text)
		if k.Revision != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %s, %v; want %s", text, k.Revision, err, want)
		}
	}
	if _, err := past.Find("bbbbbbb"); !errors.Is(err, hold.ErrUnknown) || !strings.Contains(err.Error(), "sha256:0123456789abcdef, aaaaaaa22222") {
		t.Errorf("it does not say what is known: %v", err)
	}
}

func TestLastGood(t *testing.T) {
	past := hold.Past{{Revision: "1", Good: true}, {Revision: "2", Good: true}, {Revision: "3"}, {Revision: "4"}, {Revision: "5", Good: true}}
	for from, want := range map[string]string{"5": "2", "4": "2", "2": "1", "1": "no revision before 1", "6": "not among those"} {
		k, err := past.Last(from)
		if k.Revision != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("from %s: %s, %v; want %s", from, k.Revision, err, want)
		}
	}
}

func TestLastOther(t *testing.T) {
	moved := known(web("2"))
	moved.Images = map[string]string{"web:2": "sha256:moved"}
	same, without := known(web("2")), known(web("3"))
	same.Revision, without.Revision = "2b", "none"
	delete(without.Site.Services, "web")
	past := hold.Past{known(web("1")), moved, known(web("2")), same, without, known(web("4"))}
	past[2].Revision = "2a"
	now := spec.Release{Service: web("2").Services["web"], ImageID: "sha256:web:2"}
	fine := func(spec.Release) bool { return false }
	// What only means another image is another; what is the same, or not there, is passed over.
	if k, err := past.LastOther("4", "web", now, fine); err != nil || k.Revision != "2" {
		t.Errorf("%s, %v", k.Revision, err)
	}
	if k, err := past.LastOther("4", "web", now, func(r spec.Release) bool { return r.ImageID == "sha256:moved" }); err != nil || k.Revision != "1" {
		t.Errorf("past a condemned one: %s, %v", k.Revision, err)
	}
	if _, err := past.LastOther("1", "web", now, fine); err == nil {
		t.Error("there is nothing before the first")
	}
	if !past.HasService("web") || past.HasService("db") {
		t.Error("the services are others")
	}
}

func TestMeant(t *testing.T) {
	past, now := hold.Past{known(site("1", map[string]string{"gone": "gone:1"}))}, web("2")
	for words, want := range map[string][2]string{
		"": {}, "web": {"web", ""}, "gone": {"gone", ""}, "1f3c2a9": {"", "1f3c2a9"}, "web 1f3c2a9": {"web", "1f3c2a9"}, "gone 1f3c2a9": {"gone", "1f3c2a9"},
	} {
		service, revision, err := past.Meant(strings.Fields(words), now)
		if err != nil || service != want[0] || revision != want[1] {
			t.Errorf("%q: service %q, revision %q, %v", words, service, revision, err)
		}
	}
	if _, _, err := past.Meant([]string{"wbe", "1f3c2a9"}, now); err == nil || !strings.Contains(err.Error(), `no service "wbe"`) {
		t.Errorf("a service that there is not: %v", err)
	}
}

// A wish's own images go before those of the revision it was made from; what no service
// uses any more is left out.
func TestReferences(t *testing.T) {
	w := hold.Wish{Site: web("2"), Images: map[string]string{"web:2": "sha256:then"}}
	got := w.References(map[string]string{"web:2": "sha256:now", "api:2": "sha256:api", "web:1": "sha256:old"})
	if want := map[string]string{"web:2": "sha256:then", "api:2": "sha256:api"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShort(t *testing.T) {
	for long, want := range map[string]string{
		commitA: "aaaaaaa11111", commitA + "+web@1": "aaaaaaa11111+web@1", content: content, "": "",
		strings.Repeat("ab", 32) + "+web@1": "abababababab+web@1",
	} {
		if got := hold.Short(long); got != want {
			t.Errorf("%s: %s, want %s", long, got, want)
		}
	}
}
