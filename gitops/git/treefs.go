package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// A treeFS is a tree of the mirror to read from. Only what is asked for is looked at;
// files can be opened in directories that were listed.
type treeFS struct {
	ctx    context.Context // of the one call that the treeFS lives for
	mirror *Mirror
	tree   string
	// dirs are the directories that were listed, entries what is in them by path.
	dirs    map[string][]fs.DirEntry
	entries map[string]*treeEntry
	size    int64
	// err is the first thing that could not be read, or not be allowed.
	err error
}

func newTreeFS(ctx context.Context, m *Mirror, tree string) *treeFS {
	return &treeFS{ctx: ctx, mirror: m, tree: tree, dirs: map[string][]fs.DirEntry{}, entries: map[string]*treeEntry{}}
}

// A treeEntry is an entry of a tree, and of a file what is in it once it was read.
type treeEntry struct {
	name   string
	record string // "mode type id"
	read   bool
	text   []byte
}

// mode tells plain files, directories and all else apart.
func (e *treeEntry) mode() fs.FileMode {
	switch mode, _, _ := strings.Cut(e.record, " "); mode {
	case "040000":
		return fs.ModeDir
	case "100644", "100755":
		return 0
	case "120000":
		return fs.ModeSymlink
	}
	return fs.ModeIrregular
}

func (e *treeEntry) Name() string               { return path.Base(e.name) }
func (e *treeEntry) IsDir() bool                { return e.mode().IsDir() }
func (e *treeEntry) Type() fs.FileMode          { return e.mode() }
func (e *treeEntry) Mode() fs.FileMode          { return e.mode() }
func (e *treeEntry) Info() (fs.FileInfo, error) { return e, nil }
func (e *treeEntry) Size() int64                { return int64(len(e.text)) }
func (e *treeEntry) ModTime() time.Time         { return time.Time{} }
func (e *treeEntry) Sys() any                   { return nil }

// graft lists everything below a directory, whose tree is known, and collects it.
func (t *treeFS) graft(c *collector, tree, dir string) error {
	files, err := t.mirror.Files(t.ctx, tree)
	if err != nil {
		return err
	}
	for _, f := range files {
		record := "100644 blob " + f.ID
		if f.Executable {
			record = "100755 blob " + f.ID
		}
		name := path.Join(dir, f.Path)
		if err := c.add(record, name); err != nil {
			return err
		}
		t.enter(&treeEntry{name: name, record: record}, dir)
	}
	return nil
}

// enter adds an entry to its directory, and that to the one it is in, up to top.
func (t *treeFS) enter(e *treeEntry, top string) {
	if t.entries[e.name] != nil {
		return
	}
	t.entries[e.name] = e
	dir := path.Dir(e.name)
	t.dirs[dir] = append(t.dirs[dir], e)
	if dir != top {
		t.enter(&treeEntry{name: dir, record: "040000 tree -"}, top)
	}
}

// ReadDir implements [fs.ReadDirFS].
func (t *treeFS) ReadDir(dir string) ([]fs.DirEntry, error) {
	if known, ok := t.dirs[dir]; ok {
		return known, nil
	}
	args := []string{"ls-tree", "-z", "--full-tree", "--end-of-options", t.tree}
	if dir != "." {
		args = append(args, dir+"/")
	}
	most := 10 * t.mirror.Limits.Files
	out, err := t.mirror.output(t.ctx, call{args: args, max: most * 100})
	if err != nil {
		return nil, t.fail(err)
	}
	t.dirs[dir] = nil
	for record := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		meta, name, ok := strings.Cut(record, "\t")
		if !ok || path.Dir(name) != dir {
			continue
		}
		if len(t.dirs[dir]) == most {
			return nil, t.fail(&Refused{dir, fmt.Sprintf("holds more than %d files and directories", most)})
		}
		if t.entries[name] == nil {
			t.entries[name] = &treeEntry{name: name, record: meta}
		}
		t.dirs[dir] = append(t.dirs[dir], t.entries[name])
	}
	return t.dirs[dir], nil
}

func (t *treeFS) fail(err error) error {
	t.err = errors.Join(t.err, err)
	return err
}

// Open implements [fs.FS].
func (t *treeFS) Open(name string) (fs.File, error) {
	e := t.entries[name]
	if e == nil || e.mode() != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if !e.read {
		if err := t.load(e); err != nil {
			return nil, t.fail(err)
		}
	}
	return &treeFile{e, bytes.NewReader(e.text)}, nil
}

// load reads a file, and every spec that is listed by now, with one call of git.
func (t *treeFS) load(wanted *treeEntry) error {
	var files []File
	for _, e := range t.entries {
		if e.mode() == 0 && !e.read && (e == wanted || path.Ext(e.name) == ".cue") {
			f, err := parseRecord(e.record + "\t" + e.name)
			if err != nil {
				return err
			}
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return t.mirror.blobs(t.ctx, files, func(f File, content []byte) error {
		if t.size += int64(len(content)); t.size > t.mirror.Limits.Size {
			return t.mirror.tooMuch()
		}
		e := t.entries[f.Path]
		e.read, e.text = true, content
		return nil
	})
}

// A treeFile is one that is open.
type treeFile struct {
	*treeEntry
	io.Reader
}

func (f *treeFile) Stat() (fs.FileInfo, error) { return f.treeEntry, nil }
func (f *treeFile) Close() error               { return nil }
