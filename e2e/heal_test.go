//go:build e2e

package e2e

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/console"
)

// Somebody takes a replica away by hand. What was in flight on it is lost by that;
// the other replica takes all that comes, and havn puts things right.
func TestAReplicaTakenByHandIsReplaced(t *testing.T) {
	for _, act := range []string{"rm --force", "kill", "pause", "stop --time 1"} {
		t.Run(strings.Fields(act)[0], func(t *testing.T) {
			s := running(t, web("1", "replicas: 2"), "1")
			s.mayLose = 500 // some ten on an idle machine
			victim := s.replicas("web")[0]
			id := docker(t, "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", victim)
			begin := time.Now()
			docker(t, append(strings.Fields(act), victim)...)
			s.await("two replicas serve again", func(st console.Status) bool {
				now, err := tryDocker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", victim)
				one := service(st, "web")
				return (err != nil || now != id) && one.Ready == 2 && one.Routed == 2 && st.Converged
			})
			t.Logf("healed in %s", time.Since(begin).Round(time.Millisecond))
			s.finish()
		})
	}
}

// The last replica is taken: the outage lasts as long as a start.
func TestTheOnlyReplicaTakenByHandIsReplaced(t *testing.T) {
	s := running(t, web("1"), "1")
	s.mayLose = 3000
	for _, act := range []string{"rm --force", "kill"} {
		victim := s.replicas("web")[0]
		begin := time.Now()
		docker(t, append(strings.Fields(act), victim)...)
		s.comeFrom("web.test", "web")
		t.Logf("%s: healed in %s", act, time.Since(begin).Round(time.Millisecond))
	}
	s.finish()
}

// nginx ends or stands still, by its container or by its process. Its connections are lost with
// it; it comes back with the configuration it had.
func TestTheGatewayComesBack(t *testing.T) {
	s := running(t, web("1"), "1")
	s.mayLose = 3000
	gateway := s.site() + "-gateway"
	before, err := s.status()
	if err != nil {
		t.Fatal(err)
	}
	for _, act := range []string{"kill", "restart", "pause", "rm --force"} {
		begin := time.Now()
		docker(t, append(strings.Fields(act), gateway)...)
		s.comeFrom("web.test", "web")
		t.Logf("%s: served again after %s", act, time.Since(begin).Round(time.Millisecond))
	}
	s.converge()
	after, err := s.status()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before.Routes, after.Routes) {
		t.Errorf("routes %+v came back as %+v", before.Routes, after.Routes)
	}
	s.finish()
}
