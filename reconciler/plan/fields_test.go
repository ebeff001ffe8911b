package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn.internal/spec"
)

func TestMain(m *testing.M) {
	if spec.IsChild() {
		os.Exit(spec.RunChild())
	}
	os.Exit(m.Run())
}

func load(t *testing.T, text string) spec.Site {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "site.cue"), []byte("package site\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	site, err := spec.Load(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return site
}

func lines(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintln(&b, c)
	}
	return b.String()
}

// every is a service with a value in each place that may hold a secret: "hush" and a digit.
const every = `services: web: {
	image: "web:1", port: 80, replicas: 2
	command: ["serve", "--token", "hush1"]
	entrypoint: ["/run", "hush2"]
	env: {A: "hush3", EMPTY: ""}
	labels: L: "hush4"
	files: "/etc/app.conf": {content: "hush5", mode: "0640"}
	health: http: {path: "/ok?key=hush6", headers: H: "hush7"}
	resources: {memory: "64m", cpus: 0.5}
	security: tmpfs: "/tmp": "2m"
	rollout: watch: "3s"
}
routes: r: {
	hosts: ["x.test", "y.test"]
	paths: "/": service: "web"
	headers: {request: Authorization: "hush8", response: "X-Key": "hush9"}
	body: max: "8m"
}`

// A new service shows what its spec says, all of it, and no default.
func TestOutlineShowsWhatASpecSays(t *testing.T) {
	web := load(t, every).Services["web"]
	const want = `command[0] added
command[1] added
command[2] added
entrypoint[0] added
entrypoint[1] added
env.A added
env.EMPTY: (none) -> ""
files./etc/app.conf added
files./etc/app.conf.mode: (none) -> "0640"
health.http.headers.H added
health.http.path added
health.http.status: (none) -> [200,399]
health.kind: (none) -> "http"
image: (none) -> "web:1"
labels.L added
port: (none) -> 80
replicas: (none) -> 2
resources.cpus: (none) -> 0.5
resources.memory: (none) -> "64m"
rollout.watch: (none) -> "3s"
security.tmpfs./tmp: (none) -> "2m"
`
	if got := lines(Outline(spec.Release{Service: web, ImageID: "sha256:1"}, HideValues)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Whatever may be secret is said to change, and is not said.
func TestChangesHideValues(t *testing.T) {
	before, after := load(t, every), load(t, strings.ReplaceAll(every, "hush", "lull"))
	a, b := spec.Release{Service: before.Services["web"]}, spec.Release{Service: after.Services["web"]}
	const want = `command[2] changed
entrypoint[1] changed
env.A changed
files./etc/app.conf changed
health.http.headers.H changed
health.http.path changed
labels.L changed
`
	if got := lines(Changes(a, b, HideValues)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := Difference(a, b); got != "command[2] changed, entrypoint[1] changed, env.A changed, files./etc/app.conf changed, and 3 more" {
		t.Errorf("the reason is %s", got)
	}
	shown := lines(Changes(a, b, ShowValues))
	for _, want := range []string{`command[2]: "hush1" -> "lull1"`, `env.A: "hush3" -> "lull3"`, `health.http.headers.H: "hush7" -> "lull7"`, "files./etc/app.conf changed"} {
		if !strings.Contains(shown, want) {
			t.Errorf("with values there is no %s in\n%s", want, shown)
		}
	}
	// What a snapshot shows of one side is all that is shown of the other.
	for _, v := range []Values{HideValues, ShowValues} {
		got := lines(Changes(a.Hide("1"), b, v))
		if strings.Contains(got, "hush") || strings.Contains(got, "lull") || !strings.Contains(got, "command") || !strings.Contains(got, "env.A") {
			t.Errorf("against a hidden release: %s", got)
		}
	}
	old, now := Locations(before.Routes["r"])[0], Locations(after.Routes["r"])[0]
	if got := lines(LocationChanges(old, now, HideValues)); got != "headers.request.Authorization changed\nheaders.response.X-Key changed\n" {
		t.Errorf("of a route: %s", got)
	}
	if got := lines(LocationChanges(old, now, ShowValues)); !strings.Contains(got, `headers.request.Authorization: "hush8" -> "lull8"`) {
		t.Errorf("of a route, with values: %s", got)
	}
}

// Values have the units that specs have, and signs are as they are.
func TestChangesAreAsWritten(t *testing.T) {
	site := load(t, `services: web: {image: "web:1", port: 80, resources: {memory: "1g", cpus: 2}, log: maxSize: "1500k", files: "/f": content: "x"}
routes: r: {paths: "/": {service: "web", body: max: "8m"}, hosts: ["r.test"]}`)
	s := site.Services["web"]
	was := s
	was.Resources = spec.Resources{Pids: s.Resources.Pids, Memory: 1000}
	was.Log.MaxSize = 0
	was.Files = map[string]spec.File{"/f": {SHA256: s.Files["/f"].SHA256, Mode: 0o600}}
	const want = `files./f.mode: "0600" -> "0444"
log.maxSize: "0" -> "1500k"
resources.cpus: (none) -> 2
resources.memory: "1000" -> "1g"
`
	if got := lines(Changes(spec.Release{Service: was}, spec.Release{Service: s}, HideValues)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	l := Locations(site.Routes["r"])[0]
	smaller := l
	smaller.Target.Options.Body.Max = 3000
	if got := lines(LocationChanges(smaller, l, HideValues)); got != "body.max: \"3000\" -> \"8m\"\n" {
		t.Errorf("of a route: %s", got)
	}
	moved := l
	moved.Target.Redirect = &spec.Redirect{To: "https://x.test/<a>&b"}
	if got := lines(LocationChanges(l, moved, HideValues)); !strings.Contains(got, `"https://x.test/<a>&b"`) {
		t.Errorf("of a redirect: %s", got)
	}
}
