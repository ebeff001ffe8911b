package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"havn.internal/spec"
)

func TestTheJournalGetsPrioritiesAndNoTime(t *testing.T) {
	var b strings.Builder
	log := slog.New(journalHandler(&b, slog.LevelInfo))
	log.Debug("begun")
	log.Info("converged", "revision", "abc")
	log.Error("held", "err", errors.New("not signed"))
	if got, want := b.String(), "<6>converged revision=abc\n<3>held err=\"not signed\"\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A directory that is no spec has a mistake a file, and the log of the machine is for
// others, too.
func TestTheLogIsNotFloodedByOneRevision(t *testing.T) {
	var b strings.Builder
	logProblems(slog.New(journalHandler(&b, slog.LevelInfo)), "abc", make(spec.Problems, 10_000))
	if n := strings.Count(b.String(), "\n"); n != loggedProblems+1 {
		t.Errorf("%d lines, want %d", n, loggedProblems+1)
	}
}

func TestOnlyTheJournalsOwnStreamIsTheJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	i, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	stat := i.Sys().(*syscall.Stat_t)
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", stat.Dev, stat.Ino))
	if !toJournal(f) {
		t.Error("the stream that the journal gave is not taken for it")
	}
	if toJournal(os.Stdin) {
		t.Error("another file is taken for the journal")
	}
}
