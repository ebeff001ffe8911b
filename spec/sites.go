package spec

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Sites returns the directories at or below one that are sites, sorted: those with
// specs of the package that a bind.cue beside or above them binds, and without such a
// directory below them, which would make them what several sites share. Where nothing
// is bound they are those that no spec imports.
func Sites(dir string) ([]string, error) {
	root, inside := Locate(dir)
	if inside == "" {
		inside = "."
	}
	r, err := OpenRoot(root)
	if err != nil {
		return nil, Problems{{What: openProblem(dir, err), Expected: "a directory with sites"}}
	}
	defer func() { _ = r.Close() }()
	f := &finder{fs: PlainFS(r), packages: map[string]map[string]bool{}, binds: map[string]string{}, imported: map[string]bool{}, entries: map[string]bool{}}
	for above := inside; above != "."; {
		above = path.Dir(above)
		f.bind(above)
	}
	if err := f.walk(inside, 0); err != nil {
		return nil, Problems{{What: dir + "/...: " + plainError(err)}}
	}
	sites := f.sites()
	if len(sites) == 0 {
		return nil, Problems{{What: "there is no site in " + dir + " or below it", Expected: "directories with .cue files of the package of bind.cue"}}
	}
	for i, site := range sites {
		below, err := filepath.Rel(inside, site)
		if err != nil {
			return nil, err
		}
		sites[i] = filepath.Join(dir, below)
	}
	return sites, nil
}

// A finder looks through the directories of a module.
type finder struct {
	fs fs.FS
	// packages are those of a directory's specs, binds that of its bind.cue.
	packages map[string]map[string]bool
	binds    map[string]string
	// imported are the directories that specs import, each in its module.
	imported map[string]bool
	// entries are the directories with specs that have entries of a site.
	entries map[string]bool
	// modules are the modules that the walk is in, innermost last.
	modules []nested
}

type nested struct{ root, name string }

func (f *finder) bind(dir string) {
	name := path.Join(dir, bindFile)
	if text, err := readPlain(f.fs, name); err == nil {
		f.binds[dir] = packageOf(name, text)
	}
}

func (f *finder) walk(dir string, depth int) error {
	if len(f.packages) >= maxFiles || depth > maxDepth {
		return fmt.Errorf("there are more than %d directories with specs, or more than %d levels", maxFiles, maxDepth)
	}
	if text, err := readPlain(f.fs, path.Join(dir, moduleFile)); err == nil {
		f.modules = append(f.modules, nested{dir, moduleName(text)})
		defer func() { f.modules = f.modules[:len(f.modules)-1] }()
	}
	entries, err := fs.ReadDir(f.fs, dir)
	if err != nil {
		return err
	}
	f.bind(dir)
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_") || skipped(name):
		case entry.IsDir() && entry.Name() != "cue.mod":
			err = f.walk(name, depth+1)
		case entry.Type().IsRegular() && isCounted(name):
			f.spec(dir, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// spec notes what a file is part of, and what it imports.
func (f *finder) spec(dir, name string) {
	text, err := readPlain(f.fs, name)
	pkg := packageOf(name, text)
	if err != nil || pkg == "" {
		return
	}
	if f.packages[dir] == nil {
		f.packages[dir] = map[string]bool{}
	}
	f.packages[dir][pkg] = true
	if entryLine.Match(text) {
		f.entries[dir] = true
	}
	if len(f.modules) > 0 {
		in := f.modules[len(f.modules)-1]
		for _, to := range imports(text, in.name) {
			f.imported[path.Join(in.root, to)] = true
		}
	}
}

var entryLine = regexp.MustCompile(`(?m)^(services|routes|volumes)\s*:`)

// bound: a bind.cue binds specs of the directory.
func (f *finder) bound(dir string) bool {
	for here := dir; ; here = path.Dir(here) {
		if pkg, has := f.binds[here]; has {
			return f.packages[dir][pkg]
		}
		if here == "." {
			return false
		}
	}
}

// isImported: specs import the directory, or one below to whose package it adds.
func (f *finder) isImported(dir string) bool {
	for other := range f.imported {
		for pkg := range f.packages[other] {
			if under(other, dir) && f.packages[dir][pkg] {
				return true
			}
		}
	}
	return false
}

func (f *finder) sites() []string {
	all := slices.Sorted(maps.Keys(f.packages))
	is := func(dir string) bool { return f.bound(dir) || f.entries[dir] && !f.isImported(dir) }
	if len(f.binds) == 0 {
		is = func(dir string) bool { return !f.isImported(dir) }
	}
	all = slices.DeleteFunc(all, func(dir string) bool { return !is(dir) })
	return slices.DeleteFunc(slices.Clone(all), func(dir string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return other != dir && under(other, dir) })
	})
}
