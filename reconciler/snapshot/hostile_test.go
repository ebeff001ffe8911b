package snapshot_test

import (
	"bytes"
	"strings"
	"testing"

	"havn.internal/reconciler/model"
	"havn.internal/reconciler/plan"
	"havn.internal/reconciler/snapshot"
)

// Whatever is wrong with a file, one line says so.
func TestAHostileFileIsRefused(t *testing.T) {
	whole := string(file(t, at(site("web"))))
	for name, c := range map[string]struct{ text, want string }{
		"empty":            {"", "is empty"},
		"cut short":        {whole[:len(whole)/2], "ends too early"},
		"no JSON":          {"services: web: {}", "is damaged at byte 1"},
		"another JSON":     {`{"services": {}}`, "is no host snapshot"},
		"a list":           {`[]`, "can't be read"},
		"another version":  {strings.Replace(whole, `"version":2`, `"version":7`, 1), "version 7, this havn reads version 2"},
		"edited":           {strings.Replace(whole, `"generation":3`, `"generation":4`, 1), "damaged or edited"},
		"one more field":   {strings.Replace(whole, `"site":`, `"more": 1, "site":`, 1), `unknown field`},
		"a bit fell over":  {strings.Replace(whole, "acme/web", "acme/wec", 1), "damaged or edited"},
		"deep":             {`{"format": ` + strings.Repeat("[", 1<<20), "is damaged"},
		"two in one":       {whole + whole, "is damaged"},
		"huge":             {`{"format": "` + strings.Repeat("x", snapshot.MaxSize), "larger than 16 MiB"},
		"another encoding": {strings.ReplaceAll(whole, "s", "\xff"), "is damaged"},
	} {
		_, err := snapshot.Read(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A file with a right checksum may still describe a host that can't be.
func TestAHostThatCantBeIsRefused(t *testing.T) {
	base, err := snapshot.Decode(file(t, at(site("web"))))
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*snapshot.Snapshot){
		"replicas is 1000000": func(s *snapshot.Snapshot) { s.Releases[0].Service.Replicas = 1e6 },
		"rollout.drain is -1": func(s *snapshot.Snapshot) { s.Releases[0].Service.Rollout.Drain = -1 },
		`strategy "x"`:        func(s *snapshot.Snapshot) { s.Releases[0].Service.Rollout.Strategy = "x" },
		"fingerprint":         func(s *snapshot.Snapshot) { s.Releases[0].Fingerprint = "x" },
		"release 99":          func(s *snapshot.Snapshot) { s.Containers[0].Release = 99 },
		"has release -1":      func(s *snapshot.Snapshot) { s.Good["web"] = -1 },
		`state "flying"`:      func(s *snapshot.Snapshot) { s.Containers[0].State = "flying" },
		"is there twice":      func(s *snapshot.Snapshot) { s.Containers[1] = s.Containers[0] },
		"slot":                func(s *snapshot.Snapshot) { s.Containers[0].Slot = 7 },
		`location "_"`:        func(s *snapshot.Snapshot) { s.Nginx.Locations[0].Path = "" },
		"objects, at most":    func(s *snapshot.Snapshot) { s.Verdicts = make([]snapshot.Verdict, 30_000) },
	} {
		s := base
		s.Releases = append([]snapshot.Release{}, base.Releases...)
		s.Containers = append([]snapshot.Container{}, base.Containers...)
		s.Nginx.Locations = append([]snapshot.Location{}, base.Nginx.Locations...)
		s.Good = map[string]int{"web": base.Good["web"]}
		change(&s)
		text, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := snapshot.Decode(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzDecode: what is taken for a snapshot can be planned against, and is written
// as it was read.
func FuzzDecode(f *testing.F) {
	whole := file(f, at(site("api", "web")))
	f.Add(whole)
	f.Add(file(f, plan.Observed{Site: "s", Network: plan.Network{Fixed: at(site()).Network.Fixed}}))
	f.Add([]byte(`{"format":"havn host snapshot","version":2}`))
	want := site("web")
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := snapshot.Decode(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
			s, err = snapshot.DecodeAnySum(text)
		}
		if err != nil {
			return
		}
		model.Forecast(want, s.Observed(want), s.At)
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := snapshot.Decode(again); err != nil {
			t.Errorf("written, and not read: %v", err)
		} else if more, _ := back.Encode(); !bytes.Equal(more, again) {
			t.Error("another file each time")
		}
	})
}
