//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// store keeps a value with the service, or asks for it if value is "".
func (s *scenario) store(value string) string {
	s.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if value != "" {
		method, body = http.MethodPost, strings.NewReader(value)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.http()+"/store", body)
	if err != nil {
		s.t.Fatal(err)
	}
	// A connection that was idle over the switch may still lead to the old replica.
	req.Host, req.Close = "web.test", true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("store: %s, %v", resp.Status, err)
	}
	return string(text)
}

// outage is the time from the first to the last lost request, the longest of all
// streams.
func (s *scenario) outage() time.Duration {
	var longest time.Duration
	for _, st := range s.streams {
		if lost := st.Report().Lost; len(lost) > 0 {
			longest = max(longest, lost[len(lost)-1].At.Sub(lost[0].At))
		}
	}
	return longest
}

// A volume has one writer, so its service is replaced stop-first: the plan says
// so, the outage is short, and the data are there afterwards.
func TestAServiceWithAVolumeIsReplacedStopFirst(t *testing.T) {
	const volume = `volumes: "/data": "web-data"`
	withVolume := func(version string) string { return site(web(version, volume), `volumes: "web-data": {}`) }
	s := running(t, withVolume("1"), "1", "2")
	s.store("kept")
	s.write(withVolume("2"))
	s.mayLose = 2000
	s.answers("2")
	s.converge()
	if got := s.store(""); got != "kept" {
		t.Errorf("the volume holds %q after the replacement", got)
	}
	t.Logf("outage %s", s.outage().Round(time.Millisecond))
	s.mayLose = len(s.streams[0].Report().Lost) + len(s.streams[1].Report().Lost) // and none from here on
	s.apply(site(withVolume("2"), svc("other", "1")))
	s.finish()
}

func TestPlanNamesTheOutageOfAVolume(t *testing.T) {
	withVolume := func(version string) string {
		return site(web(version, `volumes: "/data": "web-data"`), `volumes: "web-data": {}`)
	}
	s := running(t, withVolume("1"), "1")
	hello(t, "2")
	s.stop()
	s.write(withVolume("2"))
	out, err := s.havn("plan", s.dir)
	if err == nil || !strings.Contains(out, "DOWN for about") {
		t.Errorf("plan says, and ends with %v:\n%s", err, out)
	}
	s.write(withVolume("1"))
	s.start()
	s.finish()
}
