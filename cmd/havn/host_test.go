package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"havn.internal/e2e/images"
)

// patience bounds every wait of a script.
const patience = 5 * time.Minute

// TestHostScripts runs testdata/host/*.txtar: the commands that work on a host,
// against this machine's engine and a real nginx. Each script has a site of its
// own: $STATE, $SITE and $HTTP; a second one may be $STATE-b, $SITE-b and $HTTP2.
func TestHostScripts(t *testing.T) {
	ctx := context.Background()
	if _, err := images.Nginx(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := images.Hello(ctx, "1"); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/host",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUpHost,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"get": get, "until": until, "listen": listen, "docker": dockerCommand,
			"free": free, "hook": hookCommand, "forge": forgeCommand, "statuses": statusesCommand, "newest": newestCommand, "keep": keep,
			"chat": chatCommand, "messages": messages, "untold": untold,
		},
	})
}

func setUpHost(e *testscript.Env) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	site := fmt.Sprintf("ht%d-%s", os.Getpid(), strings.TrimPrefix(filepath.Base(e.WorkDir), "script-"))
	e.Setenv("SITE", site)
	e.Setenv("STATE", e.WorkDir+"/state")
	second, err := freePort()
	if err != nil {
		return err
	}
	e.Setenv("HTTP2", fmt.Sprintf("127.0.0.1:%d", second))
	e.Setenv("HTTP", fmt.Sprintf("127.0.0.1:%d", port))
	// Not before the script's own processes have ended: a havn would make again
	// what is removed.
	t, isT := e.T().(interface{ Cleanup(func()) })
	if !isT {
		return errors.New("the test has no cleanup")
	}
	t.Cleanup(func() { removeSite(site); removeSite(site + "-b") })
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// removeSite removes what a script left behind, whatever it was.
func removeSite(site string) {
	out, err := exec.Command("docker", "ps", "-aq", "--filter", "label=havn.site="+site).Output()
	if ids := strings.Fields(string(out)); err == nil && len(ids) > 0 {
		_ = exec.Command("docker", append([]string{"rm", "-f"}, ids...)...).Run()
	}
	for _, kind := range []string{"network", "volume"} {
		out, err := exec.Command("docker", kind, "ls", "-q", "--filter", "label=havn.site="+site).Output()
		if ids := strings.Fields(string(out)); err == nil && len(ids) > 0 {
			_ = exec.Command("docker", append([]string{kind, "rm"}, ids...)...).Run()
		}
	}
}

// get PATH STATUS [REGEXP] asks the gateway until it answers so.
func get(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: get PATH STATUS [REGEXP]")
	}
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	body := regexp.MustCompile(strings.Join(args[2:], " "))
	last := ""
	poll(ts, func() bool {
		resp, err := http.Get("http://" + ts.Getenv("HTTP") + args[0])
		if err != nil {
			last = err.Error()
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		last = fmt.Sprintf("%s: %s", resp.Status, text)
		return err == nil && resp.StatusCode == status && body.Match(text)
	}, func() string { return "get " + args[0] + ": " + last })
}

// until REGEXP COMMAND... runs a command until its output matches.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND...")
	}
	want := regexp.MustCompile("(?s)" + args[0])
	last := ""
	poll(ts, func() bool {
		// A command that fails is tried again, too.
		_ = ts.Exec(args[1], args[2:]...)
		last = ts.ReadFile("stdout") + ts.ReadFile("stderr")
		return want.MatchString(last)
	}, func() string { return fmt.Sprintf("%q never came: %s", args[0], last) })
}

func poll(ts *testscript.TestScript, done func() bool, what func() string) {
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			ts.Fatalf("%s", what())
		}
		<-time.After(20 * time.Millisecond)
	}
}

// listen takes the address of $HTTP until the script ends.
func listen(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", ts.Getenv("HTTP"))
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}

// docker runs the docker command, and hands on its output.
func dockerCommand(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("docker", args...)
	if (err != nil) != neg {
		ts.Fatalf("docker %v: %v\n%s", args, err, ts.ReadFile("stderr"))
	}
}
