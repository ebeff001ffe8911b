package gitops_test

import (
	"os"
	"path/filepath"
	"testing"
)

// A directory inside a module is delivered again when anything that its spec is made
// of changes, and not for what is other directories'.
func TestDirectoryInsideAModule(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	write(t, at("cue.mod/module.cue"), "module: \"example.com/site@v0\"\nlanguage: version: \"v0.14.0\"\n")
	write(t, at("shared.cue"), "package site\n")
	write(t, at("lib/app/app.cue"), "package app\n")
	write(t, at("hosts/web2/web.cue"), "package site\n")
	write(t, at("hosts/web1/web.cue"), "package site\n\nimport \"example.com/site/lib/app\"\n\napp\n")
	f := follow(t, at("hosts/web1"))
	last := f.next()
	if last.Dir != root || last.Inside != "hosts/web1" {
		t.Fatalf("delivered %q in %s, want hosts/web1 in %s", last.Inside, last.Dir, root)
	}
	for _, c := range []struct {
		name string
		act  func() error
	}{
		{"the root's file", func() error { write(t, at("shared.cue"), "package site\n\n_x: 1\n"); return nil }},
		{"a new file above", func() error { write(t, at("hosts/all.cue"), "package site\n"); return nil }},
		{"it goes again", func() error { return os.Remove(at("hosts/all.cue")) }},
		{"the package", func() error { write(t, at("lib/app/app.cue"), "package app\n\nx: 1\n"); return nil }},
		{"a new import of a package not there", func() error {
			write(t, at("lib/app/app.cue"), "package app\n\nimport \"example.com/site/lib/new\"\n\nx: new.x\n")
			return nil
		}},
		{"that package", func() error { write(t, at("lib/new/new.cue"), "package new\n\nx: 1\n"); return nil }},
		{"the module", func() error { write(t, at("cue.mod/module.cue"), "module: \"example.com/site@v0\"\n"); return nil }},
		{"the directory itself", func() error { write(t, at("hosts/web1/b.cue"), "package site\n"); return nil }},
	} {
		// What another host's directory gets shows in no revision.
		write(t, at("hosts/web2/web.cue"), "package site\n\nx: \""+c.name+"\"\n")
		must(t, c.act())
		next := f.next()
		if next.ID == last.ID {
			t.Errorf("%s: delivered the same again", c.name)
		}
		last = next
	}
	select {
	case more := <-f.got:
		t.Errorf("delivered once more: %+v", more)
	default:
	}
}
