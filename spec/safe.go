package spec

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Way are the directories from the root to a path, and the path itself.
func Way(p string) []string {
	p = filepath.Clean(p)
	out := []string{"/"}
	for i, c := range p {
		if c == '/' && i > 0 {
			out = append(out, p[:i])
		}
	}
	if p != "/" {
		out = append(out, p)
	}
	return out
}

// Changeable is the first directory on the way to a place, which has no links, in which
// others than root and this process's user may replace the next part; "" if there is
// none. In a directory with the sticky bit only the owner of an entry may.
func Changeable(place string) string {
	way := Way(place)
	for i, dir := range way[:len(way)-1] {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || !isMine(info) {
			return dir
		}
		if !othersWrite(info) {
			continue
		}
		next, err := os.Lstat(way[i+1])
		if info.Mode()&fs.ModeSticky == 0 || err != nil || !isMine(next) {
			return dir
		}
	}
	return ""
}

// isMine: root or this process's user owns the file.
func isMine(i fs.FileInfo) bool {
	user, _ := owners(i)
	return user == 0 || int(user) == os.Geteuid()
}

// othersWrite: its mode lets others write than its owner, root's group and this
// process's.
func othersWrite(i fs.FileInfo) bool {
	_, group := owners(i)
	return i.Mode()&0o002 != 0 || i.Mode()&0o020 != 0 && group != 0 && int(group) != os.Getegid()
}

// Strict says why others than root and this process's user could change a file that
// decides whom or what this machine trusts, and what to do; "" if they can't, or if it is
// not there. The rule is that of StrictModes of sshd_config(5).
func Strict(file string) (what, do string) {
	absolute, err := filepath.Abs(file)
	if err != nil {
		return "", ""
	}
	real, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return "", ""
	}
	info, err := os.Stat(real)
	switch {
	case err != nil || !info.Mode().IsRegular():
		return "", ""
	case !isMine(info) || othersWrite(info):
		return fmt.Sprintf("others than root may write to %s, which decides whom this machine trusts", real), fmt.Sprintf("`chown root %s && chmod go-w %s`", real, real)
	}
	// The links on the way are in directories, too.
	for _, place := range []string{real, absolute} {
		if dir := replaceable(place); dir != "" {
			return fmt.Sprintf("others than root may replace %s, which decides whom this machine trusts: they may write to %s", absolute, dir),
				fmt.Sprintf("`chown root %s && chmod go-w %s`", dir, dir)
		}
	}
	return "", ""
}

// replaceable is [Changeable] for a path that may have links.
func replaceable(p string) string {
	way := Way(p)
	for i := range way[:len(way)-1] {
		dir, err := filepath.EvalSymlinks(way[i])
		if err != nil {
			return way[i]
		}
		if at := Changeable(filepath.Join(dir, filepath.Base(way[i+1]))); at != "" {
			return at
		}
	}
	return ""
}
