package spec

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// hosts is a repository of two hosts, a shared package and shared files.
func hosts() map[string]string {
	return map[string]string{
		"shared.cue":                   "package site\n\n_version: \"1\"\nservices: log: image: \"log:\\(_version)\"\n",
		"hosts/all.cue":                "package site\n\nservices: log: labels: fleet: \"yes\"\n",
		"hosts/web1/site.cue":          "package site\n\nimport \"example.com/site/lib/app\"\n\nservices: web: app.#App & {port: 80}\n",
		"hosts/web2/site.cue":          "package site\n\nservices: db: image: \"db:\\(_version)\"\n",
		"lib/app/app.cue":              "package app\n\nimport \"example.com/site/lib/defaults\"\n\n#App: {port: int, image: defaults.image, env: FROM: _above, ...}\n",
		"lib/app.cue":                  "package app\n\n_above: \"lib\"\n",
		"lib/defaults/x.cue":           "@extern(embed)\n\npackage defaults\n\nimage: _ @embed(file=texts/image.txt,type=text)\n",
		"lib/defaults/texts/image.txt": "web:1",
		"lib/unused/broken.cue":        "package unused {",
		"README":                       "not a spec",
	}
}

// with is the repository with files changed or, where empty, left out.
func with(changes map[string]string) map[string]string {
	files := hosts()
	maps.Copy(files, changes)
	maps.DeleteFunc(files, func(_, content string) bool { return content == "" })
	return files
}

func TestPartOfAModule(t *testing.T) {
	dir := repository(t, hosts())
	s, err := TakeSnapshot(filepath.Join(dir, "hosts/web1"))
	if err != nil {
		t.Fatal(err)
	}
	taken := strings.Join(slices.DeleteFunc(sortedKeys(s.Files), func(n string) bool { return under(n, "cue.mod") }), " ")
	if want := "bind.cue hosts/all.cue hosts/web1/site.cue lib/app.cue lib/app/app.cue lib/defaults/texts/image.txt lib/defaults/x.cue shared.cue"; taken != want || s.Dir != "hosts/web1" {
		t.Errorf("in %q, taken: %s\nwant: %s", s.Dir, taken, want)
	}
	site, err := s.Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	web, log := site.Services["web"], site.Services["log"]
	if len(site.Services) != 2 || web.Image != "web:1" || web.Port != 80 || web.Env["FROM"] != "lib" || log.Image != "log:1" || log.Labels["fleet"] != "yes" {
		t.Errorf("evaluates to %+v", site.Services)
	}
	if site, err := Load(t.Context(), filepath.Join(dir, "hosts/web2")); err != nil || len(site.Services) != 2 || site.Services["db"].Image != "db:1" {
		t.Errorf("the other host: %+v, %v", site.Services, err)
	}
}

// TestModuleAgrees: of one host's directory havn says what `cue vet -c ./hosts/web1`
// says, right or wrong.
func TestModuleAgrees(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		right  bool
	}{
		"as it is":                      {nil, true},
		"a typo of its own":             {map[string]string{"hosts/web1/b.cue": "package site\n\nservices: web: imge: 1\n"}, false},
		"a typo above":                  {map[string]string{"hosts/all.cue": "package site\n\nservices: log: lables: {}\n"}, false},
		"a typo at the root":            {map[string]string{"shared.cue": "package site\n\n_version: \"1\"\nservics: {}\n"}, false},
		"a conflict with above":         {map[string]string{"hosts/web1/b.cue": "package site\n\nservices: log: image: \"other\"\n"}, false},
		"another package above":         {map[string]string{"hosts/tool.cue": "package tool\n\nx: 1 & 2\n"}, true},
		"a missing package":             {map[string]string{"lib/app/app.cue": "", "lib/app.cue": ""}, false},
		"a mistake in a package":        {map[string]string{"lib/defaults/x.cue": "package defaults\n\nimage: 5\n"}, false},
		"a missing text":                {map[string]string{"lib/defaults/texts/image.txt": ""}, false},
		"broken syntax in a package":    {map[string]string{"lib/app/app.cue": "package app\n\n{"}, false},
		"broken syntax above":           {map[string]string{"hosts/all.cue": "package site\n\n{"}, false},
		"a mistake in the other host":   {map[string]string{"hosts/web2/site.cue": "package site\n\nservices: web: 5\n"}, true},
		"broken syntax in the other":    {map[string]string{"hosts/web2/site.cue": "package site\n\n{{{"}, true},
		"a package that nobody imports": {map[string]string{"lib/unused/x.cue": "package unused\n\nx: 1 & 2\n"}, true},
		"a module of its own":           {map[string]string{"hosts/web1/cue.mod/module.cue": "module: \"example.com/other@v0\"\nlanguage: version: \"v0.14.0\"\n", "hosts/web1/site.cue": "package site\n\nservices: a: image: _version\n"}, false},
		"an import of the other's":      {map[string]string{"hosts/web2/lib/l.cue": "package lib\n\nport: 81\n", "hosts/web1/c.cue": "package site\n\nimport \"example.com/site/hosts/web2/lib\"\n\nservices: web: ports: p: lib.port\n"}, true},
		"an import of the root":         {map[string]string{"root.cue": "package root\n\nport: 81\n", "hosts/web1/c.cue": "package site\n\nimport \"example.com/site:root\"\n\nservices: web: ports: p: root.port\n"}, true},
		"an import with a version":      {map[string]string{"hosts/web1/c.cue": "package site\n\nimport d \"example.com/site/lib/defaults@v0\"\n\nservices: web: labels: i: d.image\n"}, true},
		"a glob above":                  {map[string]string{"conf/a.txt": "a", "conf/b.txt": "b", "glob.cue": "@extern(embed)\n\npackage site\n\n_texts: _ @embed(glob=c*/*.txt,type=text)\nservices: log: files: {for n, c in _texts {\"/\\(n)\": content: c}}\n"}, true},
		"a name with a space":           {map[string]string{"a b.txt": "x", "e.cue": "@extern(embed)\n\npackage site\n\nservices: log: labels: t: _ @embed(type=text,file=\"a b.txt\")\n"}, true},
		"no package in the directory":   {map[string]string{"hosts/web1/site.cue": "services: {}\n"}, false},
		"a cycle of packages":           {map[string]string{"lib/defaults/y.cue": "package defaults\n\nimport \"example.com/site/lib/app\"\n\ny: app.#App\n"}, false},
	} {
		dir := repository(t, with(c.change))
		output, theirs := cueCommand(t, dir, "vet", "-c", "./hosts/web1")
		_, ours := Load(t.Context(), filepath.Join(dir, "hosts/web1"))
		if (theirs == nil) != c.right {
			t.Errorf("%s: cue vet: %v %s", name, theirs, output)
		}
		if (ours == nil) != c.right {
			t.Errorf("%s: havn: %v; cue vet: %v %s", name, ours, theirs, output)
		}
	}
}

// TestSlipInAPackage: a directory of another package than bind.cue above has none of
// what is shared, which CUE does not say.
func TestSlipInAPackage(t *testing.T) {
	dir := repository(t, with(map[string]string{"hosts/web2/site.cue": "package sit\n\nservices: db: image: \"db:1\"\n"}))
	const want = "hosts/web2/site.cue: CUE ignores this file: its package is sit; write `package site`, as in bind.cue or the other files"
	if _, err := Load(t.Context(), dir+"/hosts/web2"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestOtherHostsFiles: nothing that another host's directory can hold is read.
func TestOtherHostsFiles(t *testing.T) {
	for name, plant := range map[string]func(dir string) error{
		"broken syntax": func(dir string) error { return os.WriteFile(dir+"/x.cue", []byte("package site {"), 0o644) },
		"a bomb": func(dir string) error {
			return os.WriteFile(dir+"/x.cue", []byte("package site\n"+bombs["a long list"]), 0o644)
		},
		"a link": func(dir string) error { return os.Symlink("/etc/passwd", dir+"/link.cue") },
		"a link for the directory": func(dir string) error {
			return os.Symlink("/etc", filepath.Dir(dir)+"/web3")
		},
		"a pipe":       func(dir string) error { return mkfifo(dir + "/pipe.cue") },
		"a large file": func(dir string) error { return os.WriteFile(dir+"/x.cue", make([]byte, maxFileSize+1), 0o644) },
		"many files": func(dir string) error {
			for i := range maxFiles + 1 {
				if err := os.WriteFile(fmt.Sprintf("%s/%d.cue", dir, i), nil, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
		"deep directories": func(dir string) error { return os.MkdirAll(dir+strings.Repeat("/d", 100), 0o755) },
	} {
		dir := repository(t, hosts())
		before, err := TakeSnapshot(dir + "/hosts/web1")
		if err != nil {
			t.Fatal(err)
		}
		if err := plant(dir + "/hosts/web2"); err != nil {
			t.Fatal(err)
		}
		after, err := TakeSnapshot(dir + "/hosts/web1")
		if err != nil || after.Revision() != before.Revision() {
			t.Errorf("%s: %v, another revision: %v", name, err, after.Revision() != before.Revision())
		}
	}
}

// TestSharedFilesAreHeldTo: what is part of a host's spec has to be plain, wherever
// it stands.
func TestSharedFilesAreHeldTo(t *testing.T) {
	for name, plant := range map[string]func(dir string) error{
		"link.cue":         func(dir string) error { return os.Symlink("/etc/passwd", dir+"/link.cue") },
		"hosts/link.cue":   func(dir string) error { return os.Symlink("web2/site.cue", dir+"/hosts/link.cue") },
		"lib/app/link.cue": func(dir string) error { return os.Symlink("app.cue", dir+"/lib/app/link.cue") },
		"cue.mod/link":     func(dir string) error { return os.Symlink("/etc", dir+"/cue.mod/link") },
		"lib/defaults": func(dir string) error {
			_ = os.Rename(dir+"/lib/defaults", dir+"/lib/real")
			return os.Symlink("real", dir+"/lib/defaults")
		},
		"big.cue":  func(dir string) error { return os.WriteFile(dir+"/big.cue", make([]byte, maxFileSize+1), 0o644) },
		"pipe.cue": func(dir string) error { return mkfifo(dir + "/pipe.cue") },
	} {
		dir := repository(t, hosts())
		if err := plant(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := TakeSnapshot(dir + "/hosts/web1"); err == nil || !strings.Contains(err.Error(), name+":") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReachIsBounded: imports of imports end.
func TestReachIsBounded(t *testing.T) {
	files := hosts()
	for i := range maxReached + 10 {
		files[fmt.Sprintf("p%d/p.cue", i)] = fmt.Sprintf("package p%d\n\nimport \"example.com/site/p%d\"\n", i, i+1)
	}
	files["hosts/web1/c.cue"] = "package site\n\nimport \"example.com/site/p0\"\n"
	if _, err := TakeSnapshot(repository(t, files) + "/hosts/web1"); err == nil || !strings.Contains(err.Error(), "reaches too far") {
		t.Errorf("%v", err)
	}
}

// TestLocate: a module is looked for as far as the repository reaches, and where
// nobody else can write.
func TestLocate(t *testing.T) {
	const module = "module: \"example.com/site@v0\"\nlanguage: version: \"v0.14.0\"\n"
	for _, c := range []struct {
		name, dir, inside string
		plant             func(root string) error
	}{
		{"below the root", "a/b", "a/b", func(string) error { return nil }},
		{"the root", ".", "", func(string) error { return nil }},
		{"the nearest", "a/b", "b", func(root string) error { write(t, root, map[string]string{"a/cue.mod/module.cue": module}); return nil }},
		{"not beyond the repository", "a/b", "", func(root string) error { return os.Mkdir(root+"/a/.git", 0o755) }},
		{"at the repository's top", "a/b", "a/b", func(root string) error { return os.Mkdir(root+"/.git", 0o755) }},
		{"not where others write", "a/b", "", func(root string) error { return os.Chmod(root, 0o777) }},
		{"not where another group writes", "a/b", "", func(root string) error { return shared(root) }},
		{"where a group writes that writes the spec", "a/b", "a/b", func(root string) error { return shared(root, root+"/a", root+"/a/b") }},
		{"through a link", "l", "a/b", func(root string) error { return os.Symlink("a/b", root+"/l") }},
		{"not by a link", "a/b", "", func(root string) error {
			_ = os.Rename(root+"/cue.mod/module.cue", root+"/m")
			return os.Symlink("../m", root+"/cue.mod/module.cue")
		}},
		{"no directory", "a/none", "", func(string) error { return nil }},
	} {
		root := t.TempDir()
		write(t, root, map[string]string{moduleFile: module, "a/b/site.cue": "package site\n"})
		if err := c.plant(root); err != nil {
			t.Fatal(err)
		}
		dir, inside := Locate(filepath.Join(root, c.dir))
		want := filepath.Join(root, c.dir)
		if c.inside != "" {
			want = strings.TrimSuffix(filepath.Join(root, "a/b"), "/"+c.inside)
		}
		if dir != want || inside != c.inside {
			t.Errorf("%s: %s, %q; want %s, %q", c.name, dir, inside, want, c.inside)
		}
	}
}

// shared lets a group write to directories.
func shared(dirs ...string) error {
	const group = 4711
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, os.Chown(dir, 0, group), os.Chmod(dir, 0o775))
	}
	return errors.Join(errs...)
}

func mkfifo(name string) error { return unix.Mkfifo(name, 0o600) }
