package spec

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// maxMatches bounds the names that the globs of embeds are compared with, and maxPattern
// their length: what a commit of others costs this process is small. An embed that names
// a file costs nothing of it.
const (
	maxMatches = 200_000
	maxPattern = 1 << 10
)

// embedded finds what @embed names; more than that does no harm.
var embedded = regexp.MustCompile(`@embed\([^)]*?(?:file|glob)\s*=\s*(?:"([^"\n]+)|([^",)\s]+))`)

// embed takes the files below a directory that a pattern names, by its parts.
func (a *around) embed(dir string, pattern []string) error {
	whole := dir + "\x00" + strings.Join(pattern, "/")
	if a.embedded[whole] {
		return nil
	}
	a.embedded[whole] = true
	entries, err := a.list(dir)
	if err != nil {
		return err
	}
	found, err := a.match(dir, entries, pattern[0])
	if err != nil {
		return err
	}
	for _, entry := range found {
		name := path.Join(dir, entry.Name())
		switch {
		case a.below(name):
		case len(pattern) > 1 && entry.IsDir():
			err = a.embed(name, pattern[1:])
		case len(pattern) == 1 && !entry.IsDir():
			err = a.take(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// match are the entries of a directory that one part of a pattern names.
func (a *around) match(dir string, entries []fs.DirEntry, part string) (found []fs.DirEntry, err error) {
	if !strings.ContainsAny(part, `*?[\`) {
		if entry := a.named(dir, entries)[part]; entry != nil {
			found = append(found, entry)
		}
		return found, nil
	}
	if a.matches += len(entries); a.matches > maxMatches || len(part) > maxPattern {
		return nil, fmt.Errorf("the spec reaches too far: its embeds are compared with more than %d names, or a pattern has more than %d bytes",
			maxMatches, maxPattern)
	}
	for _, entry := range entries {
		if match, _ := path.Match(part, entry.Name()); match {
			found = append(found, entry)
		}
	}
	return found, nil
}

// named are the entries of a directory by their names.
func (a *around) named(dir string, entries []fs.DirEntry) map[string]fs.DirEntry {
	names, known := a.names[dir]
	if !known {
		names = make(map[string]fs.DirEntry, len(entries))
		for _, entry := range entries {
			names[entry.Name()] = entry
		}
		a.names[dir] = names
	}
	return names
}
