package spec

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzAround: whatever a shared file says, what is taken beside a spec lies in the
// module, and is none of what the file does not name.
func FuzzAround(f *testing.F) {
	for _, text := range []string{
		"package app\n", "package app\nimport \"example.com/site/hosts/web2\"\n", "package app\nimport (\n\"example.com/site/../etc\"\n\"/etc\"\n\"example.com/site//x\"\n)",
		"@extern(embed)\npackage app\nx: _ @embed(file=../x.cue)\n", "x: _ @embed(glob=*/*.cue)\n", "x: _ @embed(file=/etc/passwd)", "@embed(glob=[)", "@a((((((",
		"import \"example.com/site@v0\"", "import x \"example.com/site:x\"", "import \"\\(x)\"", "import #\"example.com/site/a\"#", "package", "\x00", "import \"example.com/site/cue.mod/pkg\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		module := fstest.MapFS{
			moduleFile:            {Data: []byte("module: \"example.com/site@v0\"\n")},
			"hosts/web1/site.cue": {Data: []byte("package site\nimport \"example.com/site/lib/app\"\n")},
			"hosts/web2/site.cue": {Data: []byte("package site\n")},
			"hosts/web2/link.cue": {Mode: fs.ModeSymlink, Data: []byte("/etc/passwd")},
			"lib/app/app.cue":     {Data: []byte(text)},
			"lib/app/x/y.txt":     {Data: []byte("text")},
		}
		b, err := Around(module, "hosts/web1")
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, name := range b.Files {
			switch {
			case module[name] == nil:
				t.Errorf("%q takes %s, which is not there", text, name)
			case strings.HasPrefix(name, "hosts/web2/") && !strings.Contains(text, "hosts"):
				t.Errorf("%q takes %s, which it does not name", text, name)
			}
		}
		if !slices.Contains(b.Files, "lib/app/app.cue") {
			t.Errorf("%q keeps itself out of %v", text, b.Files)
		}
	})
}

// What a shared file makes this process do is bounded: each pattern is followed once, a
// name costs next to nothing, and what globs are compared with is counted.
func TestAroundHasABudget(t *testing.T) {
	for name, c := range map[string]struct {
		embeds func(i int) string
		says   string
	}{
		"many globs":         {func(i int) string { return fmt.Sprintf("glob=data/*%d*", i) }, "reaches too far"},
		"the same glob":      {func(int) string { return "glob=data/*x*" }, ""},
		"many names":         {func(i int) string { return fmt.Sprintf("file=data/f%d", i) }, ""},
		"globs of globs":     {func(i int) string { return fmt.Sprintf("glob=*/*/*/*%d*", i) }, "reaches too far"},
		"a pattern too long": {func(int) string { return "glob=data/" + strings.Repeat("*a", 2000) }, "reaches too far"},
	} {
		t.Run(name, func(t *testing.T) {
			var text strings.Builder
			text.WriteString("@extern(embed)\npackage app\n")
			module := fstest.MapFS{
				moduleFile:            {Data: []byte("module: \"example.com/site@v0\"\n")},
				"hosts/web1/site.cue": {Data: []byte("package site\nimport \"example.com/site/lib/app\"\n")},
			}
			const many = 2000
			for i := range many {
				fmt.Fprintf(&text, "x%d: _ @embed(%s)\n", i, c.embeds(i))
				module[fmt.Sprintf("lib/app/data/f%d", i)] = &fstest.MapFile{}
			}
			module["lib/app/app.cue"] = &fstest.MapFile{Data: []byte(text.String())}
			_, err := Around(module, "hosts/web1")
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}
