//go:build e2e

package e2e

import (
	"fmt"
	"testing"
)

// web is a service of the test server, quick to judge. more are further fields.
func web(version string, more ...string) string {
	text := fmt.Sprintf(`image: "havn-hello:%s", port: 8080, env: SERVICE: "web", health: {http: path: "/healthz", interval: "500ms"}
	rollout: {watch: "500ms", drain: "10s"}`, version)
	for _, m := range more {
		text += "\n\t" + m
	}
	return "services: web: {\n\t" + text + "\n}\nroutes: web: {hosts: [\"web.test\"], paths: \"/\": service: \"web\"}\n"
}

func TestFiftyRolloutsInARow(t *testing.T) {
	s := newScenario(t)
	hello(t, "1", "2")
	s.write(web("1"))
	s.start()
	s.converge()
	s.load("web.test", "web", "1", "2")
	for i := range 50 {
		version := []string{"2", "1"}[i%2]
		s.write(web(version, fmt.Sprintf(`env: ROUND: "%d"`, i)))
		s.answers(version)
	}
	s.converge()
	s.finish()
}

func TestRollingWithThreeReplicas(t *testing.T) {
	s := newScenario(t)
	hello(t, "1", "2")
	s.write(web("1", "replicas: 3"))
	s.start()
	s.converge()
	s.load("web.test", "web", "1", "2")
	s.apply(web("2", "replicas: 3"))
	s.answers("2")
	s.finish()
}
