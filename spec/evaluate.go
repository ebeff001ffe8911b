package spec

import (
	"encoding/json"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/load"

	"havn.internal/schemas"
)

// snapshotRoot is where the snapshot lies for CUE: nowhere on this machine.
const snapshotRoot = "/havn-snapshot"

// Evaluate turns a snapshot into a Site, in this process. CUE has no cost limits
// and gives memory back to nobody, so only the child of [Load] calls it.
func Evaluate(s Snapshot) (Site, error) {
	e := &evaluation{snapshot: s, ctx: cuecontext.New()}
	e.site = Site{Revision: s.Revision(), Services: map[string]Service{}, Routes: map[string]Route{}, Volumes: map[string]Volume{}}
	e.source = map[string]sourceService{}
	value, ok := e.build()
	if !ok {
		return Site{}, e.problems.sorted()
	}
	e.root = value
	e.topLevel()
	e.entries()
	if len(e.problems) == 0 {
		r := &ruler{site: e.site, source: e.source, at: e.at}
		r.check()
		e.problems = append(e.problems, r.problems...)
	}
	if err := e.problems.orNil(); err != nil {
		return Site{}, err
	}
	return e.site, nil
}

// An evaluation is one call of Evaluate.
type evaluation struct {
	snapshot Snapshot
	ctx      *cue.Context
	schema   cue.Value
	root     cue.Value
	site     Site
	source   map[string]sourceService
	problems Problems
}

// build loads the package of the directory, with the embedded schema in place of
// whatever is vendored.
func (e *evaluation) build() (cue.Value, bool) {
	overlay := map[string]load.Source{}
	for name, content := range e.snapshot.Files {
		if !strings.HasPrefix(name, "cue.mod/pkg/"+moduleDir) {
			overlay[path.Join(snapshotRoot, name)] = load.FromBytes(content)
		}
	}
	if _, has := e.snapshot.Files["cue.mod/module.cue"]; !has {
		overlay[path.Join(snapshotRoot, "cue.mod/module.cue")] = load.FromString("module: \"havn.invalid/site@v0\"\nlanguage: version: \"v0.14.0\"\n")
	}
	addSchema(overlay)
	instances := load.Instances([]string{"."}, &load.Config{
		Dir: snapshotRoot, ModuleRoot: snapshotRoot, Overlay: overlay, Env: []string{"CUE_REGISTRY=none"},
	})
	instance := instances[0]
	if instance.Err != nil {
		e.loadProblems(instance)
		return cue.Value{}, false
	}
	e.ignored(instance)
	var ok bool
	if e.schema, ok = e.buildSchema(); !ok {
		return cue.Value{}, false
	}
	value := e.ctx.BuildInstance(instance)
	if err := value.Err(); err != nil && !value.Exists() {
		e.cueProblems(err, nil)
		return value, false
	}
	return value, true
}

// moduleDir is where the schema is vendored, below cue.mod/pkg.
const moduleDir = "havn.internal/schemas"

func addSchema(overlay map[string]load.Source) {
	for name, content := range schemaFiles() {
		overlay[path.Join(snapshotRoot, "cue.mod/pkg", moduleDir, name)] = load.FromBytes(content)
	}
}

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

// buildSchema builds the embedded schema by itself: every entry is checked
// against it, also if the repository's own bind.cue is missing or edited.
func (e *evaluation) buildSchema() (cue.Value, bool) {
	instance := build.NewContext().NewInstance("/havn-schema", nil)
	files := schemaFiles()
	for _, name := range sortedKeys(files) {
		if err := instance.AddFile("/havn-schema/"+name, files[name]); err != nil {
			panic("spec: embedded schema: " + err.Error())
		}
	}
	v := e.ctx.BuildInstance(instance)
	if err := v.Err(); err != nil {
		panic("spec: embedded schema: " + errors.Details(err, nil))
	}
	return v, true
}

// loadProblems reports what keeps the package from loading.
func (e *evaluation) loadProblems(instance *build.Instance) {
	var none *load.NoFilesError
	if errors.As(instance.Err, &none) {
		e.problems = append(e.problems, Problem{What: "there is no CUE package in the directory", Expected: "at least one .cue file with a package clause; `havn init DIR` writes a first one"})
		e.ignored(instance)
		return
	}
	e.cueProblems(instance.Err, nil)
}

// ignored reports .cue files that CUE leaves out without a word.
func (e *evaluation) ignored(instance *build.Instance) {
	for _, f := range instance.IgnoredFiles {
		name, inside := relative(f.Filename)
		if !inside || !strings.HasSuffix(name, ".cue") {
			continue
		}
		why := "its name or its package keeps it out"
		if f.ExcludeReason != nil {
			why = message(f.ExcludeReason)
		}
		e.problems = append(e.problems, Problem{File: name, What: "CUE ignores this file: " + why,
			Expected: "a file of the package, or another ending if it is not meant to count"})
	}
	for name := range e.snapshot.Files {
		if dir := path.Dir(name); dir != "." && !strings.HasPrefix(name, "cue.mod/") && strings.HasSuffix(name, ".cue") &&
			!strings.HasPrefix(path.Base(name), ".") && e.isOrphan(name, instance) {
			e.problems = append(e.problems, Problem{File: name, What: "a file of the site in a subdirectory does not count",
				Expected: "all files of package " + instance.PkgName + " in one directory"})
		}
	}
}

// isOrphan: the file is of the site's package, but not where it is read.
func (e *evaluation) isOrphan(name string, instance *build.Instance) bool {
	clause := "package " + instance.PkgName
	for _, line := range strings.Split(string(e.snapshot.Files[name]), "\n") {
		if strings.TrimSpace(line) == clause {
			return true
		}
	}
	return false
}

// relative turns a file name of the snapshot into the user's.
func relative(filename string) (string, bool) {
	name, err := filepath.Rel(snapshotRoot, filename)
	if err != nil || strings.HasPrefix(name, "..") || strings.HasPrefix(name, "cue.mod/pkg/"+moduleDir) {
		return "", false
	}
	return filepath.ToSlash(name), true
}

var topFields = []string{"services", "routes", "volumes"}

// topLevel refuses fields that mean nothing: CUE can't close a package in every
// version.
func (e *evaluation) topLevel() {
	fields, err := e.root.Fields(cue.Optional(false))
	if err != nil {
		e.cueProblems(err, nil)
		return
	}
	for fields.Next() {
		name := fields.Selector().Unquoted()
		if !slices.Contains(topFields, name) {
			p := e.at(name)
			p.What, p.Expected = name+": field not allowed", "services, routes or volumes"+suggest(name, topFields)
			e.problems = append(e.problems, p)
		}
	}
}

// entries checks and reads every service, route and volume by itself, so that
// one mistake does not hide another.
func (e *evaluation) entries() {
	e.each("services", "#Service", func(name string, text []byte) error {
		var src sourceService
		err := strict(text, &src)
		e.source[name], e.site.Services[name] = src, resolveService(name, src)
		return err
	})
	e.each("routes", "#Route", func(name string, text []byte) error {
		var src sourceRoute
		err := strict(text, &src)
		e.site.Routes[name] = resolveRoute(name, src)
		return err
	})
	e.each("volumes", "#Volume", func(name string, text []byte) error {
		var src sourceVolume
		err := strict(text, &src)
		e.site.Volumes[name] = Volume{Name: name, Labels: src.Labels}
		return err
	})
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func (e *evaluation) each(kind, definition string, read func(name string, text []byte) error) {
	all := e.root.LookupPath(cue.MakePath(cue.Str(kind)))
	if !all.Exists() {
		return
	}
	fields, err := all.Fields()
	if err != nil {
		e.cueProblems(err, []string{kind})
		return
	}
	schema := e.schema.LookupPath(cue.ParsePath(definition))
	for fields.Next() {
		name := fields.Selector().Unquoted()
		e.entry(kind, name, schema.Unify(fields.Value()).FillPath(cue.ParsePath("name"), name), read)
	}
}

func (e *evaluation) entry(kind, name string, v cue.Value, read func(string, []byte) error) {
	if err := v.Validate(cue.Concrete(true), cue.All()); err != nil {
		e.cueProblems(err, []string{kind, name})
		return
	}
	text, err := v.MarshalJSON()
	if err != nil {
		e.cueProblems(err, []string{kind, name})
		return
	}
	if err := read(name, text); err != nil {
		p := e.at(kind, name)
		p.What = kind + "." + name + ": " + err.Error()
		e.problems = append(e.problems, p)
	}
}

// at is the position of a path of fields, or of its nearest parent that has one
// in a file of the user's.
func (e *evaluation) at(fields ...string) Problem {
	for n := len(fields); n > 0; n-- {
		selectors := make([]cue.Selector, n)
		for i, f := range fields[:n] {
			selectors[i] = cue.Str(f)
		}
		v := e.root.LookupPath(cue.MakePath(selectors...))
		if !v.Exists() {
			continue
		}
		if p, ok := position(v); ok {
			return p
		}
	}
	return Problem{}
}

// position is where a field stands: its label, which is where a person looks, or
// its value.
func position(v cue.Value) (Problem, bool) {
	_, conjuncts := v.Expr()
	for _, c := range append([]cue.Value{v}, conjuncts...) {
		if source := c.Source(); source != nil {
			if field, ok := source.(*ast.Field); ok {
				if p, ok := problemAt(field.Label.Pos()); ok {
					return p, true
				}
			}
		}
		if p, ok := problemAt(c.Pos()); ok {
			return p, true
		}
	}
	return Problem{}, false
}
