package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
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
	f.StringVar(&l.format, "log", "auto", "auto (text on a terminal, else json), text, json")
	f.BoolVar(&l.debug, "debug", false, "log every step that is begun, too")
}

// logger writes to standard error.
func (l *logFlags) logger() (*slog.Logger, error) {
	level := slog.LevelInfo
	if l.debug {
		level = slog.LevelDebug
	}
	terminal := isatty.IsTerminal(os.Stderr.Fd())
	switch {
	case l.format == "text", l.format == "auto" && terminal:
		return slog.New(textHandler(os.Stderr, level, !terminal)), nil
	case l.format == "json", l.format == "auto":
		return slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: readable})), nil
	}
	return nil, fmt.Errorf("--log %q: want auto, text or json", l.format)
}

// readable writes durations as Go does, and not as a number of nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func textHandler(w io.Writer, level slog.Level, plain bool) slog.Handler {
	return tint.NewHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly + ".000", NoColor: plain})
}
