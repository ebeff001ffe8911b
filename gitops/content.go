package gitops

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"havn.internal/spec/scratch"
)

// largest is the size above which a file counts with its size and time only, for
// whoever evaluates the directory to refuse.
const largest = 1 << 20

// content is what a directory holds.
type content struct {
	id string
	// specs are the sizes of the .cue files, and specID is what is in them.
	specs  map[string]int64
	specID string
	// open are the files that were being written.
	open []string
}

// lacks: a spec that was there before is not any more, or has lost most of itself.
func (c content) lacks(before content) bool {
	for name, size := range before.specs {
		if now, there := c.specs[name]; !there || now < size/2 {
			return true
		}
	}
	return false
}

// readAll reads a directory and what stands around it.
func readAll(root string, around Around) (content, error) {
	r := &reader{content: content{specs: map[string]int64{}}, all: sha256.New(), cue: sha256.New()}
	err := r.below(root)
	if err == nil && len(r.specs) == 0 {
		err = errEmpty
	}
	if around.Inside != "" {
		r.around(around)
	}
	r.id = fmt.Sprintf("sha256:%x", r.all.Sum(nil)[:8])
	r.specID = fmt.Sprintf("%x", r.cue.Sum(nil))
	return r.content, err
}

// A reader reads a content once.
type reader struct {
	content
	all, cue hash.Hash
}

// below reads a directory, without the files that are editors' own.
func (r *reader) below(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			return nil // it went away meanwhile; its event is still to come
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case entry.IsDir() || scratch.Is(entry.Name()):
			return nil
		}
		name, _ := filepath.Rel(root, path)
		fmt.Fprintf(r.all, "%d %s %s ", len(name), name, entry.Type())
		if entry.Type().IsRegular() {
			r.file(name, path)
		}
		return nil
	})
}

// around reads what stands around the directory.
func (r *reader) around(a Around) {
	fmt.Fprintf(r.all, "in %s ", a.Inside)
	for _, name := range a.Files {
		path := filepath.Join(a.Root, name)
		fmt.Fprintf(r.all, "%d %s ", len(name), name)
		if i, err := os.Lstat(path); err == nil && i.Mode().IsRegular() {
			r.file(filepath.Join("..", name), path)
		}
	}
}

// file reads one file. One that another process changes meanwhile counts as open.
func (r *reader) file(name, path string) {
	f, info, err := openPlain(path)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }()
	busy := beingWritten(f, info)
	to := io.Writer(r.all)
	spec := isSpec(path)
	if spec {
		fmt.Fprintf(r.cue, "%d %s ", len(name), name)
		to = io.MultiWriter(r.all, r.cue)
	}
	size := hashFile(to, f, info)
	if after, err := f.Stat(); err == nil && (after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime())) {
		busy = true
	}
	if busy {
		r.open = append(r.open, path)
	}
	if inModule := strings.TrimPrefix(name, "../"); spec && !strings.HasPrefix(inModule, "cue.mod/") {
		r.specs[name] = size
	}
}

func hashFile(h io.Writer, f *os.File, info fs.FileInfo) int64 {
	if info.Size() > largest {
		fmt.Fprintf(h, "%d %d", info.Size(), info.ModTime().UnixNano())
		return info.Size()
	}
	n, _ := io.Copy(h, f)
	fmt.Fprintf(h, " %d\n", n)
	return n
}

// gitAtWork: a git command is changing the files of the repository that dir lies
// in. It holds the lock of the index from before the first file until after the
// last. Where everybody may write, anybody could put such a lock.
func gitAtWork(dir string) bool {
	for here := dir; here != filepath.Dir(here); here = filepath.Dir(here) {
		if i, err := os.Stat(here); here != dir && (err != nil || i.Mode()&0o002 != 0) {
			return false
		}
		git := filepath.Join(here, ".git")
		i, err := os.Stat(git)
		if err != nil {
			continue
		}
		if !i.IsDir() {
			if git = worktree(here, git); git == "" {
				return false
			}
		}
		_, err = os.Stat(filepath.Join(git, "index.lock"))
		return err == nil
	}
	return false
}

// worktree is the directory that the .git of a worktree, a file, names.
func worktree(dir, file string) string {
	f, _, err := openPlain(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return ""
	}
	git := strings.TrimSpace(strings.TrimPrefix(string(text), "gitdir:"))
	if !filepath.IsAbs(git) {
		git = filepath.Join(dir, git)
	}
	return git
}
