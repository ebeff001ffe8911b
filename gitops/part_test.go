package gitops

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
	cue "havn.internal/spec"
)

func around(module fs.FS, inside string) ([]string, error) {
	b, err := cue.Around(module, inside)
	return b.Files, err
}

// fleet is a repository of two hosts in one module.
func fleet(n int) map[string]string {
	return map[string]string{
		"cue.mod/module.cue":  "module: \"example.com/site@v0\"\nlanguage: version: \"v0.14.0\"\n",
		"shared.cue":          "package site\n",
		"hosts/all.cue":       "package site\n",
		"hosts/web1/site.cue": fmt.Sprintf("package site\n\nimport \"example.com/site/lib/app\"\n\nn: %d\napp.x\n", n),
		"hosts/web1/conf/app": "plain\n",
		"hosts/web2/site.cue": "package site\n",
		"lib/app/app.cue":     "package app\n\nimport \"example.com/site/lib/more\"\n\nx: more.x\n",
		"lib/more/more.cue":   "@extern(embed)\n\npackage more\n\nx: _ @embed(file=text.txt,type=text)\n",
		"lib/more/text.txt":   "text\n",
		"lib/other/other.cue": "package other\n",
		"README":              "nobody's spec\n",
	}
}

// web1 is all that its host gets.
var web1 = []string{
	"cue.mod/module.cue", "hosts/all.cue", "hosts/web1/conf/app", "hosts/web1/site.cue",
	"lib/app/app.cue", "lib/more/more.cue", "lib/more/text.txt", "shared.cue",
}

func followPart(t *testing.T, r *origin.Repo) *follower {
	t.Helper()
	o := options(t, r.URL())
	o.Path, o.Around = "hosts/web1", around
	return follow(t, o)
}

// filesOf are the files of a delivered directory, which is what its name says.
func filesOf(t *testing.T, r Revision) []string {
	t.Helper()
	if id, err := git.TreeID(r.Dir, 40); err != nil || id != filepath.Base(r.Dir) {
		t.Errorf("%s holds %s, %v", r.Dir, id, err)
	}
	var names []string
	check(t, filepath.WalkDir(r.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(r.Dir, path)
			names = append(names, name)
		}
		return err
	}))
	slices.Sort(names)
	return names
}

func TestAHostGetsItsPart(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(fleet(1))
	f := followPart(t, r)
	rev := f.accepts(first)
	if got := filesOf(t, rev); !slices.Equal(got, web1) || rev.Inside != "hosts/web1" {
		t.Fatalf("at %q, got %q, want %q", rev.Inside, got, web1)
	}
	// What is no part of it makes a new revision, and no new content.
	for _, name := range []string{"README", "hosts/web2/site.cue", "lib/other/other.cue", "hosts/web3/site.cue", "lib/app/notes.txt"} {
		before := f.memory.accepted.Commit
		if same := f.accepts(r.Commit(map[string]string{name: "package site {"})); same.Dir != rev.Dir || same.Same != before {
			t.Errorf("%s counts for another host: %+v", name, same)
		}
	}
	seen := map[string]bool{rev.Dir: true}
	for _, name := range []string{"shared.cue", "hosts/all.cue", "hosts/new.cue", "lib/app/app.cue", "lib/more/text.txt", "cue.mod/usr/x.cue", "hosts/web1/conf/app"} {
		next := f.accepts(r.Commit(map[string]string{name: fleet(1)[name] + "// other\n"}))
		if seen[next.Dir] || next.Same != "" {
			t.Errorf("%s does not count", name)
		}
		seen[next.Dir] = true
	}
	// A restart, and a look back, find the same.
	last := f.got[len(f.got)-1]
	again := f.again()
	if len(again.got) != 1 || again.got[0].Dir != last.Dir || again.got[0].Inside != "hosts/web1" {
		t.Errorf("after a restart: %+v, want %s", again.got, last.Dir)
	}
	back, err := f.At(t.Context(), first)
	if err != nil || back.Dir != rev.Dir || back.Inside != rev.Inside {
		t.Errorf("a look back: %+v, %v", back, err)
	}
}

func TestWhereTheModuleIs(t *testing.T) {
	module := fleet(1)["cue.mod/module.cue"]
	for name, c := range map[string]struct {
		change map[string]string
		inside string
		files  []string
	}{
		"nearer":      {map[string]string{"hosts/cue.mod/module.cue": module}, "web1", []string{"all.cue", "cue.mod/module.cue", "web1/conf/app", "web1/site.cue"}},
		"its own":     {map[string]string{"hosts/web1/cue.mod/module.cue": module}, "", []string{"conf/app", "cue.mod/module.cue", "site.cue"}},
		"none":        {map[string]string{"cue.mod/module.cue": ""}, "", []string{"conf/app", "site.cue"}},
		"another's":   {map[string]string{"cue.mod/module.cue": "module: \"example.com/other\"\n"}, "hosts/web1", []string{"cue.mod/module.cue", "hosts/all.cue", "hosts/web1/conf/app", "hosts/web1/site.cue", "shared.cue"}},
		"no module's": {map[string]string{"cue.mod/module.cue": "x: [\n"}, "hosts/web1", []string{"cue.mod/module.cue", "hosts/all.cue", "hosts/web1/conf/app", "hosts/web1/site.cue", "shared.cue"}},
	} {
		r := origin.New(t)
		r.Commit(fleet(1))
		rev := followPart(t, r).accepts(r.Commit(c.change))
		if got := filesOf(t, rev); rev.Inside != c.inside || !slices.Equal(got, c.files) {
			t.Errorf("%s: at %q, %q; want %q, %q", name, rev.Inside, got, c.inside, c.files)
		}
	}
}

// grafted is the repository with a tree in place of, or as, a directory.
func grafted(r *origin.Repo, at, tree string) string {
	r.Git("read-tree", "HEAD")
	r.Git("rm", "-rq", "--cached", "--ignore-unmatch", at)
	return graft(r, r.Git("write-tree"), strings.Split(at, "/"), tree)
}

func graft(r *origin.Repo, in string, at []string, tree string) string {
	if len(at) == 0 {
		return tree
	}
	var entries []origin.Entry
	below := r.Tree()
	for line := range strings.Lines(r.Git("ls-tree", in)) {
		meta, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		f := strings.Fields(meta)
		if name == at[0] {
			below = f[2]
			continue
		}
		entries = append(entries, origin.Entry{Mode: strings.TrimPrefix(f[0], "0"), Name: name, ID: f[2]})
	}
	entries = append(entries, origin.Entry{Mode: "40000", Name: at[0], ID: graft(r, below, at[1:], tree)})
	slices.SortFunc(entries, func(a, b origin.Entry) int { return strings.Compare(gitName(a), gitName(b)) })
	return r.Tree(entries...)
}

func gitName(e origin.Entry) string {
	if e.Mode == "40000" {
		return e.Name + "/"
	}
	return e.Name
}

// refusedByGit: git itself does not take the objects, so no host gets the commit.
func refusedByGit(h hostile) bool {
	byItself := []string{"damaged there", "fullPathname", "hasDot", "duplicateEntries", "treeNotSorted", "gitmodules"}
	return h.name == "a tree for a file" || slices.ContainsFunc(byItself, func(says string) bool { return strings.HasPrefix(h.says, says) })
}

// TestAnotherHostsEvil: what a repository may hold of evil, in the directory of
// another host, leaves this one as it is.
func TestAnotherHostsEvil(t *testing.T) {
	for _, h := range slices.Concat(hostileNames, hostileFiles) {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			r := origin.New(t)
			r.Commit(fleet(1))
			f := followPart(t, r)
			f.Git.mirror.Limits.Files, f.Git.mirror.Limits.FileSize, f.Git.mirror.Limits.Size, f.Git.mirror.Limits.Pack = 100, 64<<10, 256<<10, 8<<20
			rev := f.accepts(r.Head())
			evil := evilTree(r, h)
			commit := r.Point(grafted(r, "hosts/web2", evil))
			if refusedByGit(h) {
				f.refused(f.ask(), "", rev.Commit)
				return
			}
			if next := f.accepts(commit); next.Dir != rev.Dir {
				t.Errorf("delivered %s, and before %s", next.Dir, rev.Dir)
			}
		})
	}
}

// evilTree makes the tree of a hostile commit, and leaves the branch as it was.
func evilTree(r *origin.Repo, h hostile) string {
	before := r.Head()
	r.Git("rm", "-rqf", ".")
	r.Commit(map[string]string{"site.cue": "package site\n"})
	h.do(r, "/nonexistent/canary")
	tree := r.Git("rev-parse", "HEAD^{tree}")
	r.Git("update-ref", "refs/heads/main", before)
	r.Git("reset", "-q", "--hard")
	return strings.TrimSpace(tree)
}

// TestEvilInAPart: what is included is held to what every spec is held to, wherever
// it stands.
func TestEvilInAPart(t *testing.T) {
	for _, at := range []string{"hosts/web1/sub", "cue.mod/usr"} {
		for _, h := range slices.Concat(hostileNames, hostileFiles) {
			if h.says == "" || strings.Contains(h.says, "no .cue") || h.says == "empty directory" || h.name == "old mode" {
				continue // no evil where there is a spec beside it; of a mode only the right to run counts
			}
			t.Run(at+"/"+h.name, func(t *testing.T) {
				t.Parallel()
				r := origin.New(t)
				r.Commit(fleet(1))
				f := followPart(t, r)
				f.Git.mirror.Limits.Files, f.Git.mirror.Limits.FileSize, f.Git.mirror.Limits.Size, f.Git.mirror.Limits.Pack = 100, 64<<10, 256<<10, 8<<20
				first := f.accepts(r.Head()).Commit
				r.Point(grafted(r, at, evilTree(r, h)))
				f.refused(f.ask(), "", first)
			})
		}
	}
}

// TestEvilBeside: the same of files above the path, in imported packages, and of
// what they embed.
func TestEvilBeside(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(r *origin.Repo)
		says string
	}{
		"link at the root":            {link("evil.cue", "/etc/passwd"), `"evil.cue" is a symbolic link`},
		"link above":                  {link("hosts/evil.cue", "web2/site.cue"), `"hosts/evil.cue" is a symbolic link`},
		"link in a package":           {link("lib/app/evil.cue", "app.cue"), `"lib/app/evil.cue" is a symbolic link`},
		"link as a package":           {link("lib/more", "app"), `"lib/more" is a symbolic link`},
		"link for an embed":           {link("lib/more/text.txt", "/etc/passwd"), `"lib/more/text.txt" is a symbolic link`},
		"link for the host":           {link("hosts/web1", "web2"), "is a symbolic link"},
		"LFS above":                   {put("hosts/x.cue", lfsPointer), "LFS"},
		"LFS for an embed":            {put("lib/more/text.txt", lfsPointer), "LFS"},
		"large above":                 {put("x.cue", "//"+strings.Repeat("x", 2<<20)), "larger than"},
		"control characters":          {put("hosts/a\nb.cue", "package site\n"), "control"},
		"case":                        {put("SHARED.cue", "package site\n"), "only in case"},
		"no spec":                     {put("hosts/web1/site.cue", ""), "no .cue files"},
		"no end of imports":           {farReaching, "reaches too far"},
		"an import of itself and out": {put("lib/app/app.cue", "package app\n\nimport (\n\t\"example.com/site/lib/app\"\n\t\"example.com/site/../../etc\"\n\t\"example.com/site//etc\"\n\t\"/etc\"\n)\n"), ""},
		"an attribute without end":    {put("lib/app/app.cue", "@a"+strings.Repeat("(", 1<<20-100)), ""},
		"text for imports":            {put("lib/app/app.cue", "package app\n\nimport \"\\("+strings.Repeat("(", 1<<20-100)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := origin.New(t)
			r.Commit(fleet(1))
			f := followPart(t, r)
			first := f.accepts(r.Head()).Commit
			c.do(r)
			if c.says == "" {
				filesOf(t, f.accepts(r.Head()))
				return
			}
			f.refused(f.ask(), c.says, first)
		})
	}
}

func put(name, text string) func(*origin.Repo) {
	return func(r *origin.Repo) { r.Commit(map[string]string{name: text}) }
}

func link(name, to string) func(*origin.Repo) {
	return func(r *origin.Repo) {
		_ = os.RemoveAll(filepath.Join(r.Dir, name))
		if err := os.Symlink(to, filepath.Join(r.Dir, name)); err != nil {
			panic(err)
		}
		r.Commit(nil)
	}
}

func farReaching(r *origin.Repo) {
	files := map[string]string{"lib/app/app.cue": "package app\n\nimport \"example.com/site/p0\"\n"}
	for i := range 300 {
		files[fmt.Sprintf("p%d/p.cue", i)] = fmt.Sprintf("package p%d\n\nimport \"example.com/site/p%d\"\n", i, i+1)
	}
	r.Commit(files)
}
