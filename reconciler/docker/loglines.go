package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// A LogLine is one line that a replica printed.
type LogLine struct {
	At      time.Time `json:"at"`
	Service string    `json:"service"`
	Replica string    `json:"replica"`
	// Stream is stdout or stderr.
	Stream string `json:"stream"`
	Text   string `json:"text"`
}

// A LogQuery says which lines are wanted.
type LogQuery struct {
	// Service is whose lines; every service's if it is empty.
	Service string
	// Last is how many of the newest lines of each replica; all if it is negative.
	Last int
	// Since leaves out what was printed before, unless it is zero.
	Since time.Time
}

// ErrNoReplica is that of a service that has no replica, not even a stopped one.
var ErrNoReplica = errors.New("has no replica here")

// Lines returns what the site's replicas printed, those that have stopped too,
// oldest first. The error is [ErrNoReplica] if the query names a service without one.
func (e *Engine) Lines(ctx context.Context, q LogQuery) ([]LogLine, error) {
	replicas, err := e.printers(ctx, q.Service)
	if err != nil {
		return nil, err
	}
	var out []LogLine
	for _, r := range replicas {
		err := e.read(ctx, r, q.options(), func(l LogLine) { out = append(out, l) })
		if err != nil {
			return nil, fmt.Errorf("logs of %s: %w", r.name, err)
		}
	}
	slices.SortStableFunc(out, func(a, b LogLine) int { return a.At.Compare(b.At) })
	return out, nil
}

func (q LogQuery) options() container.LogsOptions {
	o := container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: "all", Since: engineTime(q.Since)}
	if q.Last >= 0 {
		o.Tail = strconv.Itoa(q.Last)
	}
	return o
}

// engineTime is a time as the engine's API takes it, "" if it is zero.
func engineTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

// A printer is a replica whose lines are read.
type printer struct{ name, service string }

// printers are the replicas of one service, or of all.
func (e *Engine) printers(ctx context.Context, service string) ([]printer, error) {
	list, err := e.list(ctx)
	if err != nil {
		return nil, err
	}
	var out []printer
	services := map[string]bool{}
	for _, c := range list {
		p := printer{containerName(c), c.Labels[labelService]}
		if !e.isReplica(ctx, candidateOf(c)) {
			continue
		}
		services[p.service] = true
		if service == "" || service == p.service {
			out = append(out, p)
		}
	}
	if len(out) == 0 && service != "" {
		others := "no service of this site has one"
		if len(services) > 0 {
			others = "those that have one: " + strings.Join(slices.Sorted(maps.Keys(services)), ", ")
		}
		return nil, fmt.Errorf("%s %w; %s", service, ErrNoReplica, others)
	}
	return out, nil
}

// read calls each with the lines of one replica, in order.
func (e *Engine) read(ctx context.Context, p printer, o container.LogsOptions, each func(LogLine)) error {
	logs, err := e.cli.ContainerLogs(ctx, p.name, o)
	if err != nil {
		return err
	}
	defer func() { _ = logs.Close() }()
	out := &splitter{printer: p, stream: "stdout", each: each}
	errs := &splitter{printer: p, stream: "stderr", each: each}
	_, err = stdcopy.StdCopy(out, errs, logs)
	out.flush()
	errs.flush()
	return err
}

// longestLine bounds a line that is put together of parts: the engine cuts what a
// program prints into messages of 16 KiB.
const longestLine = 1 << 20

// A splitter makes lines of one stream's messages. Each Write is one message: a
// time (RFC 3339), a space, and a line or a part of one. The parts of a line have
// the same time; only the last has a line end, and in the log driver "local" of
// Docker 20.10 not even that.
type splitter struct {
	printer
	stream string
	each   func(LogLine)

	at   time.Time
	part bytes.Buffer
}

func (s *splitter) Write(message []byte) (int, error) {
	stamp, text, _ := bytes.Cut(message, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return 0, fmt.Errorf("the engine's log message has no time: %.40q", message)
	}
	if !at.Equal(s.at) {
		s.flush()
		s.at = at
	}
	line, whole := bytes.CutSuffix(text, []byte("\n"))
	s.part.Write(line)
	if whole || s.part.Len() >= longestLine {
		s.emit()
	}
	return len(message), nil
}

// flush ends a line that the program did not.
func (s *splitter) flush() {
	if s.part.Len() > 0 {
		s.emit()
	}
}

func (s *splitter) emit() {
	s.each(LogLine{At: s.at, Service: s.service, Replica: s.name, Stream: s.stream, Text: s.part.String()})
	s.part.Reset()
}
