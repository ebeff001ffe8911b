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
	// Git sorts a directory as if its name ended in a slash.
	key := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(key(a), key(b)) })
	var body []byte
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := entry.Info()
		if err != nil {
			return "", err
		}
		var mode, id string
		switch {
		case entry.IsDir():
			mode = "40000"
			id, err = TreeID(path, length)
		case !info.Mode().IsRegular():
			return "", fmt.Errorf("%s is not a plain file", path)
		default:
			mode = "100644"
			if info.Mode()&0o100 != 0 {
				mode = "100755"
			}
			id, err = fileID(path, info.Size(), length)
		}
		if err != nil {
			return "", err
		}
		raw, _ := hex.DecodeString(id)
		body = append(append(append(body, mode+" "+entry.Name()...), 0), raw...)
	}
	h := newHash(length)
	fmt.Fprintf(h, "tree %d\x00", len(body))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)), nil
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
