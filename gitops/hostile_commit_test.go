package gitops

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn.internal/gitops/origin"
)

// edited makes main the commit with its text changed.
func edited(edit func(text string) string) func(*origin.Repo, string) {
	return func(r *origin.Repo, _ string) {
		r.Commit(site(5))
		r.Git("update-ref", "refs/heads/main", r.Raw("commit", edit(r.Git("cat-file", "commit", "HEAD")+"\n")))
	}
}

func replaced(old, by string) func(*origin.Repo, string) {
	return edited(func(text string) string { return strings.Replace(text, old, by, 1) })
}

// mainRef is the file of main; git would not write everything into it.
const mainRef = ".git/refs/heads/main"

// object is the file of an object.
func object(id string) string { return filepath.Join(".git", "objects", id[:2], id[2:]) }

// vanish removes an object.
func vanish(r *origin.Repo, id string) { _ = os.Remove(filepath.Join(r.Dir, object(id))) }

// packed is an object as git stores it.
func packed(kind, content string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = fmt.Fprintf(w, "%s %d\x00%s", kind, len(content), content)
	_ = w.Close()
	return b.String()
}

var hostileCommits = []hostile{
	{"no author", edited(func(s string) string { return s[:strings.Index(s, "author")] + s[strings.Index(s, "committer"):] }), "missingAuthor"},
	{"no committer", edited(func(s string) string {
		i := strings.Index(s, "committer")
		return s[:i] + s[i+strings.Index(s[i:], "\n")+1:]
	}), "missingCommitter"},
	{"two authors", edited(func(s string) string {
		i := strings.Index(s, "author")
		line := s[i : i+strings.Index(s[i:], "\n")+1]
		return s[:i] + line + s[i:]
	}), "multipleAuthors"},
	{"no e-mail", replaced("<anna@example.org>", ""), "mail"},
	{"a time beyond all time", replaced("> 1", "> 99999999999999999991"), "Date"},
	{"a NUL in the message", replaced("a change", "a\x00change"), "nulInCommit"},
	{"a NUL in the header", replaced("committer", "x\x00y\ncommitter"), "nulInHeader"},
	{"no tree", replaced("tree ", "tree 0000000000000000000000000000000000000000\nx "), "fetch"},
	{"not a commit at all", func(r *origin.Repo, _ string) { r.Plant(mainRef, r.Raw("commit", "tree\n\nhello\n")+"\n", 0o644) }, "fetch"},
	{"a message for the terminal", replaced("a change", "\x1b[2J\x1b]0;evil\x07a change\r\u202e"), ""},
	{"a message of four MiB", replaced("a change", strings.Repeat("x", 4<<20)), "longer than"},
	{"a wrong encoding", replaced("\n\n", "\nencoding \xff\xfe\n\n"), ""},
	{"a parent that is not there", func(r *origin.Repo, _ string) {
		lost := r.Commit(site(5))
		r.Commit(site(6))
		vanish(r, lost)
	}, "fetch"},
	{"a file that is not there", func(r *origin.Repo, _ string) {
		r.Commit(map[string]string{"lost.cue": "package lost\n"})
		vanish(r, r.Git("rev-parse", "HEAD:lost.cue"))
	}, "fetch"},
	{"a file that is another", func(r *origin.Repo, _ string) {
		r.Commit(map[string]string{"lost.cue": "package lost\n"})
		r.Plant(object(r.Git("rev-parse", "HEAD:lost.cue")), packed("blob", "package evil\n"), 0o444)
	}, "does not hand it out"},
	{"a file that is garbage", func(r *origin.Repo, _ string) {
		r.Commit(map[string]string{"lost.cue": "package lost\n"})
		r.Plant(object(r.Git("rev-parse", "HEAD:lost.cue")), "garbage", 0o444)
	}, "fetch"},
	{"a tree that is not there", func(r *origin.Repo, _ string) {
		r.Commit(map[string]string{"lost/lost.cue": "package lost\n"})
		vanish(r, r.Git("rev-parse", "HEAD:lost"))
	}, "fetch"},
	{"replaced objects", func(r *origin.Repo, _ string) {
		old := r.Commit(site(5))
		r.Git("update-ref", "refs/replace/"+old, r.Git("commit-tree", "-m", "evil", r.Raw("tree", "")))
	}, ""},
	{"a bomb", func(r *origin.Repo, _ string) {
		r.Git("config", "uploadpack.allowFilter", "false")
		r.Commit(map[string]string{"bomb.cue": strings.Repeat("\n", 64<<20)})
	}, "larger than 64 KiB"},
	{"more than the disk has for it", func(r *origin.Repo, _ string) {
		r.Git("config", "uploadpack.allowFilter", "false")
		r.Git("config", "core.compression", "0")
		r.Commit(map[string]string{"large.cue": strings.Repeat("0123456789abcdef", 1<<20)})
	}, "more than a repository of specs may hold"},
	{"a main that is a file", func(r *origin.Repo, _ string) {
		r.Plant(mainRef, r.Blob("package evil\n")+"\n", 0o644)
	}, "not a commit"},
	{"a main that is a tree", func(r *origin.Repo, _ string) {
		r.Plant(mainRef, r.Git("rev-parse", "HEAD^{tree}")+"\n", 0o644)
	}, "not a commit"},
	{"a repository that runs things", func(r *origin.Repo, canary string) {
		for _, name := range []string{"core.fsmonitor", "core.sshCommand", "uploadpack.packObjectsHook", "core.hooksPath", "core.pager", "core.editor", "gpg.program", "alias.upload-pack"} {
			r.Git("config", name, "!touch "+canary)
		}
		for _, hook := range []string{"pre-receive", "post-update", "pre-upload", "reference-transaction"} {
			r.Plant(".git/hooks/"+hook, "#!/bin/sh\ntouch "+canary+"\n", 0o755)
		}
	}, ""},
	{"ten thousand branches", func(r *origin.Repo, _ string) {
		var refs strings.Builder
		head := r.Commit(site(5))
		refs.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
		for i := range 10_000 {
			fmt.Fprintf(&refs, "%s refs/heads/b%05d\n", head, i)
		}
		r.Plant(".git/packed-refs", refs.String(), 0o644)
	}, ""},
}

func TestHostileCommits(t *testing.T) { runAll(t, hostileCommits) }
