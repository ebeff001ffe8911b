package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func hostFile(t *testing.T, text string) (HostFile, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "web1.host.cue")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadHost(t.Context(), name)
}

func TestHostFile(t *testing.T) {
	h, err := hostFile(t, `// The host's own.
name: "web1"
_forge: "forge.example.no"
source: git: {
	url: "ssh://git@\(_forge)/acme/site.git"
	trust: policy: "every"
}
freezes: [{from: "2026-12-23T12:00:00Z", until: "2027-01-02T08:00:00Z"}]
`)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"web1","source":{"git":{"url":"ssh://git@forge.example.no/acme/site.git","trust":{"policy":"every"}}},"freezes":[{"from":"2026-12-23T12:00:00Z","until":"2027-01-02T08:00:00Z"}]}`
	if string(h.Config) != want {
		t.Errorf("got  %s\nwant %s", h.Config, want)
	}
	for path, at := range map[string]string{"source.git.trust.policy": ":6:17: ", "source.git.url": ":5:7: ", "freezes": ":8:10: ", "source.git.nothing": ":4:14: "} {
		if got := h.At(path, "wrong", ""); !strings.HasPrefix(got.String(), h.Name+at+path+": wrong") {
			t.Errorf("%s is at %s, want %s", path, got, at)
		}
	}
}

// Every mistake is found at once, each where it stands.
func TestHostFileProblems(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"htpp: \":80\"\nsource: git: {url: \"\", trust: {policy: \"all\", allowedSigner: \"/x\"}, interval: 5}",
			`:1:1: htpp: no such field; did you mean "http"?
:2:20: source.git.url: expected a string that is not empty; got ""
:2:40: source.git.trust.policy: expected "none", "tip" or "every"; got "all"
:2:47: source.git.trust.allowedSigner: no such field; did you mean "allowedSigners"?
:2:79: source.git.interval: expected a duration such as "500ms", "10s" or "1m30s"; got the number 5`},
		{`hook: kind: "github"`, `:1:1: hook.secretFile: missing; expected an absolute path, such as "/data"`},
		{`freezes: [{from: "2026-12-23T12:00:00Z", until: "later"}]`, `:1:49: freezes[0].until: expected a time as of RFC 3339, such as "2026-12-23T12:00:00+01:00"; got "later"`},
		{`name: string`, `:1:7: name: has no concrete value, only the constraint string; set one`},
		{`name: "a`, `:1:7: string literal not terminated`},
		{"name: \"a\"\nname: \"b\"", `:1:7: name: has the value "b" and also "a"; remove one of them`},
		{"package host\n\nservices: {}", `:3:1: services: no such field; see #HostConfig in schemas/v1 for the fields`},
	} {
		h, err := hostFile(t, c.text)
		problems, ok := err.(Problems)
		if !ok {
			t.Errorf("%q: %v, %s", c.text, err, h.Config)
			continue
		}
		lines := strings.Split(c.want, "\n")
		for i, p := range problems {
			if len(problems) != len(lines) || filepath.Base(p.File) != "web1.host.cue" || !strings.Contains(p.String(), lines[i]) {
				t.Errorf("%q: got\n%v\nwant\n%s", c.text, problems, c.want)
				break
			}
		}
	}
}

// A host file that is not there, is a directory or asks for too much is one problem.
func TestHostFileThatIsNone(t *testing.T) {
	for name, want := range map[string]string{"/nonexistent/host.cue": "does not exist", t.TempDir(): "host file"} {
		if _, err := LoadHost(t.Context(), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bomb := filepath.Join(t.TempDir(), "bomb.cue")
	if err := os.WriteFile(bomb, []byte(`import "list"
_a: [for x in list.Range(0, 100000000, 1) {x}]
name: "a\(len(_a))"`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := loadHost(t.Context(), bomb, tight())
	if problems, ok := err.(Problems); !ok || len(problems) != 1 {
		t.Errorf("a bomb: %v", err)
	}
}

// A host file that is there and can't be read is told as what it is.
func TestHostFileThatCannotBeRead(t *testing.T) {
	_, err := LoadHost(t.Context(), "/proc/self/mem")
	if err == nil || !strings.Contains(err.Error(), "the host file /proc/self/mem can't be opened: input/output error") {
		t.Errorf("got %v", err)
	}
}

// How long images stay has defaults, and 0 is a value.
func TestHostFileImages(t *testing.T) {
	for _, c := range []struct {
		text  string
		keep  time.Duration
		bytes int64
	}{
		{"", 7 * 24 * time.Hour, 10 << 30},
		{`images: {keep: "0s", size: 0}`, 0, 0},
		{`images: {keep: "720h", size: "20g"}`, 720 * time.Hour, 20 << 30},
	} {
		h, err := hostFile(t, "name: \"a\"\n"+c.text)
		if err != nil {
			t.Fatal(err)
		}
		if keep, bytes, err := h.Images(); keep != c.keep || bytes != c.bytes || err != nil {
			t.Errorf("%q: %s, %d, %v", c.text, keep, bytes, err)
		}
	}
	if keep, _, err := (HostFile{}).Images(); keep == 0 || err != nil {
		t.Errorf("without a host file: %s, %v", keep, err)
	}
}
