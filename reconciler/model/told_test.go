package model_test

import (
	"testing"

	"havn.internal/reconciler/model"
)

// What the machine is told is a change like any other, and part of the hash.
func TestARoadOnAnotherMachine(t *testing.T) {
	want := site(service("web", "web:1", 1))
	hash := func(before, now model.Told) (string, int) {
		r := model.Forecast(want, grown(t, want), start)
		r.On(before, now)
		if r.Pending() != (len(r.Machine) > 0) {
			t.Errorf("pending: %v with %v", r.Pending(), r.Machine)
		}
		return r.Hash, len(r.Machine)
	}
	a, b := model.Told{"http": ":80", "gateway": "container"}, model.Told{"http": ":81", "gateway": "container"}
	same, none := hash(a, a)
	if again, _ := hash(nil, a); none != 0 || again != same {
		t.Errorf("the hash is %s and %s, with %d changes", same, again, none)
	}
	if other, n := hash(a, b); n != 1 || other == same {
		t.Errorf("with another address: %s, before %s, %d changes", other, same, n)
	}
	if _, n := hash(model.Told{"gateway": "host"}, b); n != 1 {
		t.Errorf("what is not known to have been told before is no change; there are %d", n)
	}
}
