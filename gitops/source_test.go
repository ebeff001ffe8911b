package gitops_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops"
	cue "havn.internal/spec"
)

func aroundDir(dir string) gitops.Around {
	root, inside, b := cue.AroundDir(dir)
	return gitops.Around{Root: root, Inside: inside, Files: b.Files, Dirs: b.Dirs}
}

// A delivery is a revision with what its web.cue held when it was delivered.
type delivery struct {
	gitops.Revision
	text string
}

// A follower follows a directory for a test.
type follower struct {
	t        *testing.T
	got      chan delivery
	problems chan error
}

func follow(t *testing.T, dir string) *follower {
	t.Helper()
	f := &follower{t: t, got: make(chan delivery, 1000), problems: make(chan error, 1000)}
	d := gitops.Directory{
		Path: dir, Around: aroundDir, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Problem: func(err error) { f.problems <- err },
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- d.Run(ctx, func(r gitops.Revision) {
			text, _ := os.ReadFile(filepath.Join(r.Dir, "web.cue"))
			f.got <- delivery{r, string(text)}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("Run ended with %v", err)
		}
	})
	return f
}

// next is the next delivery.
func (f *follower) next() delivery {
	f.t.Helper()
	select {
	case d := <-f.got:
		return d
	case <-time.After(2 * time.Minute):
		f.t.Fatal("no revision came")
	}
	return delivery{}
}

// until reads deliveries until web.cue is as given, each of which has to be as
// given or one of those before.
func (f *follower) until(text string, before ...string) (n int, last delivery) {
	f.t.Helper()
	for {
		last = f.next()
		if n++; last.text == text {
			return n, last
		}
		ok := false
		for _, b := range before {
			ok = ok || b == last.text
		}
		if !ok {
			f.t.Fatalf("delivered a revision with %q on the way to %q", last.text, text)
		}
	}
}

// problem waits until it is told one that says part; "" for that it is over.
func (f *follower) problem(part string) {
	f.t.Helper()
	for {
		select {
		case err := <-f.problems:
			if err == nil && part == "" || err != nil && part != "" && strings.Contains(err.Error(), part) {
				return
			}
		case <-time.After(2 * time.Minute):
			f.t.Fatalf("no problem that says %q", part)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.no"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
