package spec

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"cuelang.org/go/cue/build"
)

// empty reports a directory without a package; nothing more is to be said if all
// its files were left out, or if the specs are further below.
func (e *evaluation) empty(pkg string) {
	if below := e.below(); len(e.problems) == 0 && len(below) > 0 {
		e.problems = append(e.problems, Problem{What: "the directory has no CUE package; there are some below it, in " + someOf(below), Do: "name the directory of one site, or run `havn check DIR/...` for all sites below DIR"})
	}
	if len(e.problems) == 0 {
		e.ignored(&build.Instance{PkgName: pkg})
	}
	if len(e.problems) == 0 {
		e.problems = append(e.problems, Problem{What: noPackage, Expected: "at least one .cue file with a package clause", Do: "`havn init DIR` writes a first one"})
	}
}

// noPackage is what is wrong with a directory without specs.
const noPackage = "the directory has no CUE package"

// below are the directories with specs below one without; none if it has any itself.
func (e *evaluation) below() []string {
	dirs := map[string]bool{}
	for name := range e.snapshot.Files {
		dir := path.Dir(name)
		switch {
		case path.Ext(name) != ".cue" || inCueMod(name):
		case e.isOwn(name):
			return nil
		case under(name, path.Clean(e.snapshot.Dir)):
			dirs[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(dirs))
}

// inCueMod: it belongs to a module, this one or one below, and is no spec.
func inCueMod(name string) bool {
	return slices.Contains(strings.Split(path.Dir(name), "/"), "cue.mod")
}

// someOf lists what may be too much to list.
func someOf(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
