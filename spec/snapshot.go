package spec

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"havn.internal/spec/scratch"
)

// Bounds of a spec directory. What is beyond them is no spec but an accident, or
// an attack.
const (
	maxFiles    = 10_000
	maxFileSize = 1 << 20
	maxSnapshot = 64 << 20
	maxDepth    = 32
)

// A Snapshot is a spec directory at one moment: the content of its regular files
// by slash-separated path. What is evaluated is the snapshot, so nothing else on
// the machine can be read, and nothing changes meanwhile.
type Snapshot struct {
	Files map[string][]byte
	// Dir is where among them the spec is, if they are those of a CUE module that it
	// is a part of.
	Dir string `json:",omitempty"`
	// As is the host whose part is evaluated; nil is the whole.
	As *Host `json:",omitempty"`
	// Policy is that of the machine which As is; nil asks about none.
	Policy *Policy `json:",omitempty"`
	// Host: it is a host file, and no spec.
	Host bool `json:",omitempty"`
}

// TakeSnapshot reads a directory, with what it needs of the CUE module that it stands
// in ([Locate]). Anything in it that is not a plain file within bounds is a Problem.
func TakeSnapshot(dir string) (Snapshot, error) { return TakeSnapshotIn(Locate(dir)) }

// TakeSnapshotIn reads the spec at a path inside a directory; "" is all of it.
func TakeSnapshotIn(dir, inside string) (Snapshot, error) {
	root, err := OpenRoot(dir)
	if ofMachine(err) {
		return Snapshot{}, fmt.Errorf("read the spec: %w", err)
	}
	if err != nil {
		return Snapshot{}, Problems{{What: openProblem(dir, err), Expected: "a directory of CUE files"}}
	}
	if inCueMod(inside + "/.") {
		return Snapshot{}, Problems{{What: path.Join(dir, inside) + " is a part of the CUE module, not a site", Do: "name the directory of the site, such as " + dir}}
	}
	defer func() { _ = root.Close() }()
	t := &taker{root: root, files: map[string][]byte{}}
	if inside == "" {
		t.walk(".", 0)
	} else {
		t.inModule(inside)
	}
	if t.err != nil {
		return Snapshot{}, t.err
	}
	if len(t.problems) > 0 {
		return Snapshot{}, t.problems.sorted()
	}
	return Snapshot{Files: t.files, Dir: inside}, nil
}

// inModule takes what the spec at a path of a module is made of.
func (t *taker) inModule(inside string) {
	t.walk(inside, strings.Count(inside, "/")+1)
	t.walk("cue.mod", 1)
	beside, err := Around(PlainFS(t.root), inside)
	if err != nil {
		if !t.lacks(inside, err) {
			t.fail(inside, plainError(err), "")
		}
	}
	for _, name := range beside.Files {
		if i, err := t.root.Lstat(name); err == nil {
			t.entry(name, i.Mode().Type(), 0)
		}
	}
}

// openProblem is why a path is no directory to be looked into.
func openProblem(dir string, err error) string {
	if i, statErr := os.Stat(dir); statErr == nil && !i.IsDir() {
		return dir + " is not a directory"
	}
	return unreadable(dir, err)
}

// unreadable is why a path can't be read.
func unreadable(name string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return name + " does not exist"
	case errors.Is(err, fs.ErrPermission):
		return name + " can't be read: permission denied"
	}
	return fmt.Sprintf("%s can't be opened: %s", name, plainError(err))
}

// A taker walks one directory.
type taker struct {
	root     *os.Root
	files    map[string][]byte
	size     int64
	problems Problems
	// err is what this machine lacks to read it, which says nothing of the spec.
	err error
	// full: a bound of the whole has been met, and reported.
	full bool
}

func (t *taker) fail(file, what, do string) {
	t.problems = append(t.problems, Problem{File: file, What: what, Do: do})
}

// ofMachine: the error says nothing of the file but that this machine can't read it now:
// no descriptors or memory are left, the disk has errors (errno(3)).
func ofMachine(err error) bool {
	for _, lack := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.ESTALE, syscall.EAGAIN, syscall.EINTR, syscall.EUCLEAN,
	} {
		if errors.Is(err, lack) {
			return true
		}
	}
	return false
}

// lacks notes an error of the machine.
func (t *taker) lacks(name string, err error) bool {
	if !ofMachine(err) {
		return false
	}
	t.err = cmp.Or(t.err, fmt.Errorf("read the spec: %s: %w", name, err))
	return true
}

// unread says why a file or directory is no part of the snapshot.
func (t *taker) unread(name string, err error) {
	if !t.lacks(name, err) {
		t.fail(name, "can't be read: "+plainError(err), "")
	}
}

// skipped are the entries that are no part of a spec, whatever they are; also what
// editors leave beside a file that is being written, and what is known of hosts.
func skipped(name string) bool {
	base := path.Base(name)
	return name == ".git" || base == ".havn" || name == "cue.mod/pkg/havn.internal" || scratch.Is(base)
}

func (t *taker) walk(dir string, depth int) {
	f, err := openPlain(t.root, dir)
	if err != nil {
		t.unread(dir, err)
		return
	}
	entries, err := f.ReadDir(-1)
	_ = f.Close()
	if err != nil {
		t.unread(dir, err)
		return
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, entry := range entries {
		t.entry(path.Join(dir, entry.Name()), entry.Type(), depth)
	}
}

func (t *taker) entry(name string, kind fs.FileMode, depth int) {
	switch {
	case t.full || skipped(name):
	case !utf8.ValidString(name):
		// It could not be told from another such name.
		t.fail(name, "the name is not UTF-8", "rename it to letters, digits, - and _")
	case kind.IsRegular():
		t.take(name)
	case kind.IsDir() && depth < maxDepth:
		t.walk(name, depth+1)
	case kind.IsDir():
		t.fail(name, fmt.Sprintf("is more than %d directories deep", maxDepth), "move it up, or out of the spec")
	case kind&fs.ModeSymlink != 0:
		t.fail(name, "is a symbolic link, which could lead out of the spec", "replace it by the file")
	default:
		t.fail(name, "is a "+kindName(kind), "remove it; a spec consists of plain files")
	}
}

func kindName(kind fs.FileMode) string {
	switch {
	case kind&fs.ModeNamedPipe != 0:
		return "named pipe"
	case kind&fs.ModeSocket != 0:
		return "socket"
	case kind&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

func (t *taker) take(name string) {
	if len(t.files) >= maxFiles {
		t.full = true
		t.fail("", fmt.Sprintf("the directory has more than %d files", maxFiles), "name a directory of specs only")
		return
	}
	f, err := openPlain(t.root, name)
	if errors.Is(err, errNotPlain) {
		t.fail(name, "is not a plain file", "remove it; a spec consists of plain files")
		return
	}
	if err != nil {
		t.unread(name, err)
		return
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		t.unread(name, err)
	case len(content) > maxFileSize:
		t.fail(name, "is larger than 1 MiB", "split it, or move it out of the spec")
	case t.size+int64(len(content)) > maxSnapshot:
		t.full = true
		t.fail("", "the directory holds more than 64 MiB", "name a directory of specs only")
	default:
		t.size += int64(len(content))
		t.files[name] = content
	}
}

// plainError drops the path that the message's file says already.
func plainError(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Revision identifies the content: the same files, the same revision.
func (s Snapshot) Revision() string {
	h := sha256.New()
	if s.Dir != "" {
		fmt.Fprintf(h, "in %s\n", s.Dir)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		fmt.Fprintf(h, "%d %s %d\n", len(name), name, len(s.Files[name]))
		h.Write(s.Files[name])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))[:16]
}
