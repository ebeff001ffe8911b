// Package scratch knows the files that editors and copying programs leave beside the one
// that they write. They are no part of a spec, so one that comes or goes is no change.
package scratch

import "strings"

var (
	prefixes = []string{
		".#",              // Emacs's lock
		"._",              // macOS's attributes
		".nfs",            // NFS: a file that was removed while open
		".goutputstream-", // GLib: gedit and others
		".syncthing.", "~syncthing~", ".unison.",
	}
	suffixes = []string{
		"~",                    // backups of Emacs, Vim, Kate
		".swp", ".swo", ".swx", // Vim
		".kate-swp",
		"___jb_tmp___", "___jb_old___", // JetBrains
		".filepart", // WinSCP
	}
	names = []string{"4913" /* Vim tries whether it may write */, ".DS_Store"}
)

// Is says whether the name, without a directory, is one of them. What is made of a
// spec's own name is one: site.cue.tmp, and rsync's .site.cue.Ab12Cd.
func Is(name string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	for _, s := range suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	for _, n := range names {
		if name == n {
			return true
		}
	}
	autosave := len(name) > 1 && strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") // Emacs
	return autosave || strings.Contains(name, ".cue.")
}
