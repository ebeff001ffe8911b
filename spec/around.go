package spec

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
)

// maxReached bounds the directories that are looked into beside the spec's own.
const maxReached = 256

// headSize is how much of a file is looked at for its imports, which stand at the
// top. It bounds the work that a hostile file can make of that.
const headSize = 64 << 10

// Beside is what a spec inside a module is made of, other than what is below its own
// directory and below cue.mod.
type Beside struct {
	// Files are the .cue files that stand in the directories above it, up to the
	// module's root, and in the directories of imported packages, with what they
	// embed. It is for the reader to refuse what is no plain file.
	Files []string
	// Dirs are the directories that were looked into, or would have been if they
	// were there.
	Dirs []string
}

// Around finds what is beside the spec at the path inside a module. Nothing else is
// read: what other directories hold can't disturb this spec.
func Around(module fs.FS, inside string) (Beside, error) {
	a := &around{
		fs: module, inside: inside, dirs: map[string]bool{}, files: map[string]bool{}, taken: map[string]bool{},
		listed: map[string][]fs.DirEntry{}, names: map[string]map[string]fs.DirEntry{}, embedded: map[string]bool{},
	}
	text, err := readPlain(module, moduleFile)
	if err != nil {
		return Beside{}, err
	}
	a.module = moduleName(text)
	if err := a.above(inside); err != nil {
		return Beside{}, err
	}
	err = a.walk(inside, 0)
	return Beside{sortedKeys(a.files), sortedKeys(a.dirs)}, err
}

// AroundDir is [Around] of a directory on this machine with what is below cue.mod, and
// where its module is; inside is empty if it is a module of its own.
func AroundDir(dir string) (root, inside string, b Beside) {
	root, inside = Locate(dir)
	if inside == "" {
		return root, "", b
	}
	r, err := OpenRoot(root)
	if err != nil {
		return root, inside, b
	}
	defer func() { _ = r.Close() }()
	b, _ = Around(PlainFS(r), inside)
	_ = fs.WalkDir(PlainFS(r), "cue.mod", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || len(b.Files) > maxFiles || entry.IsDir() && skipped(name):
			return fs.SkipDir
		case entry.IsDir():
			b.Dirs = append(b.Dirs, name)
		default:
			b.Files = append(b.Files, name)
		}
		return nil
	})
	return root, inside, b
}

var moduleLine = regexp.MustCompile(`(?m)^\s*"?module"?\s*:\s*"([^"\\]+)"`)

// moduleName is the module's path without its version, "" if there is none to see.
func moduleName(file []byte) string {
	m := moduleLine.FindSubmatch(file)
	if m == nil {
		return ""
	}
	name, _, _ := strings.Cut(string(m[1]), "@")
	return name
}

// An around is one search.
type around struct {
	fs             fs.FS
	module, inside string
	// taken are the directories whose specs are followed, listed all that were looked
	// into.
	dirs, files, taken map[string]bool
	listed             map[string][]fs.DirEntry
	names              map[string]map[string]fs.DirEntry
	// embedded are the patterns that were followed, each below its directory.
	embedded map[string]bool
	// matches and bytes are the work that was done.
	matches, bytes int
}

// above takes the files in every directory above one: CUE adds those of the same
// package.
func (a *around) above(dir string) error {
	for dir != "." {
		dir = path.Dir(dir)
		if err := a.specs(dir); err != nil {
			return err
		}
	}
	return nil
}

// below: the file or directory is part of the spec's own directory, or of cue.mod.
func (a *around) below(name string) bool {
	return under(name, a.inside) || under(name, "cue.mod")
}

func under(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// specs takes the specs that stand in a directory, and follows them.
func (a *around) specs(dir string) error {
	if a.taken[dir] || a.below(dir) {
		return nil
	}
	a.taken[dir] = true
	entries, err := a.list(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if entry.IsDir() || path.Ext(name) != ".cue" || skipped(name) {
			continue
		}
		if err := a.take(name); err != nil {
			return err
		}
		if entry.Type().IsRegular() {
			if err := a.follow(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *around) take(name string) error {
	if a.files[name] = true; len(a.files) > maxFiles {
		return fmt.Errorf("the spec reaches too far: more than %d files beside its own directory", maxFiles)
	}
	return nil
}

// list returns what is in a directory, nothing if it is not one. A link on the way is
// taken as a file, to be refused: where it leads is not looked at.
func (a *around) list(dir string) ([]fs.DirEntry, error) {
	if entries, known := a.listed[dir]; known {
		return entries, nil
	}
	if len(a.listed) >= maxReached {
		return nil, fmt.Errorf("the spec reaches too far: more than %d directories beside its own", maxReached)
	}
	a.dirs[dir] = true
	if dir != "." {
		entry, err := a.entry(dir)
		switch {
		case err != nil:
			return nil, err
		case entry != nil && !entry.IsDir() && !entry.Type().IsRegular():
			return nil, a.take(dir)
		case entry == nil || !entry.IsDir():
			a.listed[dir] = nil
			return nil, nil
		}
	}
	entries, err := fs.ReadDir(a.fs, dir)
	a.listed[dir] = entries
	return entries, err
}

// entry is the entry at a path, nil if there is none.
func (a *around) entry(name string) (fs.DirEntry, error) {
	entries, err := a.list(path.Dir(name))
	i := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return e.Name() == path.Base(name) })
	if err != nil || i < 0 {
		return nil, err
	}
	return entries[i], nil
}

// walk follows the specs below the spec's own directory.
func (a *around) walk(dir string, depth int) error {
	entries, err := fs.ReadDir(a.fs, dir)
	if err != nil || depth > maxDepth {
		return err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case entry.IsDir():
			err = a.walk(name, depth+1)
		case entry.Type().IsRegular() && path.Ext(name) == ".cue":
			err = a.follow(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readPlain reads a plain file, as far as one may be long.
func readPlain(in fs.FS, name string) ([]byte, error) {
	// What is no plain file might not even let itself be opened.
	if i, err := fs.Stat(in, name); err != nil || !i.Mode().IsRegular() {
		return nil, cmp.Or(err, fmt.Errorf("%s is not a plain file", name))
	}
	f, err := in.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFileSize))
}

// follow takes what a file imports from its module, and what it embeds.
func (a *around) follow(name string) error {
	text, err := readPlain(a.fs, name)
	if err != nil {
		return err
	}
	if a.bytes += len(text); a.bytes > maxSnapshot {
		return fmt.Errorf("the spec reaches too far: more than %d MiB of specs", maxSnapshot>>20)
	}
	for _, dir := range imports(text, a.module) {
		if err := a.specs(dir); err != nil {
			return err
		}
		if err := a.above(dir); err != nil {
			return err
		}
	}
	if a.below(name) {
		return nil
	}
	for _, m := range embedded.FindAllSubmatch(text, -1) {
		if err := a.embed(path.Dir(name), strings.Split(path.Clean(string(m[1])+string(m[2])), "/")); err != nil {
			return err
		}
	}
	return nil
}

// imports are the directories of the module that a file imports.
func imports(text []byte, module string) []string {
	f, _ := parser.ParseFile("", text[:min(len(text), headSize)], parser.ImportsOnly)
	if f == nil || module == "" {
		return nil
	}
	var dirs []string
	for s := range f.ImportSpecs() {
		name, err := literal.Unquote(s.Path.Value)
		if err != nil {
			continue
		}
		dir, inside := strings.CutPrefix(ast.ParseImportPath(name).Path, module)
		if dir == "" {
			dir = "/."
		}
		if dir, is := strings.CutPrefix(dir, "/"); inside && is && fs.ValidPath(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
