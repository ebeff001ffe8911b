//go:build soak

package gitops

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/origin"
	"havn.internal/reconciler"
	"havn.internal/reconciler/journal"
	"havn.internal/reconciler/model"
	cue "havn.internal/spec"
)

// The tests of this tag take long: `make soak`.

func init() {
	if cue.IsChild() {
		os.Exit(cue.RunChild())
	}
}

// A life is all of a havn that a revision goes through: a git remote, the mirror, the
// evaluation in a child, the loop with its journal; only Docker and nginx are those in
// memory.
type life struct {
	*follower
	havn    *reconciler.Reconciler
	journal *journal.Journal
	state   string
	settled chan string
}

func live(t *testing.T, url string) *life {
	l := &life{state: t.TempDir(), settled: make(chan string, 1)}
	o := options(t, url)
	o.State = filepath.Join(l.state, "git")
	l.follower = follow(t, o)
	log := slog.New(slog.DiscardHandler)
	var err error
	l.journal, err = journal.Open(l.state, log)
	check(t, err)
	host := model.New("soak", netip.MustParsePrefix("10.0.0.0/24"), model.Wall{})
	quick := model.Behaviour{Start: time.Millisecond, Ready: time.Millisecond, Stop: time.Millisecond}
	host.Load("app:1", "sha256:app")
	host.Behave("app:1", quick)
	l.havn = reconciler.New(reconciler.Config{
		Site: "soak", Engine: host.Engine(), Gateway: host.Gateway(), Prober: host.Prober(), Journal: l.journal, Log: log,
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.havn.Run(ctx, func(o reconciler.Outcome) bool {
			if o.Settled() == nil {
				select {
				case <-l.settled:
				default:
				}
				l.settled <- o.Revision
			} else {
				// Nobody tells of events here.
				time.AfterFunc(20*time.Millisecond, l.havn.Wake)
			}
			return true
		})
	}()
	t.Cleanup(func() {
		stop()
		<-done
		check(t, l.journal.Close())
	})
	return l
}

// follow goes to a commit, as `havn run` does.
func (l *life) follow(commit string) {
	l.t.Helper()
	r := l.accepts(commit)
	l.got = nil
	snapshot, err := cue.TakeSnapshot(r.Dir)
	check(l.t, err)
	site, err := snapshot.Evaluate(context.Background())
	check(l.t, err)
	site.Revision = commit
	l.journal.SetSite(site)
	l.havn.Deliver(site)
}

// arrive waits until the host is at a commit.
func (l *life) arrive(commit string) {
	l.t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case revision := <-l.settled:
			if revision == commit {
				l.journal.SetGood(commit)
				return
			}
		case <-deadline:
			l.t.Fatalf("the host has not reached %s: %v", commit, l.havn.Last().Settled())
		}
	}
}

// A footprint is what may not grow with the number of revisions.
type footprint struct {
	measure
	heap, rss        int64
	mirror, exported int64
	book             int64
	events           int
}

func (l *life) footprint() footprint {
	l.t.Helper()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := footprint{measure: l.measure(), heap: int64(m.HeapAlloc), rss: rss(l.t)}
	f.mirror, f.exported = bytesIn(l.t, filepath.Join(l.State, "mirror.git")), bytesIn(l.t, filepath.Join(l.State, "revisions"))
	f.book = bytesIn(l.t, filepath.Join(l.state, "journal.db"))
	events, err := l.journal.Events("", 1<<20)
	check(l.t, err)
	f.events = len(events)
	return f
}

func bytesIn(t testing.TB, path string) (n int64) {
	check(t, filepath.WalkDir(path, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		i, err := e.Info()
		if err == nil {
			n += i.Size()
		}
		return err
	}))
	return n
}

func rss(t testing.TB) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	check(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	check(t, err)
	return pages * int64(os.Getpagesize())
}

// manyCommits has git make n commits at once and returns their names; the branch
// stays for the test to move.
func manyCommits(r *origin.Repo, n int) []string {
	var in strings.Builder
	for i := 1; i <= n; i++ {
		text := fmt.Sprintf("package site\n\nservices: web: {image: \"app:1\", port: 80, replicas: 2, env: VERSION: \"%d\", files: \"/etc/app\": content: \"%s\", rollout: watch: \"10ms\"}\n"+
			"services: job: {image: \"app:1\"}\nroutes: web: {hosts: [\"_\"], paths: \"/\": service: \"web\"}\n", i, strings.Repeat(fmt.Sprintf("line %d of the file ", i), 40))
		message := fmt.Sprintf("revision %d", i)
		fmt.Fprintf(&in, "commit refs/heads/all\nmark :%d\ncommitter Anna <anna@example.org> %d +0000\ndata %d\n%s\n", i, 1_700_000_000+i, len(message), message)
		fmt.Fprintf(&in, "M 100644 inline site.cue\ndata %d\n%s\n", len(text), text)
		fmt.Fprintf(&in, "M 100644 inline notes/%d.txt\ndata 2\nx\n\n", i%50)
	}
	r.Feed(in.String(), "fast-import", "--quiet")
	return strings.Fields(r.Git("rev-list", "--reverse", "refs/heads/all"))
}

// Ten thousand revisions in a row leave no more behind than a thousand.
func TestTenThousandRevisions(t *testing.T) {
	total := 10_000
	if text := os.Getenv("HAVN_SOAK"); text != "" {
		n, err := strconv.Atoi(text)
		check(t, err)
		total = n
	}
	r := origin.New(t)
	commits := manyCommits(r, total)
	l := live(t, r.URL())
	branch := filepath.Join(r.Dir, ".git", "refs", "heads", "main")
	var early footprint
	begin := time.Now()
	for i, commit := range commits {
		check(t, os.WriteFile(branch, []byte(commit+"\n"), 0o644))
		l.follow(commit)
		n := i + 1
		if n != total && n%max(total/20, 1) != 0 {
			continue
		}
		l.arrive(commit)
		f := l.footprint()
		t.Logf("%d revisions, %s: %+v", n, time.Since(begin).Round(time.Second), f)
		fmt.Fprintf(os.Stderr, "%d revisions, %s: %+v\n", n, time.Since(begin).Round(time.Second), f)
		switch {
		case n <= total/10:
			early = f
			l.dump(t, "early")
		case n == total:
			l.dump(t, "late")
			l.compare(early, f)
		}
	}
}

// dump writes what the heap holds, for who wants to know what has grown.
func (l *life) dump(t *testing.T, name string) {
	dir := os.Getenv("HAVN_SOAK_HEAP")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".heap"))
	check(t, err)
	check(t, pprof.WriteHeapProfile(f))
	check(t, f.Close())
}

func (l *life) compare(early, late footprint) {
	l.t.Helper()
	if late.revisions > usualKeep+1 || late.packs > l.Limits.Packs+1 {
		l.t.Errorf("%d revisions and %d packs are kept", late.revisions, late.packs)
	}
	if late.goroutines > early.goroutines+2 || late.descriptors > early.descriptors+2 || late.children > 0 {
		l.t.Errorf("grown from %+v to %+v", early.measure, late.measure)
	}
	for _, x := range []struct {
		what        string
		early, late int64
		slack       int64
	}{
		{"bytes of the mirror", early.mirror, late.mirror, 8 << 20},
		{"bytes of exported revisions", early.exported, late.exported, 1 << 20},
		{"bytes of the journal", early.book, late.book, 16 << 20},
		{"bytes of heap", early.heap, late.heap, 8 << 20},
		{"bytes resident", early.rss, late.rss, 48 << 20},
	} {
		if x.late > 2*x.early+x.slack {
			l.t.Errorf("%s: from %d to %d", x.what, x.early, x.late)
		}
	}
}
