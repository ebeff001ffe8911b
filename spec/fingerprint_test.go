package spec

import (
	"reflect"
	"strings"
	"testing"
)

// full is a release with every field set.
func full() Release {
	return Release{ImageID: "sha256:1111", Service: Service{
		Name: "web", Image: "web:1", Pull: PullMissing, Replicas: 2,
		Command: []string{"c"}, Entrypoint: []string{"e"}, User: "1000", Workdir: "/w", Init: InitOn, Hostname: "n",
		Env:   map[string]string{"A": "1"},
		Files: map[string]File{"/f": {Content: "x", SHA256: "abc", Mode: 0o444}},
		Port:  80, Ports: map[string]Port{"m": {Port: 9100, Protocol: "tcp", Host: "127.0.0.1:9100"}},
		Volumes: map[string]VolumeMount{"/v": {Volume: "v", ReadOnly: true, Shared: true}}, Binds: map[string]string{"/b": "/host"},
		Resources: Resources{NanoCPUs: 5e8, Memory: 64 << 20, Pids: 512},
		Health: Health{
			Kind: HealthHTTP, Port: 80, Path: "/", Host: "h", Headers: map[string]string{"X": "y"}, Status: [2]int{200, 399}, Command: []string{"h"},
			Interval: 1, Timeout: 2, Successes: 3, Failures: 4, StartPeriod: 5, Settle: 6, Image: ImageCheck{Interval: 7, Timeout: 8, Failures: 9, StartPeriod: 10},
		},
		Rollout: Rollout{Strategy: Rolling, Forced: "f", Surge: 1, Watch: 1, Drain: 2, PullDeadline: 3, HealthyDeadline: 4, ProgressDeadline: 5, OnFailure: RollBack},
		Stop:    Stop{Signal: "SIGTERM", Grace: 10}, Needs: []string{"redis"}, Log: Log{MaxSize: 10, MaxFiles: 3},
		Security: Security{ReadOnlyRoot: true, CapAdd: []string{"A"}, CapDrop: []string{"B"}, Tmpfs: map[string]int64{"/t": 1}},
		Labels:   map[string]string{"l": "1"},
	}}
}

// inPlace are the fields whose change needs no new container. Every other one
// does: whoever adds a field decides here.
var inPlace = []string{
	"Service.Image",                                                                // the image's content address stands for it
	"Service.Pull", "Service.Replicas", "Service.Needs", "Service.Files[].Content", // its SHA256 stands for it
	"Service.Health.Interval", "Service.Health.Timeout", "Service.Health.Successes", "Service.Health.Failures", "Service.Health.StartPeriod",
	"Service.Health.Settle", "Service.Health.Command", "Service.Health.Image.*", "Service.Rollout.*", "Service.Stop.Grace",
}

// inContainer are those that an exec check brings into the container.
var inContainer = []string{"Service.Health.Interval", "Service.Health.Timeout", "Service.Health.Failures", "Service.Health.StartPeriod", "Service.Health.Command"}

func listedField(list []string, path string) bool {
	for _, pattern := range list {
		if prefix, all := strings.CutSuffix(pattern, "*"); pattern == path || all && strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// TestFingerprintFields changes each field by itself.
func TestFingerprintFields(t *testing.T) {
	for _, kind := range []HealthKind{HealthHTTP, HealthExec, HealthImage} {
		base := full()
		base.Service.Health.Kind = kind
		want := base.Fingerprint("site")
		changed := 0
		eachChange(reflect.ValueOf(&base).Elem(), "", func(path string) {
			changed++
			brought := kind == HealthExec && listedField(inContainer, path) || kind == HealthImage && strings.HasPrefix(path, "Service.Health.Image.")
			stays := listedField(inPlace, path) && !brought
			if same := base.Fingerprint("site") == want; same != stays {
				t.Errorf("%s (%s): the fingerprint stays: %v, want %v", path, kind, same, stays)
			}
		})
		if base.Fingerprint("site") != want {
			t.Error("the changes have not been taken back")
		}
		if changed < 50 {
			t.Errorf("%d fields have been changed", changed)
		}
	}
	if full().Fingerprint("site") == full().Fingerprint("other") {
		t.Error("two sites want the same container name")
	}
}

// eachChange sets every leaf below v to something else, calls f, and sets it back.
func eachChange(v reflect.Value, path string, f func(path string)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue
			}
			eachChange(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), f)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			old := v.MapIndex(key)
			elem := reflect.New(old.Type()).Elem()
			elem.Set(old)
			eachChange(elem, path+"[]", func(path string) {
				v.SetMapIndex(key, elem)
				f(path)
				v.SetMapIndex(key, old)
			})
		}
	case reflect.Slice, reflect.Array:
		eachChange(v.Index(0), path, f)
	default:
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		change(v)
		f(path)
		v.Set(old)
	}
}

func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "2")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint32:
		v.SetUint(v.Uint() + 1)
	default:
		v.SetInt(v.Int() + 1)
	}
}

// TestFingerprintIsGolden: a new havn that computed others would replace every
// container there is. If a field's meaning changes on purpose, so does
// fingerprintVersion.
func TestFingerprintIsGolden(t *testing.T) {
	exec := full()
	exec.Service.Health.Kind = HealthExec
	// Fields that came later hash at their default as if they were not there.
	older := func(r Release) Release {
		r.Service.Init, r.Service.Hostname, r.Service.Health.Image = InitAuto, "", ImageCheck{}
		return r
	}
	site, err := Evaluate(snapshotOf(map[string]string{"a.cue": "package site\n\nservices: a: {image: \"a:1\", port: 80}\n"}))
	if err != nil {
		t.Fatal(err)
	}
	plain := Release{Service: site.Services["a"], ImageID: "sha256:2222"}
	var got string
	for _, r := range []Release{older(full()), older(exec), plain, full()} {
		got += r.Fingerprint("site").Short() + " "
	}
	if want := golden; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

const golden = "8ec59f2c 8978d965 6eb5d560 b61a47a6 "

// TestStoredReleaseIsTheSame: what a container's label keeps is enough to tell its
// fingerprint again.
func TestStoredReleaseIsTheSame(t *testing.T) {
	r := full()
	if got, want := r.Stored().Fingerprint("site"), r.Fingerprint("site"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r.Stored().Service.Files["/f"].Content != "" || r.Service.Files["/f"].Content == "" {
		t.Error("the stored release has no content, the other one keeps it")
	}
}
