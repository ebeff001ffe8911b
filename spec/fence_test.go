package spec

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The process that evaluates a spec has no rights: those of another user where this is
// root, no capability, no socket, no new privileges.
func TestTheChildHasNoRights(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := snapshotOf(map[string]string{"site.cue": "package site\n" + bombs["loops"]}).Evaluate(ctx)
		ended <- err
	}()
	status := ""
	for end := time.Now().Add(time.Minute); status == "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		status = childStatus()
	}
	cancel()
	<-ended
	facts := map[string]string{}
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		facts[name] = strings.Join(strings.Fields(value), " ")
	}
	if facts["NoNewPrivs"] != "1" || facts["Seccomp"] != "2" || strings.Trim(facts["CapEff"]+facts["CapPrm"], "0") != "" {
		t.Errorf("the child has\n%s", status)
	}
	if os.Getuid() == 0 && (facts["Uid"] != "65533 65533 65533 65533" || facts["Groups"] != "") {
		t.Errorf("the child is\n%s", status)
	}
}

// childStatus is what proc(5) says of a child of this process that evaluates.
func childStatus() string {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		status, _ := os.ReadFile(filepath.Join(proc, "status"))
		if bytes.Contains(line, []byte("\x00"+childArg+"\x00")) && bytes.Contains(status, []byte("\nPPid:\t"+strconv.Itoa(os.Getpid())+"\n")) {
			return string(status)
		}
	}
	return ""
}
