package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrDamaged: the mirror does not hold what it should.
var ErrDamaged = errors.New("the mirror is damaged")

// lfs begins a file that stands for another one, kept elsewhere.
const lfs = "version https://git-lfs.github.com/spec/"

// Export writes the plain files of a part of a commit to a directory that is not
// there yet, and makes it read-only. What is refused leaves nothing behind.
func (m *Mirror) Export(ctx context.Context, part Part, dir string) (err error) {
	files, tree := part.files, part.Tree
	if files == nil {
		if files, err = m.Files(ctx, tree); err != nil {
			return err
		}
	}
	if !hasSpecs(files, part.Inside) {
		return errNoSpecs
	}
	temporary, err := os.MkdirTemp(filepath.Dir(dir), ".export-")
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer func() {
		if err != nil {
			_ = Remove(temporary)
		}
	}()
	if err := m.fill(ctx, files, temporary); err != nil {
		return err
	}
	if err := seal(temporary); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	id, err := TreeID(temporary, len(tree))
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if id != tree {
		return &Refused{"", "the directory can't be written as it is: it holds an empty directory, or a file mode that git has long given up"}
	}
	if err := os.Rename(temporary, dir); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// fill writes the files below dir.
func (m *Mirror) fill(ctx context.Context, files []File, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer func() { _ = root.Close() }()
	var size int64
	return m.blobs(ctx, files, func(f File, content []byte) error {
		if size += int64(len(content)); size > m.Limits.Size {
			return m.tooMuch()
		}
		if err := write(root, f, content); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		return nil
	})
}

// blobs hands on what is in the files, one by one.
func (m *Mirror) blobs(ctx context.Context, files []File, take func(File, []byte) error) error {
	var ask strings.Builder
	for _, f := range files {
		ask.WriteString(f.ID + "\n")
	}
	var next int
	err := m.stream(ctx, call{args: []string{"cat-file", "--batch"}, stdin: ask.String()}, func(r io.Reader) error {
		in := bufio.NewReader(r)
		for next = 0; next < len(files); next++ {
			content, err := m.blob(in, files[next])
			if err == nil {
				err = take(files[next], content)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return m.unfetched(err, files, next)
}

func (m *Mirror) tooMuch() error {
	return &Refused{"", fmt.Sprintf("the directory holds more than %d MiB", m.Limits.Size>>20)}
}

// unfetched explains an object that git does not have. The server was asked to
// leave out what is too large, and git ends at the first such object.
func (m *Mirror) unfetched(err error, files []File, next int) error {
	var f *Failure
	switch {
	case errors.As(err, &f) && next < len(files) && strings.Contains(f.What, files[next].ID) && strings.Contains(f.What, "promisor"):
		return m.absent(files[next])
	case errors.As(err, &f) && f.Fault == OfCommit, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return err
}

func (m *Mirror) tooLarge(f File) error {
	return &Refused{f.Path, fmt.Sprintf("is larger than %d KiB", m.Limits.FileSize>>10)}
}

func (m *Mirror) absent(f File) error {
	return &Refused{f.Path, fmt.Sprintf("is larger than %d KiB, or the server does not hand it out", m.Limits.FileSize>>10)}
}

// blob reads one answer of cat-file --batch.
func (m *Mirror) blob(in *bufio.Reader, f File) ([]byte, error) {
	head, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(head)
	if len(fields) == 2 && fields[1] == "missing" {
		return nil, m.absent(f)
	}
	if len(fields) != 3 || fields[0] != f.ID || fields[1] != "blob" {
		return nil, &Refused{f.Path, "is not a file in git's eyes"}
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || size > m.Limits.FileSize {
		return nil, m.tooLarge(f)
	}
	content := make([]byte, size+1)
	if _, err := io.ReadFull(in, content); err != nil {
		return nil, err
	}
	content = content[:size]
	if blobID(content, len(f.ID)) != f.ID {
		return nil, fmt.Errorf("%w: %s is not what its id says", ErrDamaged, f.Path)
	}
	if bytes.HasPrefix(content, []byte(lfs)) {
		return nil, &Refused{f.Path, "is a Git LFS pointer; a spec is kept in the repository itself"}
	}
	return content, nil
}

func write(root *os.Root, f File, content []byte) error {
	if dir := path.Dir(f.Path); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	mode := os.FileMode(0o444)
	if f.Executable {
		mode = 0o555
	}
	out, err := root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	return errors.Join(err, out.Chmod(mode), out.Close())
}
