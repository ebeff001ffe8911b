package spec

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const moduleFile = "cue.mod/module.cue"

// Locate finds the CUE module that a spec directory stands in: the nearest directory
// at or above it that has a cue.mod/module.cue, and the path from there. Like CUE it
// looks no further than the repository; and never where others may write, who could
// put a module there. A directory without a module is one of its own.
func Locate(dir string) (root, inside string) {
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	info, statErr := os.Stat(real)
	if err != nil || statErr != nil || !info.IsDir() {
		return dir, ""
	}
	for here := real; ; here = filepath.Dir(here) {
		if isPlain(filepath.Join(here, moduleFile)) {
			if inside, err := filepath.Rel(real, here); err == nil && inside == "." {
				return dir, ""
			}
			inside, err := filepath.Rel(here, real)
			if err != nil {
				return dir, ""
			}
			return here, filepath.ToSlash(inside)
		}
		_, err := os.Lstat(filepath.Join(here, ".git"))
		if above := filepath.Dir(here); err == nil || above == here || !isSafe(above, info) {
			return dir, ""
		}
	}
}

func isPlain(name string) bool {
	i, err := os.Lstat(name)
	return err == nil && i.Mode().IsRegular()
}

// isSafe: nobody can put files there but root, this user, and those who can write to
// the spec itself: its owner, and its group if that may.
func isSafe(dir string, spec fs.FileInfo) bool {
	i, err := os.Stat(dir)
	if err != nil || i.Mode()&0o002 != 0 {
		return false
	}
	by, group := owners(i)
	specBy, specGroup := owners(spec)
	if i.Mode()&0o020 != 0 && group != 0 && (group != specGroup || spec.Mode()&0o020 == 0) {
		return false
	}
	return by == 0 || by == specBy || int(by) == os.Geteuid()
}

// owners are a file's user and group.
func owners(i fs.FileInfo) (user, group uint32) {
	if s, ok := i.Sys().(*syscall.Stat_t); ok {
		return s.Uid, s.Gid
	}
	return 0, 0
}
