package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A mountpoint is one path of a container at which something is mounted.
type mountpoint struct {
	// at is the clean path, field where the spec says it.
	at    string
	field []string
	// file: a file and no directory. readOnly: nothing can be created inside.
	file, readOnly bool
}

// name is the mount for people: `volumes."/data"`.
func (m mountpoint) name() string { return pathText(m.field) }

// mountpoints are those of a service, outer ones first.
func (s Service) mountpoints() []mountpoint {
	var out []mountpoint
	add := func(at string, file, readOnly bool, field ...string) {
		out = append(out, mountpoint{"/" + strings.Trim(at, "/"), append(field, at), file, readOnly})
	}
	for _, at := range sortedKeys(s.Volumes) {
		add(at, false, s.Volumes[at].ReadOnly, "volumes")
	}
	for _, at := range sortedKeys(s.Files) {
		add(at, true, true, "files")
	}
	for _, at := range sortedKeys(s.Binds) {
		add(at, false, true, "binds")
	}
	for _, at := range sortedKeys(s.Security.Tmpfs) {
		add(at, false, false, "security", "tmpfs")
	}
	slices.SortStableFunc(out, func(a, b mountpoint) int { return strings.Compare(a.at, b.at) })
	return out
}

// mounts: each path of a container holds one thing, and can hold it.
func (r *ruler) mounts(s Service, at []string) {
	used := map[string]mountpoint{}
	for _, m := range s.mountpoints() {
		field := sub(at, m.field...)
		r.mountable(m, field)
		if other, taken := used[m.at]; taken {
			r.fail(field, "is mounted in "+pathText(other.field[:len(other.field)-1])+" too", "remove one of them")
		}
		used[m.at] = m
		r.inside(m, used, field)
	}
	for _, at := range sortedKeys(s.Volumes) {
		r.missing("volumes", s.Volumes[at].Volume, []string{"services", s.Name, "volumes", at})
	}
	r.workdir(s, used, sub(at, "workdir"))
}

// Files and directories that images have, or that Docker makes in each container.
var (
	knownFiles = []string{
		"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/.dockerenv",
		"/dev/console", "/dev/full", "/dev/null", "/dev/ptmx", "/dev/random", "/dev/stderr", "/dev/stdin", "/dev/stdout", "/dev/tty", "/dev/urandom", "/dev/zero",
	}
	knownDirs = []string{"/bin", "/dev", "/dev/shm", "/etc", "/home", "/lib", "/opt", "/root", "/run", "/sbin", "/srv", "/tmp", "/usr", "/var"}
)

// kernels: the path is the kernel's own, /proc or /sys, or inside of one.
func kernels(p string) bool { return under(p, "/proc") || under(p, "/sys") }

// mountable: something can be mounted at the path of a container.
func (r *ruler) mountable(m mountpoint, field []string) {
	written := field[len(field)-1]
	switch clean := path.Clean(written); {
	case clean == "/":
		r.fail(field, "nothing can be mounted over the root file system", "mount it at a path below /")
	case clean != strings.TrimSuffix(written, "/"):
		r.fail(field, "is not the shortest form of the path", fmt.Sprintf("write %q", clean))
	case strings.HasSuffix(written, "/") && m.file:
		r.fail(field, "a file's path ends with a slash", fmt.Sprintf("write %q", clean))
	case !r.pathFits(written, field):
	case kernels(clean) || clean == "/etc/mtab": // a link into /proc
		r.fail(field, "nothing can be mounted in /proc or /sys, which belong to the kernel", "mount it at another path")
	case clean == "/dev" && !m.file:
		r.fail(field, "the container has its devices at /dev", `mount it below, such as at "/dev/shm"`)
	case !m.file && slices.Contains(knownFiles, clean) && m.field[0] != "binds":
		r.fail(field, clean+" is a file, and a directory can't be mounted over it", "mount it at the path of a directory, or use `files`")
	case m.file && slices.Contains(knownDirs, clean):
		r.fail(field, clean+" is a directory, and a file can't be mounted over it", fmt.Sprintf("write the path of the file, such as %q", clean+"/app.conf"))
	}
}

// The longest path, and the longest name in one, that Linux has (PATH_MAX, NAME_MAX); of
// a name, overlay file systems need the four bytes of ".wh." to remove it.
const (
	longestPathname = 4095
	longestFilename = 251
)

// pathFits: the kernel takes the path.
func (r *ruler) pathFits(p string, field []string) bool {
	long := func(name string) bool { return len(name) > longestFilename }
	switch {
	case strings.ContainsRune(p, 0):
		r.fail(field, "contains a NUL character", "remove it")
	case len(p) > longestPathname:
		r.fail(field, fmt.Sprintf("has %d bytes; Linux has paths of up to %d", len(p), longestPathname), "shorten it")
	case slices.ContainsFunc(strings.Split(p, "/"), long):
		r.fail(field, fmt.Sprintf("has a name of more than %d bytes, which is the most that an image can have", longestFilename), "shorten it")
	default:
		return true
	}
	return false
}

// inside: a mount inside another needs a place there, which Docker makes if it can.
func (r *ruler) inside(m mountpoint, used map[string]mountpoint, field []string) {
	for dir := path.Dir(m.at); dir != "/"; dir = path.Dir(dir) {
		outer, is := used[dir]
		switch {
		case !is:
			continue
		case outer.file:
			r.fail(field, "lies inside "+outer.name()+", which is a file", "mount one of them elsewhere")
		case outer.readOnly:
			r.fail(field, "lies inside "+outer.name()+", which is mounted read-only: there is no place to mount it at", "mount one of them elsewhere")
		}
		return
	}
}

// workdir: the working directory is not a file, as far as is known of the image.
func (r *ruler) workdir(s Service, used map[string]mountpoint, field []string) {
	if s.Workdir == "" {
		return
	}
	at := path.Clean(s.Workdir)
	if !r.pathFits(s.Workdir, field) {
		return
	}
	files := slices.Clone(knownFiles)
	for p, m := range used {
		if m.file {
			files = append(files, p)
		}
	}
	switch {
	case kernels(at) && at != "/proc" && at != "/sys":
		r.fail(field, "no directory can be made in /proc or /sys, which belong to the kernel", "name another directory")
	case slices.ContainsFunc(files, func(file string) bool { return under(at, file) }):
		r.fail(field, at+" is a file, or lies inside one", "name a directory")
	}
}

// twice reports what is in a list more than once.
func (r *ruler) twice(list, at []string) {
	for i, one := range list {
		if slices.Index(list, one) < i {
			r.fail(sub(at, index(i)), one+" is in the list twice", "remove one of them")
		}
	}
}
