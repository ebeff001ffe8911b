package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// A File is one plain file of a tree.
type File struct {
	Path       string
	ID         string
	Executable bool
}

// Refused says what of a tree is not allowed in a spec.
type Refused struct {
	Path, What string
}

func (r *Refused) Error() string {
	if r.Path == "" {
		return r.What
	}
	name := r.Path
	if len(name) > 120 {
		name = strings.ToValidUTF8(name[:120], "") + "..."
	}
	return fmt.Sprintf("%q %s", name, r.What)
}

// ErrNoPath: the spec path is not in the commit.
var ErrNoPath = errors.New("the path is not in the commit")

// Tree is the id of the directory at a path of a commit; "" is the top.
func (m *Mirror) Tree(ctx context.Context, commit, dir string) (string, error) {
	if dir == "" {
		out, err := m.output(ctx, call{args: []string{"rev-parse", "--verify", "--quiet", "--end-of-options", commit + "^{tree}"}})
		return strings.TrimSpace(string(out)), err
	}
	out, err := m.output(ctx, call{args: []string{"ls-tree", "-z", "--full-tree", "--end-of-options", commit, dir}})
	if err != nil {
		return "", err
	}
	meta, name, ok := strings.Cut(strings.TrimSuffix(string(out), "\x00"), "\t")
	f := strings.Fields(meta)
	if !ok || len(f) != 3 || name != dir {
		return "", fmt.Errorf("%s: %w", dir, ErrNoPath)
	}
	if f[0] != "040000" {
		return "", &Refused{dir, kind(f[0]) + " where the spec's directory should be"}
	}
	return f[2], nil
}

// CheckPath says what is wrong with the path of a spec in a repository.
func CheckPath(dir string) error {
	if dir == "" {
		return nil
	}
	if path.IsAbs(dir) || path.Clean(dir) != dir || dir == "." {
		return fmt.Errorf("the path %q is not one inside the repository, such as hosts/web1", dir)
	}
	if what := oddName(dir, 64); what != "" {
		return fmt.Errorf("the path %q %s", dir, what)
	}
	return nil
}

// Files lists a tree. The error is [*Refused] if anything in it is not a plain file
// with a plain name, within the limits.
func (m *Mirror) Files(ctx context.Context, tree string) (files []File, err error) {
	err = m.stream(ctx, call{args: []string{"ls-tree", "-r", "-z", "--full-tree", "--end-of-options", tree}}, func(r io.Reader) error {
		files, err = ParseTree(r, m.Limits)
		return err
	})
	return files, err
}

// maxRecord bounds one record of a listing.
const maxRecord = 8 << 10

// ParseTree reads what ls-tree -r -z prints.
func ParseTree(r io.Reader, limits Limits) ([]File, error) {
	in := bufio.NewReaderSize(r, maxRecord)
	c := &collector{limits: limits, names: folded{}}
	for {
		record, err := in.ReadSlice(0)
		switch {
		case errors.Is(err, io.EOF) && len(record) == 0:
			return c.files, nil
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, &Refused{"", "a path in the repository is longer than anybody's"}
		case err != nil:
			return nil, err
		}
		meta, name, _ := strings.Cut(string(record[:len(record)-1]), "\t")
		if err := c.add(meta, name); err != nil {
			return nil, err
		}
	}
}

// parseRecord reads "mode type id<tab>path".
func parseRecord(record string) (File, error) {
	meta, name, ok := strings.Cut(record, "\t")
	f := strings.Fields(meta)
	if !ok || len(f) != 3 || !IsID(f[2]) {
		return File{}, &Refused{"", "git's listing can't be read"}
	}
	if f[0] != "100644" && f[0] != "100755" {
		return File{}, &Refused{name, kind(f[0]) + "; a spec is plain files"}
	}
	return File{Path: name, ID: f[2], Executable: f[0] == "100755"}, nil
}

func kind(mode string) string {
	switch mode {
	case "120000":
		return "is a symbolic link"
	case "160000":
		return "is a submodule"
	case "040000":
		return "is a directory"
	case "100644", "100755":
		return "is a file"
	}
	return "has a mode that is not a file's"
}

// oddName says what is wrong with a path from a repository.
func oddName(name string, depth int) string {
	switch {
	case !utf8.ValidString(name):
		return "has a name that is not UTF-8"
	case strings.ContainsFunc(name, unseen):
		return "has control or invisible characters in its name"
	case strings.ContainsAny(name, `\:`):
		return "has a backslash or colon in its name"
	}
	parts := strings.Split(name, "/")
	if len(parts) > depth+1 {
		return fmt.Sprintf("is nested deeper than %d directories", depth)
	}
	for _, part := range parts {
		folded := strings.ToLower(strings.TrimRight(part, ". "))
		switch {
		case part == "" || part == "." || part == "..":
			return "is not a path inside the repository"
		case folded == ".git" || folded == "git~1":
			return "is named as git's own directory"
		case strings.HasPrefix(part, "-"):
			return "has a name that begins like an option"
		case len(part) > 255:
			return "has a name longer than 255 bytes"
		}
	}
	return ""
}

// unseen: a character that can't be seen, or that turns the text around it.
func unseen(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }

// folded holds every file and directory by a name without case and accents' forms.
type folded map[string]string

// clash adds a path, and returns one before it that could be taken for it.
func (f folded) clash(name string) string {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		this := name[:i]
		if i < len(name) {
			this += "/"
		}
		key := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name[:i])))
		other, ok := f[key]
		if ok && (other != this || i == len(name)) {
			return other
		}
		f[key] = this
	}
	return ""
}
