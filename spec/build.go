package spec

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"

	"havn.internal/schemas"
)

const (
	// snapshotRoot is where the snapshot lies for CUE: nowhere on this machine.
	snapshotRoot = "/havn-snapshot"
	// moduleDir is where the schema is vendored, below cue.mod/pkg.
	moduleDir = "havn.internal/schemas"
	bindFile  = "bind.cue"
)

// build evaluates the package of the directory. A file that can't be read is
// reported and left out, and what is referred to and not there gets a stub, so
// that everything else is checked too.
func (e *evaluation) build() bool {
	pkg := e.packageName()
	overlay := e.overlay(pkg)
	for {
		if !e.hasPackage(overlay, pkg) {
			e.empty(pkg)
			return false
		}
		e.layStubs(overlay, pkg)
		instance := load.Instances([]string{"."}, &load.Config{
			Dir: path.Join(snapshotRoot, e.snapshot.Dir), ModuleRoot: snapshotRoot, Package: pkg, Overlay: overlay, Env: []string{"CUE_REGISTRY=none"},
		})[0]
		if err := instance.Err; err != nil {
			if !e.leaveOut(overlay, err) {
				return false
			}
			continue
		}
		e.root = e.ctx.BuildInstance(instance)
		switch err := e.root.Err(); {
		case e.addStubs(err):
		case isStruct(e.root):
			e.ignored(instance)
			return true
		case !e.leaveOut(overlay, err):
			return false
		}
	}
}

// isStruct: the package can be looked into, whatever is wrong within.
func isStruct(v cue.Value) bool {
	kind, _ := childrenOf(v)
	return kind == cue.StructKind
}

// Files that stand beside those of the spec. No other file's name begins like
// theirs.
const (
	besidePrefix = " havn "
	stubFile     = besidePrefix + "stubs.cue"
	namesFile    = besidePrefix + "names.cue"
)

func isBeside(name string) bool { return strings.HasPrefix(path.Base(name), besidePrefix) }

// own is the full name of a file in the spec's own directory.
func (e *evaluation) own(file string) string {
	return path.Join(snapshotRoot, e.snapshot.Dir, file)
}

// isOwn: the file stands in the spec's own directory, and not below it.
func (e *evaluation) isOwn(name string) bool { return path.Dir(name) == path.Clean(e.snapshot.Dir) }

var notFound = regexp.MustCompile(`^reference "(.+)" not found$`)

// addStubs reports what is referred to and not there, and stubs it; false if
// there is nothing new.
func (e *evaluation) addStubs(err error) bool {
	before, hadLeftOut := len(e.stubs), e.partial
	for _, one := range errors.Errors(err) {
		m := notFound.FindStringSubmatch(message(one))
		if m == nil {
			continue
		}
		e.stubs[m[1]] = true
		if !hadLeftOut {
			e.cueProblems(one, nil)
		}
	}
	return len(e.stubs) > before
}

// layStubs lays a file with all stubs beside the spec.
func (e *evaluation) layStubs(overlay map[string]load.Source, pkg string) {
	if len(e.stubs) == 0 {
		return
	}
	e.stubbed = true
	text := "package " + pkg + "\n"
	for _, name := range sortedKeys(e.stubs) {
		text += name + ": _\n"
	}
	overlay[e.own(stubFile)] = load.FromString(text)
}

// followUp are messages of the parser that only say that it has lost its way.
var followUp = regexp.MustCompile("^(expected |illegal character)")

// leaveOut reports err and takes the files that it names out of the overlay; false
// if it names none. Of the mistakes in the syntax of one file only the first is
// sure to be one.
func (e *evaluation) leaveOut(overlay map[string]load.Source, err error) bool {
	before, mended := len(overlay), false
	for _, one := range errors.Errors(err) {
		if e.mend(overlay, one) {
			e.cueProblems(one, nil)
			mended = true
			continue
		}
		out := false
		for _, pos := range errors.Positions(one) {
			name, inside := relative(pos.Filename())
			if !inside || !strings.HasSuffix(name, ".cue") || name == "cue.mod/module.cue" {
				continue
			}
			if _, still := overlay[pos.Filename()]; still {
				delete(overlay, pos.Filename())
			} else {
				out = followUp.MatchString(message(one))
			}
		}
		if !out {
			e.cueProblems(one, nil)
		}
	}
	if len(overlay) < before {
		e.partial, e.stubbed = true, true
		return true
	}
	return mended
}

// hasPackage: a file of the user's is left in the overlay.
func (e *evaluation) hasPackage(overlay map[string]load.Source, pkg string) bool {
	for file := range overlay {
		if name, inside := relative(file); inside && pkg != "" && e.isOwn(name) && isCounted(name) {
			return true
		}
	}
	return false
}

// packageName is the package that the site is: that of the nearest bind.cue, beside or
// above its files, or else that of most files.
func (e *evaluation) packageName() string {
	for dir := path.Clean(e.snapshot.Dir); ; dir = path.Dir(dir) {
		name := path.Join(dir, bindFile)
		if pkg := packageOf(name, e.snapshot.Files[name]); pkg != "" {
			return pkg
		}
		if dir == "." {
			break
		}
	}
	count := map[string]int{}
	for name, content := range e.snapshot.Files {
		if !e.isOwn(name) || !isCounted(name) {
			continue
		}
		if pkg := packageOf(name, content); pkg != "" {
			count[pkg]++
		}
	}
	names := sortedKeys(count)
	if len(names) == 0 {
		return ""
	}
	return slices.MaxFunc(names, func(a, b string) int { return count[a] - count[b] })
}

// packageOf reads a file's package clause, "" if it has none.
func packageOf(name string, content []byte) string {
	f, _ := parser.ParseFile(name, content, parser.PackageClauseOnly)
	if f == nil {
		return ""
	}
	return f.PackageName()
}

// isCounted: CUE reads a file of this name as part of a package.
func isCounted(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, ".cue") && !strings.HasPrefix(base, "_") && !strings.HasPrefix(base, ".") &&
		!strings.HasSuffix(base, "_tool.cue") && !strings.HasSuffix(base, "_test.cue")
}

// overlay lays the snapshot out for CUE, with a schema that is open in place of
// whatever is vendored, and without the generated bind.cue.
func (e *evaluation) overlay(pkg string) map[string]load.Source {
	overlay := map[string]load.Source{}
	for name, content := range e.snapshot.Files {
		if !strings.HasPrefix(name, "cue.mod/pkg/"+moduleDir) && !isBeside(name) && !e.isBind(name, pkg) {
			overlay[path.Join(snapshotRoot, name)] = load.FromBytes(content)
		}
	}
	if !e.snapshot.Host {
		overlay[e.own(namesFile)] = load.FromString("package " + pkg + "\n\n" + names)
	}
	if _, has := e.snapshot.Files["cue.mod/module.cue"]; !has {
		overlay[path.Join(snapshotRoot, "cue.mod/module.cue")] = load.FromString("module: \"havn.invalid/site@v0\"\nlanguage: version: \"v0.14.0\"\n")
	}
	overlay[path.Join(snapshotRoot, "cue.mod/pkg", moduleDir, "v1/open.cue")] = load.FromString(openSchema(e.shapes))
	return overlay
}

// openSchema has every definition of the schema and holds to none of them: what a
// spec says is compared with the schema by havn, once and in its own words.
func openSchema(shapes map[string]*shape) string {
	text := "package v1\n"
	for _, name := range sortedKeys(shapes) {
		if shapes[name].object != nil {
			text += name + ": {...}\n"
		} else {
			text += name + ": _\n"
		}
	}
	return text
}

// isBind: the file is a bind.cue as `havn init` writes it, of the package.
func (e *evaluation) isBind(name, pkg string) bool {
	return path.Base(name) == bindFile && string(e.snapshot.Files[name]) == schemas.Bind(pkg)
}

// names gives each entry its name, as bind.cue does for the stock cue.
const names = `services: [N=string]: name: N
routes: [N=string]: name: N
volumes: [N=string]: name: N
`

// schemaFiles returns the schema package's files, "v1/service.cue" and so on.
func schemaFiles() map[string][]byte {
	out := map[string][]byte{}
	names, err := fs.Glob(schemas.FS, "v1/*.cue")
	for _, name := range names {
		var content []byte
		if content, err = fs.ReadFile(schemas.FS, name); err == nil {
			out[name] = content
		}
	}
	if err != nil {
		panic("spec: embedded schema: " + err.Error()) // it is part of the binary
	}
	return out
}

// ignored reports .cue files that CUE leaves out without a word.
func (e *evaluation) ignored(instance *build.Instance) {
	counted := map[string]bool{}
	dirs := map[string]bool{}
	for _, f := range instance.Files {
		counted[f.Filename] = true
	}
	for _, dep := range instance.Dependencies() {
		dirs[dep.Dir] = true
	}
	for name, content := range e.snapshot.Files {
		if !strings.HasSuffix(name, ".cue") || inCueMod(name) || counted[path.Join(snapshotRoot, name)] || e.isBind(name, instance.PkgName) || e.reported(name) {
			continue
		}
		if e.isOwn(name) {
			what, do := whyIgnored(name, content, instance.PkgName)
			e.problems = append(e.problems, Problem{File: name, What: "CUE ignores this file: " + what, Do: do})
		} else if under(name, path.Clean(e.snapshot.Dir)) && !dirs[path.Join(snapshotRoot, path.Dir(name))] {
			e.problems = append(e.problems, Problem{File: name, What: "no file of the site imports the directory of this file",
				Do: "move it beside the other files of the site; if directories are sites of their own, run `havn check ./...`"})
		}
	}
}

// reported: a problem already names the file.
func (e *evaluation) reported(name string) bool {
	return slices.ContainsFunc(e.problems, func(p Problem) bool { return p.File == name })
}

// whyIgnored explains why CUE leaves out a file of the directory.
func whyIgnored(name string, content []byte, pkg string) (what, do string) {
	if pkg == "" {
		pkg = "site"
	}
	if !isCounted(name) {
		return "its name begins with _ or ., or ends in _test or _tool", "rename it, or remove it"
	}
	f, err := parser.ParseFile(name, content, parser.ParseComments)
	if err != nil || f.PackageName() == "" {
		return "it has no package clause", "write `package " + pkg + "` as its first line"
	}
	if f.PackageName() != pkg {
		return "its package is " + f.PackageName(), "write `package " + pkg + "`, as in bind.cue or the other files"
	}
	for _, d := range f.Decls {
		if a, ok := d.(*ast.Attribute); ok {
			return "its attribute " + a.Text + " excludes it", "remove the attribute"
		}
	}
	return "an attribute excludes it", "remove the attribute"
}
