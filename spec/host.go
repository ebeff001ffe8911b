package spec

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"time"

	"cuelang.org/go/cue"
)

// A HostFile is what a machine's host file says (#HostConfig of the schema). What
// its fields mean is the business of those who read it.
type HostFile struct {
	// Name is the file's path.
	Name string `json:"name"`
	// Config is its content as JSON, checked against the schema.
	Config json.RawMessage `json:"config"`
	// Places are where the fields stand, by dotted path ("source.git.url").
	Places map[string]Problem `json:"places"`
}

// hostFileName stands for the file's own name while it is evaluated, which may be
// one that CUE would leave out.
const hostFileName = "host.cue"

// LoadHost reads a host file. The error is [Problems] if the file is at fault.
// Like a spec it is evaluated in a child process with limits.
func LoadHost(ctx context.Context, name string) (HostFile, error) {
	return loadHost(ctx, name, usualLimits)
}

func loadHost(ctx context.Context, name string, l limits) (HostFile, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return HostFile{}, Problems{{What: "the host file " + unreadable(name, err), Expected: "a CUE file with the fields of #HostConfig"}}
	}
	if what, do := Strict(name); what != "" {
		return HostFile{}, Problems{{File: name, What: what, Do: do}}
	}
	if len(text) > maxFileSize {
		return HostFile{}, Problems{{File: name, What: "is larger than 1 MiB", Expected: "a host file"}}
	}
	s := Snapshot{Files: map[string][]byte{hostFileName: text}, Host: true}
	a, err := s.ask(ctx, l)
	if err == nil {
		err = a.Problems.orNil()
	}
	if problems, ok := err.(Problems); ok {
		return HostFile{}, renamed(problems, name)
	}
	if err != nil {
		return HostFile{}, err
	}
	h := a.Host
	h.Name = name
	for path, p := range h.Places {
		p.File = name
		h.Places[path] = p
	}
	return h, nil
}

func renamed(ps Problems, name string) Problems {
	for i := range ps {
		if ps[i].File == hostFileName || ps[i].File == "" {
			ps[i].File = name
		}
		if ps[i].What == noPackage {
			ps[i].What, ps[i].Expected, ps[i].Do = "the host file is empty", "", "`havn init --host FILE` writes a first one"
		}
	}
	return ps
}

// At is a Problem with a field, where the field stands, or else its parent.
func (h HostFile) At(path, what, expected string) Problem {
	p := Problem{File: h.Name, Field: path, Expected: expected, What: what}
	for ; path != ""; path = parentOf(path) {
		if at, known := h.Places[path]; known {
			p.Line, p.Column = at.Line, at.Column
			break
		}
	}
	return p
}

func parentOf(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '.'))]
}

// evaluateHost turns a snapshot of a host file into its content, in this process.
// The file needs no package clause.
func evaluateHost(s Snapshot) (HostFile, error) {
	clause := 0
	if packageOf(hostFileName, s.Files[hostFileName]) == "" {
		clause = 1
		s.Files[hostFileName] = append([]byte("package host\n"), s.Files[hostFileName]...)
	}
	e := newEvaluation(s)
	h := HostFile{Places: map[string]Problem{}}
	if e.build() {
		e.hostFile(&h)
	}
	for i := range e.problems {
		e.problems[i].Line = max(0, e.problems[i].Line-clause)
	}
	for path, p := range h.Places {
		p.Line -= clause
		h.Places[path] = p
	}
	return h, e.problems.orNil()
}

func (e *evaluation) hostFile(h *HostFile) {
	c := &conformer{}
	c.check(e.shapes["#HostConfig"], e.root, nil)
	e.tell(c.mistakes)
	if err := e.root.Validate(cue.Concrete(true), cue.All()); err != nil {
		e.cueProblems(err, nil, c.mistakes...)
	}
	if len(e.problems) > 0 {
		return
	}
	text, err := e.root.MarshalJSON()
	if err != nil {
		e.cueProblems(err, nil)
		return
	}
	h.Config = text
	e.places(h, e.root, nil)
}

// places notes where each field stands.
func (e *evaluation) places(h *HostFile, v cue.Value, path []string) {
	fields, err := v.Fields()
	if err != nil {
		return
	}
	for fields.Next() {
		at := append(slices.Clone(path), fields.Selector().Unquoted())
		h.Places[strings.Join(at, ".")] = e.valueAt(at...)
		e.places(h, fields.Value(), at)
	}
}

// Limits are the file's upper bounds of what specs may ask for.
func (h HostFile) Limits() (Limits, error) {
	var said struct {
		Limits struct {
			Memory, Log, Tmpfs size
			Pids               int64
			Replicas           int
			Site               struct {
				Memory   size
				Replicas int
			}
			Gateway struct {
				Memory size
				Pids   int64
			}
		}
	}
	if err := json.Unmarshal(h.Config, &said); err != nil {
		return Limits{}, Problems{h.At("limits", err.Error(), "")}
	}
	l := said.Limits
	return Limits{
		Memory: l.Memory.bytes, Pids: l.Pids, Log: l.Log.bytes, Tmpfs: l.Tmpfs.bytes, Replicas: l.Replicas,
		SiteReplicas: l.Site.Replicas, SiteMemory: l.Site.Memory.bytes,
		GatewayMemory: l.Gateway.Memory.bytes, GatewayPids: l.Gateway.Pids,
	}, nil
}

// Bounds of the images that nothing needs any more, where the host file gives none.
const (
	defaultKeep      = 7 * 24 * time.Hour
	defaultImageSize = 10 << 30
)

// Images are the bounds of the images that nothing needs any more: how long one stays,
// and the bytes of all; 0 is no bound. A file that was not read says nothing.
func (h HostFile) Images() (keep time.Duration, bytes int64, err error) {
	var said struct {
		Images struct {
			Keep period
			Size size
		}
	}
	if len(h.Config) > 0 {
		if err := json.Unmarshal(h.Config, &said); err != nil {
			return 0, 0, Problems{h.At("images", err.Error(), "")}
		}
	}
	return said.Images.Keep.or(defaultKeep).Std(), said.Images.Size.or(defaultImageSize), nil
}
