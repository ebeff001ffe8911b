package reconciler

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quotedPath = regexp.MustCompile("`((?:cmd|e2e|gitops|reconciler|schemas|spec)/[a-zA-Z0-9_/.]+)`")
	linked     = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
)

// TestNamedFiles holds the documents to the tree: a file or directory that one names or
// links to is there, and the README's layout has the directories that there are.
func TestNamedFiles(t *testing.T) {
	for _, document := range []string{"../README.md", "../gitops/README.md"} {
		text := read(t, document)
		for _, m := range quotedPath.FindAllStringSubmatch(text, -1) {
			exists(t, document, filepath.Join("..", m[1]))
		}
		for _, m := range linked.FindAllStringSubmatch(text, -1) {
			exists(t, document, filepath.Join(filepath.Dir(document), m[1]))
		}
	}
	_, layout, _ := strings.Cut(read(t, "../README.md"), "\n## Layout\n")
	layout, _, _ = strings.Cut(layout, "\nWords")
	top, named := "", 0
	for line := range strings.Lines(layout) {
		names, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		for name := range strings.SplitSeq(names, ", ") {
			if !strings.HasSuffix(name, "/") {
				continue
			}
			if strings.HasPrefix(line, "    ") && line[4] != ' ' {
				top = name
			} else {
				name = top + name
			}
			named++
			exists(t, "the layout", filepath.Join("..", name))
		}
	}
	if named < 20 {
		t.Errorf("the layout was read as %d directories", named)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(t *testing.T, who, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("%s names %s: %v", who, path, err)
	}
}
