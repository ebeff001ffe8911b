package spec

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// inClear are the texts of a release that leave the machine as they are.
var inClear = []string{
	"ImageID", "Service.Name", "Service.Image", "Service.Pull", "Service.User", "Service.Workdir", "Service.Ports[].Protocol",
	"Service.Ports[].Host", "Service.Volumes[].Volume", "Service.Binds[]", "Service.Health.Kind", "Service.Health.Path", "Service.Health.Host",
	"Service.Rollout.Strategy", "Service.Rollout.Forced", "Service.Rollout.OnFailure", "Service.Stop.Signal", "Service.Needs",
	"Service.Init", "Service.Hostname", "Service.Security.CapAdd", "Service.Security.CapDrop",
}

// A field that is new in a service is hidden, or somebody has decided that it may
// be seen.
func TestHideLeavesOnlyWhatIsNoSecret(t *testing.T) {
	base, hidden := full(), 0
	texts(reflect.ValueOf(&base).Elem(), "", func(path string, set func(string)) {
		set("s3cret")
		out, err := json.Marshal(base.Hide("f"))
		if err != nil {
			t.Fatal(err)
		}
		seen := strings.Contains(string(out), "s3cret")
		if clear := listedField(inClear, path); seen != clear {
			t.Errorf("%s is seen: %v, want %v", path, seen, clear)
		}
		if !seen {
			hidden++
		}
	})
	if hidden < 8 {
		t.Errorf("%d fields are hidden", hidden)
	}
	base.Service.Health.Path = "/healthz?key=s3cret"
	if out := base.Hide("f"); strings.Contains(out.Service.Health.Path, "s3cret") {
		t.Errorf("health path %s", out.Service.Health.Path)
	}
}

// texts calls f for each text below v; set changes it until f returns.
func texts(v reflect.Value, path string, f func(path string, set func(string))) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				texts(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), f)
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			elem := reflect.New(v.Type().Elem()).Elem()
			elem.Set(v.MapIndex(key))
			texts(elem, path+"[]", func(path string, set func(string)) {
				old := v.MapIndex(key)
				f(path, func(s string) { set(s); v.SetMapIndex(key, elem) })
				v.SetMapIndex(key, old)
			})
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(v.Index(i), path, f)
		}
	case reflect.String:
		old := v.String()
		f(path, v.SetString)
		v.SetString(old)
	}
}

func TestHideTellsWhatChanged(t *testing.T) {
	a, b := full(), full()
	b.Service.Env = map[string]string{}
	for k, v := range a.Service.Env {
		b.Service.Env[k] = v + "x"
	}
	b.Service.Command = append([]string{}, "another")
	x, y := a.Hide("11111111"), b.Hide("22222222")
	for k := range x.Service.Env {
		if x.Service.Env[k] == y.Service.Env[k] {
			t.Errorf("%s reads %s either way", k, x.Service.Env[k])
		}
	}
	if reflect.DeepEqual(x.Service.Command, y.Service.Command) || len(y.Service.Command) != 1 {
		t.Errorf("commands %v and %v", x.Service.Command, y.Service.Command)
	}
	if again := x.Hide("11111111"); !reflect.DeepEqual(again, x) {
		t.Error("what is hidden is hidden again, as another value")
	}
	if x.Fingerprint("site") != "11111111" || a.Fingerprint("site") == "11111111" {
		t.Errorf("fingerprints %s and %s", x.Fingerprint("site"), a.Fingerprint("site"))
	}
	if a.Service.Files["/f"].SHA256 != full().Service.Files["/f"].SHA256 {
		t.Error("hiding has changed the release itself")
	}
}
