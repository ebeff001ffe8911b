package secret

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
)

// A File is the path of a file of secrets, one a line. It is read anew each time,
// so that a secret that is changed needs no restart.
type File string

// largest bounds a file of secrets.
const largest = 64 << 10

// Text returns what is in the file, without the white space around it.
func (f File) Text() (string, error) {
	text, err := f.read()
	if err == nil {
		text, err = f.plain(text)
	}
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	return text, nil
}

// plain is the text as it was meant. A byte order mark, which editors of Windows put in
// front, is no part of a secret.
func (f File) plain(text string) (string, error) {
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") || strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("%s: UTF-16 or binary, not plain text; write it anew (iconv -f UTF-16 -t UTF-8)", string(f))
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if text == "" {
		return "", fmt.Errorf("%s: the file is empty", string(f))
	}
	return text, nil
}

// Lines returns the secrets of the file, which has at least one.
func (f File) Lines() ([]string, error) {
	text, err := f.Text()
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// First returns the first secret of the file.
func (f File) First() (string, error) {
	lines, err := f.Lines()
	if err != nil {
		return "", err
	}
	return lines[0], nil
}

func (f File) read() (string, error) {
	// A pipe that nobody writes to is not waited for.
	in, err := os.OpenFile(string(f), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s: not a regular file", string(f))
	case info.Mode().Perm()&0o007 != 0:
		return "", fmt.Errorf("%s: everyone can read or change it; chmod 600 it", string(f))
	case info.Size() > largest:
		return "", fmt.Errorf("%s: too large for a secret", string(f))
	}
	text, err := io.ReadAll(io.LimitReader(in, largest))
	return string(text), err
}

// Named returns the files that have a name.
func Named(files ...File) []File {
	return slices.DeleteFunc(files, func(f File) bool { return f == "" })
}

// Values returns the secrets of all files that can be read: what has to be taken
// out of a text. A file that can't be read has no secret that could have got into
// the text.
func Values(files ...File) []string {
	var out []string
	for _, f := range files {
		lines, err := f.Lines()
		if err != nil {
			continue
		}
		out = append(out, lines...)
	}
	return out
}
