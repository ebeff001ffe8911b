package gitops

import (
	"fmt"
	"strings"
	"testing"

	"havn.internal/gitops/origin"
)

const lfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// entry makes main a tree with one entry beside an honest spec.
func entry(mode, name string, text ...string) func(*origin.Repo, string) {
	return func(r *origin.Repo, canary string) {
		content := "package site\n"
		if len(text) > 0 {
			content = strings.ReplaceAll(text[0], "CANARY", canary)
		}
		r.Point(r.Tree(sorted(origin.Entry{Mode: mode, Name: name, ID: r.Blob(content)}, honest(r))...))
	}
}

func honest(r *origin.Repo) origin.Entry {
	return origin.Entry{Mode: "100644", Name: "site.cue", ID: r.Blob("package site\n")}
}

func sorted(a, b origin.Entry) []origin.Entry {
	if a.Name > b.Name {
		a, b = b, a
	}
	return []origin.Entry{a, b}
}

// written commits files as anybody would.
func written(files map[string]string) func(*origin.Repo, string) {
	return func(r *origin.Repo, _ string) { r.Commit(files) }
}

// nested is a tree in depth trees.
func nested(r *origin.Repo, depth int) string {
	tree := r.Tree(honest(r))
	for range depth {
		tree = r.Tree(origin.Entry{Mode: "40000", Name: "d", ID: tree})
	}
	return tree
}

var hostileNames = []hostile{
	{"dot dot", entry("100644", ".."), "hasDotdot"},
	{"dot", entry("100644", "."), "hasDot"},
	{"a directory dot dot", func(r *origin.Repo, _ string) {
		r.Point(r.Tree(origin.Entry{Mode: "40000", Name: "..", ID: r.Tree(honest(r))}, honest(r)))
	}, "hasDotdot"},
	{"slash", entry("100644", "../../evil.cue"), "fullPathname"},
	{"absolute", entry("100644", "/etc/evil.cue"), "fullPathname"},
	{"no name", entry("100644", ""), "damaged there"},
	{"git's directory", func(r *origin.Repo, canary string) {
		config := origin.Entry{Mode: "100644", Name: "config", ID: r.Blob("[core]\n\tfsmonitor = touch " + canary + "\n")}
		r.Point(r.Tree(origin.Entry{Mode: "40000", Name: ".git", ID: r.Tree(config)}, honest(r)))
	}, "hasDotgit"},
	{"git's directory in capitals", entry("100644", ".GIT"), "hasDotgit"},
	{"git's directory on Windows", entry("100644", "git~1"), "hasDotgit"},
	{"git's directory with a joiner", entry("100644", ".g\u200cit"), "hasDotgit"},
	{"git's directory with a dot", entry("100644", ".git."), "hasDotgit"},
	{"backslash", entry("100644", `a\..\..\b.cue`), "backslash"},
	{"colon", entry("100644", "c:evil.cue"), "colon"},
	{"line break", entry("100644", "a\nb.cue"), "control"},
	{"escape", entry("100644", "\x1b[2Ja.cue"), "control"},
	{"turned around", entry("100644", "a\u202eeuc.b"), "invisible"},
	{"invisible", entry("100644", "a\u200b.cue"), "invisible"},
	{"no UTF-8", entry("100644", "a\xff\xfe.cue"), "UTF-8"},
	{"option", entry("100644", "-rf.cue"), "option"},
	{"long", entry("100644", strings.Repeat("a", 300)+".cue"), "longer than 255"},
	{"longer than git's own", entry("100644", strings.Repeat("a", 9000)+".cue"), "is held"},
	{"case", written(map[string]string{"Web.cue": "package site\n", "web.cue": "package evil\n"}), "only in case"},
	{"case of directories", written(map[string]string{"A/x.cue": "package a\n", "a/y.cue": "package a\n"}), "only in case"},
	{"accents", written(map[string]string{"\u00e9.cue": "package a\n", "e\u0301.cue": "package a\n"}), "only in case or accents"},
	{"sharp s", written(map[string]string{"stra\u00dfe.cue": "package a\n", "STRASSE.cue": "package a\n"}), "only in case or accents"},
	{"twice", func(r *origin.Repo, _ string) { r.Point(r.Tree(honest(r), honest(r))) }, "duplicateEntries"},
	{"a file and a directory", func(r *origin.Repo, _ string) {
		e := honest(r)
		r.Point(r.Tree(origin.Entry{Mode: "100644", Name: "a", ID: e.ID}, origin.Entry{Mode: "40000", Name: "a", ID: r.Tree(e)}, e))
	}, "duplicateEntries"},
	{"not sorted", func(r *origin.Repo, _ string) {
		e := honest(r)
		r.Point(r.Tree(e, origin.Entry{Mode: "100644", Name: "a.cue", ID: e.ID}))
	}, "treeNotSorted"},
}

var hostileFiles = []hostile{
	{"link out", entry("120000", "link.cue", "/etc/passwd"), "symbolic link"},
	{"link to a directory", entry("120000", "dir", "../.."), "symbolic link"},
	{"submodule", func(r *origin.Repo, _ string) {
		r.Point(r.Tree(sorted(origin.Entry{Mode: "160000", Name: "sub", ID: r.Head()}, honest(r))...))
	}, "submodule"},
	{"submodule that runs", func(r *origin.Repo, canary string) {
		modules := r.Blob("[submodule \"x\"]\n\tpath = x\n\turl = ext::touch " + canary + "\n\tupdate = !touch " + canary + "\n")
		r.Point(r.Tree(origin.Entry{Mode: "100644", Name: ".gitmodules", ID: modules}, honest(r), origin.Entry{Mode: "160000", Name: "x", ID: r.Head()}))
	}, "gitmodulesUpdate"},
	{"submodule with an option for a URL", entry("100644", ".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = -u./CANARY\n"), "gitmodulesUrl"},
	{"modules that are a link", entry("120000", ".gitmodules", "/etc/passwd"), "gitmodulesSymlink"},
	{"LFS", written(map[string]string{"data.cue": lfsPointer}), "LFS"},
	{"old mode", entry("100664", "a.cue"), "mode"},
	{"mode of a device", entry("20644", "a.cue"), "submodule"},
	{"no spec", func(r *origin.Repo, _ string) {
		r.Point(r.Tree(origin.Entry{Mode: "100644", Name: "README", ID: honest(r).ID}))
	}, "no .cue files"},
	{"nothing", func(r *origin.Repo, _ string) { r.Point(r.Raw("tree", "")) }, "no .cue files"},
	{"only modules", func(r *origin.Repo, _ string) {
		r.Git("rm", "-q", "site.cue")
		r.Commit(map[string]string{"cue.mod/module.cue": "module: \"x\"\n"})
	}, "no .cue files"},
	{"empty directory", func(r *origin.Repo, _ string) {
		r.Point(r.Tree(origin.Entry{Mode: "40000", Name: "empty", ID: r.Raw("tree", "")}, honest(r)))
	}, "empty directory"},
	{"deep", func(r *origin.Repo, _ string) { r.Point(nested(r, 40)) }, "deeper than 32"},
	{"very deep", func(r *origin.Repo, _ string) { r.Point(nested(r, 1500)) }, "deeper than 32"},
	{"many files", func(r *origin.Repo, _ string) {
		files := map[string]string{}
		for i := range 150 {
			files[fmt.Sprintf("f%03d.cue", i)] = "package site\n"
		}
		r.Commit(files)
	}, "more than 100 files"},
	{"a thousand million files", func(r *origin.Repo, _ string) {
		tree := r.Tree(honest(r))
		for range 9 {
			var all []origin.Entry
			for i := range 10 {
				all = append(all, origin.Entry{Mode: "40000", Name: fmt.Sprint(i), ID: tree})
			}
			tree = r.Tree(all...)
		}
		r.Point(tree)
	}, "more than 100 files"},
	{"large file", written(map[string]string{"big.cue": "//" + strings.Repeat("x", 70<<10)}), "larger than 64 KiB"},
	{"large in all", func(r *origin.Repo, _ string) {
		files := map[string]string{}
		for i := range 6 {
			files[fmt.Sprintf("f%d.cue", i)] = "//" + strings.Repeat(fmt.Sprint(i), 60<<10)
		}
		r.Commit(files)
	}, "MiB"},
	{"a tree for a file", func(r *origin.Repo, _ string) {
		r.Point(r.Tree(origin.Entry{Mode: "100644", Name: "a.cue", ID: r.Tree(honest(r))}, honest(r)))
	}, "a.cue"},
	{"a filter", func(r *origin.Repo, canary string) {
		r.Git("config", "filter.evil.smudge", "touch "+canary)
		r.Commit(map[string]string{".gitattributes": "* filter=evil diff=evil merge=evil export-subst ident\n", "id.cue": "// $Id$ $Format:%H$\npackage site\n"})
	}, ""},
	{"hooks", func(r *origin.Repo, canary string) {
		for _, dir := range []string{"hooks", ".githooks"} {
			for _, hook := range []string{"post-checkout", "reference-transaction", "post-merge"} {
				r.Plant(dir+"/"+hook, "#!/bin/sh\ntouch "+canary+"\n", 0o755)
			}
		}
		r.Commit(nil)
	}, ""},
}

func TestHostileNames(t *testing.T) { runAll(t, hostileNames) }

func TestHostileFiles(t *testing.T) { runAll(t, hostileFiles) }
