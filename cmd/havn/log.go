package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
	"github.com/spf13/pflag"
)

// logFlags say how havn logs.
type logFlags struct {
	format string
	debug  bool
}

func (l *logFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&l.format, "log", "auto", "`FORM`: text, json, or auto: text on a terminal or to the journal, else json")
	f.BoolVar(&l.debug, "debug", false, "log also each step that is begun")
}

// check says what is wrong with the flags.
func (l *logFlags) check() error {
	switch l.format {
	case "auto", "text", "json":
		return nil
	}
	return fmt.Errorf("--log %q: want auto, text or json", l.format)
}

// logger writes to standard error.
func (l *logFlags) logger() (*slog.Logger, error) {
	level := slog.LevelInfo
	if l.debug {
		level = slog.LevelDebug
	}
	terminal := isatty.IsTerminal(os.Stderr.Fd())
	switch {
	case l.format == "auto" && toJournal(os.Stderr):
		return slog.New(journalHandler(os.Stderr, level)), nil
	case l.format == "text", l.format == "auto" && terminal:
		return slog.New(textHandler(os.Stderr, level, !terminal)), nil
	case l.format == "json", l.format == "auto":
		return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: readable})), nil
	}
	return nil, l.check()
}

// readable writes durations as Go does, and not as a number of nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// toJournal: f is the stream to systemd's journal that this process was started with.
func toJournal(f *os.File) bool {
	i, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := i.Sys().(*syscall.Stat_t)
	return ok && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}

// journalHandler writes text that begins with its priority, as of sd-daemon(3); the
// time is the journal's.
func journalHandler(w io.Writer, level slog.Level) slog.Handler {
	return tint.NewHandler(closeUp{w}, &tint.Options{Level: level, NoColor: true, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case len(groups) == 0 && a.Key == slog.TimeKey:
			return slog.Attr{}
		case len(groups) == 0 && a.Key == slog.LevelKey:
			level, _ := a.Value.Any().(slog.Level)
			return slog.String(a.Key, priority(level))
		}
		return a
	}})
}

// closeUp takes out the blank between a line's priority and its text.
type closeUp struct{ io.Writer }

func (c closeUp) Write(line []byte) (int, error) {
	if _, err := c.Writer.Write(bytes.Replace(line, []byte("> "), []byte(">"), 1)); err != nil {
		return 0, err
	}
	return len(line), nil
}

func priority(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "<3>"
	case level >= slog.LevelWarn:
		return "<4>"
	case level >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

func textHandler(w io.Writer, level slog.Level, plain bool) slog.Handler {
	return tint.NewHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly + ".000", NoColor: plain})
}
