package git

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A Part is what of a commit one spec is made of.
type Part struct {
	// Tree is the id of the directory that the files make.
	Tree string
	// Inside is where in that directory the spec is; "" is all of it.
	Inside string
	// files are nil if they are all of Tree.
	files []File
}

// Around names the files that a spec at a path of a CUE module is made of, other than
// what is below the path and below cue.mod.
type Around func(module fs.FS, inside string) ([]string, error)

// Part finds what of a commit the spec at a path is made of: the directory, and if the
// nearest cue.mod/module.cue is above it, the part of that module that around names.
// Nothing else of the commit is looked at.
func (m *Mirror) Part(ctx context.Context, commit, dir string, around Around) (Part, error) {
	tree, err := m.Tree(ctx, commit, dir)
	if err != nil || dir == "" || around == nil {
		return Part{Tree: tree}, err
	}
	root, inside, err := m.module(ctx, commit, dir)
	if err != nil || inside == "" {
		return Part{Tree: tree}, err
	}
	module, err := m.Tree(ctx, commit, root)
	if err != nil {
		return Part{}, err
	}
	return m.partOf(ctx, module, tree, inside, around)
}

// module is the directory of the module that dir stands in, and the path from there;
// inside is empty if dir is a module of its own.
func (m *Mirror) module(ctx context.Context, commit, dir string) (root, inside string, err error) {
	args := []string{"ls-tree", "-z", "--full-tree", "--end-of-options", commit}
	var roots []string
	for here := dir; ; here = path.Dir(here) {
		roots = append(roots, here)
		args = append(args, path.Join(here, moduleFile))
		if here == "." {
			break
		}
	}
	out, err := m.output(ctx, call{args: args})
	if err != nil {
		return "", "", err
	}
	for _, root := range roots {
		for record := range strings.SplitSeq(string(out), "\x00") {
			f, err := parseRecord(record)
			if err != nil || f.Path != path.Join(root, moduleFile) {
				continue
			}
			if root == dir {
				return "", "", nil
			}
			if root == "." {
				return "", dir, nil
			}
			return root, strings.TrimPrefix(dir, root+"/"), nil
		}
	}
	return "", "", nil
}

const moduleFile = "cue.mod/module.cue"

func (m *Mirror) partOf(ctx context.Context, module, tree, inside string, around Around) (Part, error) {
	t := newTreeFS(ctx, m, module)
	c := &collector{limits: m.Limits, names: folded{}}
	if err := t.graft(c, tree, inside); err != nil {
		return Part{}, err
	}
	mod, err := m.Tree(ctx, module, path.Dir(moduleFile))
	if err != nil {
		return Part{}, err
	}
	if err := t.graft(c, mod, path.Dir(moduleFile)); err != nil {
		return Part{}, err
	}
	names, err := around(t, inside)
	switch {
	case t.err != nil:
		return Part{}, t.err
	case ctx.Err() != nil:
		return Part{}, ctx.Err()
	case err != nil:
		return Part{}, &Refused{inside, err.Error()}
	}
	for _, name := range names {
		e, known := t.entries[name]
		if !known {
			return Part{}, fmt.Errorf("%s was named and never listed", name)
		}
		if err := c.add(e.record, name); err != nil {
			return Part{}, err
		}
	}
	if !hasSpecs(c.files, inside) {
		return Part{}, errNoSpecs
	}
	return Part{Tree: treeOf(c.files, len(tree)), Inside: inside, files: c.files}, nil
}

// A collector takes the files of a spec, and holds each to what a spec may hold.
type collector struct {
	limits Limits
	names  folded
	files  []File
}

// add takes the file of a record "mode type id", at a path.
func (c *collector) add(meta, name string) error {
	if len(c.files) == c.limits.Files {
		return &Refused{"", fmt.Sprintf("there are more than %d files; a spec's directory holds specs only", c.limits.Files)}
	}
	f, err := parseRecord(meta + "\t" + name)
	if err != nil {
		return err
	}
	if what := oddName(f.Path, c.limits.Depth); what != "" {
		return &Refused{f.Path, what}
	}
	if other := c.names.clash(f.Path); other != "" {
		return &Refused{f.Path, fmt.Sprintf("differs from %q only in case or accents", other)}
	}
	c.files = append(c.files, f)
	return nil
}

var errNoSpecs = &Refused{"", "there are no .cue files in the directory"}

// hasSpecs: a directory without specs is held to be an accident.
func hasSpecs(files []File, inside string) bool {
	for _, f := range files {
		below := inside == "" || strings.HasPrefix(f.Path, inside+"/")
		if below && path.Ext(f.Path) == ".cue" && !strings.HasPrefix(f.Path, "cue.mod/") {
			return true
		}
	}
	return false
}
