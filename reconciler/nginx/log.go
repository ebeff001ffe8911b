package nginx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// maxLog bounds each of nginx's logs. nginx writes them in append mode, so they
// may be emptied in place.
const maxLog = 8 << 20

func (g *Gateway) logPath() string { return filepath.Join(g.Dir, errorFile) }

// accessPath is never the output of nginx's container: the engine reads that by a
// pipe, and with the engine down nginx would stand still once the pipe is full.
func (g *Gateway) accessPath() string { return filepath.Join(g.Dir, accessFile) }

// boundLogs bounds what nginx writes to its directory.
func (g *Gateway) boundLogs() {
	err := within(g.Dir, func(root *os.Root) error { return errors.Join(bound(root, errorFile), bound(root, accessFile)) })
	if err != nil {
		g.Log.Warn("can't bound nginx's log", "err", err)
	}
}

func bound(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_WRONLY|notFollowed, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	i, err := f.Stat()
	if err == nil && i.Mode().IsRegular() && i.Size() > maxLog {
		err = f.Truncate(0)
	}
	return errors.Join(err, f.Close())
}

func (g *Gateway) logEnd() int64 {
	i, err := os.Lstat(g.logPath())
	if err != nil {
		return 0
	}
	return i.Size()
}

// logSince returns the problems nginx logged after a mark, or since the log was
// emptied.
func (g *Gateway) logSince(mark int64) (out []string) {
	_ = within(g.Dir, func(root *os.Root) error {
		f, err := root.OpenFile(errorFile, os.O_RDONLY|notFollowed, 0)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if g.logEnd() < mark {
			mark = 0
		}
		if _, err := f.Seek(mark, io.SeekStart); err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(f, 1<<20))
		out = problems(string(text))
		return err
	})
	return out
}

// problems are nginx's lines about what it could not do, each once.
func problems(text string) []string {
	var out []string
	seen := map[string]bool{}
	for _, line := range strings.Split(text, "\n") {
		if !strings.Contains(line, "[emerg]") && !strings.Contains(line, "[alert]") {
			continue
		}
		if p := firstProblem(line); !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}

var (
	// lineHead is the process and thread that every line begins with.
	lineHead = regexp.MustCompile(`^\d+#\d+: (\*\d+ )?`)
	// linePlace is where in a generation's file the fault is.
	linePlace = regexp.MustCompile(` in \S*/gen-\d+/nginx\.conf:\d+`)
)

// firstProblem is nginx's worst line, without time, level and the file of ours.
func firstProblem(out string) string {
	lines := strings.Split(out, "\n")
	for _, level := range []string{"[emerg] ", "[alert] ", "[crit] ", "[error] ", "[warn] "} {
		for _, line := range lines {
			if _, text, found := strings.Cut(line, level); found {
				return linePlace.ReplaceAllString(lineHead.ReplaceAllString(text, ""), "")
			}
		}
	}
	return strings.TrimSpace(out)
}
