package gitops

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// largest is the size above which a file counts with its size and time only, for
// whoever evaluates the directory to refuse.
const largest = 1 << 20

// content is what a directory holds.
type content struct {
	id string
	// specs are the sizes of the .cue files.
	specs map[string]int64
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

// read reads a directory, without the files that are editors' own.
func read(root string) (content, error) {
	c := content{specs: map[string]int64{}}
	h := sha256.New()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			return nil // it went away meanwhile; its event is still to come
		case entry.IsDir() && entry.Name() == ".git":
			return filepath.SkipDir
		case entry.IsDir() || scratch(entry.Name()):
			return nil
		}
		name, _ := filepath.Rel(root, path)
		fmt.Fprintf(h, "%d %s %s ", len(name), name, entry.Type())
		if !entry.Type().IsRegular() {
			return nil
		}
		size := hashFile(h, path)
		if filepath.Ext(path) == ".cue" && !strings.HasPrefix(name, "cue.mod/") {
			c.specs[name] = size
		}
		return nil
	})
	if err == nil && len(c.specs) == 0 {
		err = errEmpty
	}
	c.id = fmt.Sprintf("sha256:%x", h.Sum(nil)[:8])
	return c, err
}

// add adds what stands around the directory.
func (c *content) add(a Around) {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s ", c.id, a.Inside)
	for _, name := range a.Files {
		file := filepath.Join(a.Root, name)
		fmt.Fprintf(h, "%d %s ", len(name), name)
		if i, err := os.Lstat(file); err != nil || !i.Mode().IsRegular() {
			continue
		}
		size := hashFile(h, file)
		if filepath.Ext(name) == ".cue" && !strings.HasPrefix(name, "cue.mod/") {
			c.specs[filepath.Join("..", name)] = size
		}
	}
	c.id = fmt.Sprintf("sha256:%x", h.Sum(nil)[:8])
}

func hashFile(h io.Writer, path string) int64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	if i, err := f.Stat(); err == nil && i.Size() > largest {
		fmt.Fprintf(h, "%d %d", i.Size(), i.ModTime().UnixNano())
		return i.Size()
	}
	n, _ := io.Copy(h, f)
	fmt.Fprintf(h, " %d\n", n)
	return n
}

// gitAtWork: a git command is changing the files of the repository that dir lies
// in. It holds the lock of the index from before the first file until after the
// last.
func gitAtWork(dir string) bool {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		git := filepath.Join(dir, ".git")
		i, err := os.Stat(git)
		if err != nil {
			continue
		}
		if !i.IsDir() {
			// A worktree's is a file that names the directory.
			text, err := os.ReadFile(git)
			if err != nil {
				return false
			}
			git = strings.TrimSpace(strings.TrimPrefix(string(text), "gitdir:"))
			if !filepath.IsAbs(git) {
				git = filepath.Join(dir, git)
			}
		}
		_, err = os.Stat(filepath.Join(git, "index.lock"))
		return err == nil
	}
	return false
}
