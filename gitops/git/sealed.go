package git

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// seal takes the right to write from every directory; files never had it.
func seal(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o555)
	})
}

// Remove removes a sealed directory.
func Remove(dir string) error {
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// TreeID is the id git gives a directory of plain files. A directory that is named
// by its tree proves so that it is whole, without git; a power cut can leave files
// empty. The length of the id, 40 or 64, says which hash.
func TreeID(dir string, length int) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var listed []sealedEntry
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := entry.Info()
		if err != nil {
			return "", err
		}
		e := sealedEntry{name: entry.Name(), mode: plainMode(info.Mode()&0o100 != 0)}
		switch {
		case entry.IsDir():
			e.mode = dirMode
			e.id, err = TreeID(path, length)
		case !info.Mode().IsRegular():
			return "", fmt.Errorf("%s is not a plain file", path)
		default:
			e.id, err = fileID(path, info.Size(), length)
		}
		if err != nil {
			return "", err
		}
		listed = append(listed, e)
	}
	return hashTree(listed, length), nil
}

// treeOf is what [TreeID] is of the directory that the files are written to.
func treeOf(files []File, length int) string {
	var listed []sealedEntry
	below := map[string][]File{}
	for _, f := range files {
		dir, rest, deeper := strings.Cut(f.Path, "/")
		if deeper {
			f.Path = rest
			below[dir] = append(below[dir], f)
		} else {
			listed = append(listed, sealedEntry{f.Path, plainMode(f.Executable), f.ID})
		}
	}
	for dir, files := range below {
		listed = append(listed, sealedEntry{dir, dirMode, treeOf(files, length)})
	}
	return hashTree(listed, length)
}

// A sealedEntry is one of a directory, as git writes it in a tree.
type sealedEntry struct{ name, mode, id string }

const dirMode = "40000"

func plainMode(executable bool) string {
	if executable {
		return "100755"
	}
	return "100644"
}

func hashTree(entries []sealedEntry, length int) string {
	// Git sorts a directory as if its name ended in a slash.
	key := func(e sealedEntry) string {
		if e.mode == dirMode {
			return e.name + "/"
		}
		return e.name
	}
	slices.SortFunc(entries, func(a, b sealedEntry) int { return strings.Compare(key(a), key(b)) })
	var body []byte
	for _, e := range entries {
		raw, _ := hex.DecodeString(e.id)
		body = append(append(append(body, e.mode+" "+e.name...), 0), raw...)
	}
	h := newHash(length)
	fmt.Fprintf(h, "tree %d\x00", len(body))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

func fileID(path string, size int64, length int) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := newHash(length)
	fmt.Fprintf(h, "blob %d\x00", size)
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func blobID(content []byte, length int) string {
	h := newHash(length)
	fmt.Fprintf(h, "blob %d\x00", len(content))
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

func newHash(length int) hash.Hash {
	if length == 64 {
		return sha256.New()
	}
	return sha1.New()
}
