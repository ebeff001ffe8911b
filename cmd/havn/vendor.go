package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"havn.internal/schemas"
	"havn.internal/spec"
)

// vendorDir is where a spec repository keeps its copy of the schema, so that the
// stock cue finds it without a network.
const vendorDir = "cue.mod/pkg/" + schemas.ImportPath

var schemaDependency = regexp.MustCompile(`"havn\.internal/schemas(@v[0-9]+)?"\s*:`)

// updateSchema brings the copy in an existing repository up to date.
func updateSchema(root *os.Root, module string, out io.Writer) error {
	if schemaDependency.MatchString(module) {
		return fmt.Errorf("%s has havn.internal/schemas among its deps, expected the copy in cue.mod/pkg or the dependency, not both (cue refuses to choose)", moduleFile)
	}
	changed, err := syncSchema(root)
	switch {
	case err != nil:
		return err
	case len(changed) == 0:
		fmt.Fprintf(out, "%s is up to date; nothing has been changed\n", vendorDir)
	}
	for _, line := range changed {
		fmt.Fprintln(out, line)
	}
	return nil
}

// syncSchema makes the copy equal to the embedded schema and says what it did.
func syncSchema(root *os.Root) ([]string, error) {
	if err := noLinks(root); err != nil {
		return nil, err
	}
	differences, err := schemaDrift(root)
	if err != nil || len(differences) == 0 {
		return nil, err
	}
	if err := root.MkdirAll(vendorDir, 0o755); err != nil {
		return nil, err
	}
	var done []string
	for _, name := range slices.Sorted(maps.Keys(differences)) {
		file, want := path.Join(vendorDir, name), differences[name]
		if want == nil {
			done = append(done, "removed "+file)
			err = root.Remove(file)
		} else {
			done = append(done, "updated "+file)
			err = replaceFile(root, file, want)
		}
		if err != nil {
			return nil, err
		}
	}
	return done, nil
}

// replaceFile writes a file so that a reader sees the old one or the new one.
func replaceFile(root *os.Root, file string, content []byte) error {
	if err := root.WriteFile(file+".new", content, 0o644); err != nil {
		return err
	}
	return root.Rename(file+".new", file)
}

// noLinks refuses a copy that is not a directory of its own: writing into it would
// change something else.
func noLinks(root *os.Root) error {
	for dir := vendorDir; dir != "."; dir = path.Dir(dir) {
		i, err := root.Lstat(dir)
		if err == nil && !i.IsDir() {
			return fmt.Errorf("%s is no plain directory, expected one that havn may write", dir)
		}
	}
	return nil
}

// schemaDrift returns the files in which the copy differs from the embedded
// schema, with what they should be; nil for one that should not be.
func schemaDrift(root *os.Root) (map[string][]byte, error) {
	out := map[string][]byte{}
	wanted, err := fs.Sub(schemas.FS, "v1")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(wanted, "*.cue")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		want, err := fs.ReadFile(wanted, name)
		if err != nil {
			return nil, err
		}
		have, err := fs.ReadFile(spec.PlainFS(root), path.Join(vendorDir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || !bytes.Equal(want, have) {
			out[name] = want
		}
	}
	present, err := fs.Glob(spec.PlainFS(root), vendorDir+"/*.cue")
	for _, file := range present {
		if !slices.Contains(names, path.Base(file)) {
			out[path.Base(file)] = nil
		}
	}
	return out, err
}

var packageClause = regexp.MustCompile(`(?m)^package (\w+)$`)

// checkNotes are what keeps the stock cue from finding in dir what havn finds.
func checkNotes(dir string) []string {
	dir, _ = spec.Locate(dir)
	root, err := spec.OpenRoot(dir)
	if err != nil {
		return nil
	}
	defer func() { _ = root.Close() }()
	if _, err := root.Stat(moduleFile); err != nil {
		return nil
	}
	var notes []string
	if differences, err := schemaDrift(root); err == nil && len(differences) > 0 {
		notes = append(notes, vendorDir+" is not this havn's schema; `havn init "+dir+"` updates it")
	}
	bind, err := fs.ReadFile(spec.PlainFS(root), "bind.cue")
	clause := packageClause.FindStringSubmatch(string(bind))
	switch {
	case err != nil:
		notes = append(notes, "there is no bind.cue, so `cue vet` checks nothing; a new repository of `havn init` has one to copy")
	case clause == nil || strings.TrimSpace(string(bind)) != strings.TrimSpace(schemas.Bind(clause[1])):
		notes = append(notes, "bind.cue is not as `havn init` writes it, so `cue vet` may miss what this command finds")
	}
	return notes
}
