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

// vanish removes or breaks the object file.
func vanish(r *origin.Repo, id string, content []byte) {
	path := filepath.Join(r.Dir, ".git", "objects", id[:2], id[2:])
	_ = os.Remove(path)
	if content != nil {
		_ = os.WriteFile(path, content, 0o444)
	}
}

// point makes main what git would not let it be.
func point(r *origin.Repo, id string) {
	_ = os.WriteFile(filepath.Join(r.Dir, ".git", "refs", "heads", "main"), []byte(id+"\n"), 0o644)
}

// packed is an object as git stores it.
func packed(kind string, content []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = fmt.Fprintf(w, "%s %d\x00", kind, len(content))
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

func TestHostileCommits(t *testing.T) {
	for _, h := range []hostile{
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
		{"not a commit at all", func(r *origin.Repo, _ string) { point(r, r.Raw("commit", "tree\n\nhello\n")) }, "fetch"},
		{"a message for the terminal", replaced("a change", "\x1b[2J\x1b]0;evil\x07a change\r\u202e"), ""},
		{"a message of four MiB", replaced("a change", strings.Repeat("x", 4<<20)), "longer than"},
		{"a wrong encoding", replaced("\n\n", "\nencoding \xff\xfe\n\n"), ""},
		{"a parent that is not there", func(r *origin.Repo, _ string) {
			lost := r.Commit(site(5))
			r.Commit(site(6))
			vanish(r, lost, nil)
		}, "fetch"},
		{"a file that is not there", func(r *origin.Repo, _ string) {
			r.Commit(map[string]string{"lost.cue": "package lost\n"})
			vanish(r, r.Git("rev-parse", "HEAD:lost.cue"), nil)
		}, "fetch"},
		{"a file that is another", func(r *origin.Repo, _ string) {
			r.Commit(map[string]string{"lost.cue": "package lost\n"})
			vanish(r, r.Git("rev-parse", "HEAD:lost.cue"), packed("blob", []byte("package evil\n")))
		}, "does not hand it out"},
		{"a file that is garbage", func(r *origin.Repo, _ string) {
			r.Commit(map[string]string{"lost.cue": "package lost\n"})
			vanish(r, r.Git("rev-parse", "HEAD:lost.cue"), []byte("garbage"))
		}, "fetch"},
		{"a tree that is not there", func(r *origin.Repo, _ string) {
			r.Commit(map[string]string{"lost/lost.cue": "package lost\n"})
			vanish(r, r.Git("rev-parse", "HEAD:lost"), nil)
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
			point(r, r.Blob("package evil\n"))
		}, "not a commit"},
		{"a main that is a tree", func(r *origin.Repo, _ string) {
			point(r, r.Git("rev-parse", "HEAD^{tree}"))
		}, "not a commit"},
		{"a repository that runs things", func(r *origin.Repo, canary string) {
			for _, name := range []string{"core.fsmonitor", "core.sshCommand", "uploadpack.packObjectsHook", "core.hooksPath", "core.pager", "core.editor", "gpg.program", "alias.upload-pack"} {
				r.Git("config", name, "!touch "+canary)
			}
			for _, hook := range []string{"pre-receive", "post-update", "pre-upload", "reference-transaction"} {
				path := filepath.Join(r.Dir, ".git", "hooks", hook)
				check(t, os.MkdirAll(filepath.Dir(path), 0o755))
				check(t, os.WriteFile(path, []byte("#!/bin/sh\ntouch "+canary+"\n"), 0o755))
			}
		}, ""},
		{"ten thousand branches", func(r *origin.Repo, _ string) {
			var refs strings.Builder
			head := r.Commit(site(5))
			refs.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
			for i := range 10_000 {
				fmt.Fprintf(&refs, "%s refs/heads/b%05d\n", head, i)
			}
			check(t, os.WriteFile(filepath.Join(r.Dir, ".git", "packed-refs"), []byte(refs.String()), 0o644))
		}, ""},
	} {
		t.Run(h.name, h.run)
	}
}
