package docker_test

import (
	"os"
	"path/filepath"
	"testing"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Config files are kept as long as a release has them.
func TestConfigFiles(t *testing.T) {
	s := newSite(t)
	w := func(w *spec.Service) {
		w.Files = map[string]spec.File{"/a": file("one", 0o444), "/b": file("one", 0o555), "/c": file("two", 0o444)}
	}
	a := s.start(w)
	if _, text := get(t, a, "/read", "path", "/b"); text != "one" {
		t.Errorf("/b is %q", text)
	}
	s.files(3)
	kept := s.observe(want()).Containers[a.Name].Release
	s.Tidy([]spec.Release{{}, kept})
	s.files(3)
	// A stored release needs no content as long as its files are there.
	s.do(s.Stop(s.ctx, plan.Stop{ID: a.Name}))
	remove(t, a.Name)
	a.Release = kept
	s.do(s.Start(s.ctx, a))
	delete(kept.Service.Files, "/c")
	s.Tidy([]spec.Release{kept})
	s.files(2)
	s.Tidy(nil)
	s.files(0)
}

// files wants so many config files in the state directory.
func (s *site) files(n int) {
	s.t.Helper()
	list, err := os.ReadDir(filepath.Join(s.config.State, "files"))
	s.do(err)
	if len(list) != n {
		s.t.Errorf("there are %d config files, want %d", len(list), n)
	}
}

// A config file that somebody changed is put right for the next replica.
func TestConfigFileThatWasChanged(t *testing.T) {
	s := newSite(t)
	w := func(w *spec.Service) { w.Files = map[string]spec.File{"/a": file("right", 0o444)} }
	s.start(w)
	list, err := filepath.Glob(filepath.Join(s.config.State, "files", "*"))
	s.do(err)
	write(t, list[0], "wrong")
	a := s.replica(service(w), 1)
	s.do(s.Start(s.ctx, a))
	if _, text := get(t, a, "/read", "path", "/a"); text != "right" {
		t.Errorf("it reads %q", text)
	}
}

// Nobody else on the machine may read config files, whatever their mode is: also not
// those of an earlier havn.
func TestConfigFilesAreNotForOthers(t *testing.T) {
	s := newSite(t)
	dir := filepath.Join(s.config.State, "files")
	s.do(os.Mkdir(dir, 0o755))
	a := s.start(func(w *spec.Service) { w.Files = map[string]spec.File{"/run.sh": file("echo", 0o777)} })
	for range 2 {
		if i, err := os.Stat(dir); err != nil || i.Mode().Perm() != 0o700 {
			t.Errorf("the directory has mode %v, %v", i.Mode(), err)
		}
		s.do(os.Chmod(dir, 0o755))
		s.Tidy([]spec.Release{a.Release})
	}
	if _, text := get(t, a, "/read", "path", "/run.sh"); text != "echo" {
		t.Errorf("the replica reads %q", text)
	}
}

// On the machine, the files of specs are root's alone, and nobody writes to one that is
// mounted, whatever mode the spec gives it; also what an earlier havn left.
func TestConfigFilesAreNobodyElses(t *testing.T) {
	s := newSite(t)
	w := func(w *spec.Service) {
		w.Files = map[string]spec.File{"/a": file("one", 0o777), "/b": file("two", 0o222), "/c": file("three", 0o440)}
	}
	dir := filepath.Join(s.config.State, "files")
	check := func() {
		t.Helper()
		if i, err := os.Stat(dir); err != nil || i.Mode().Perm() != 0o700 {
			t.Errorf("the directory is %v, %v", i.Mode(), err)
		}
		list, err := filepath.Glob(filepath.Join(dir, "*"))
		s.do(err)
		for _, path := range list {
			if i, err := os.Stat(path); err != nil || i.Mode().Perm()&0o222 != 0 {
				t.Errorf("%s is %v, %v", path, i.Mode(), err)
			}
		}
	}
	a := s.start(w)
	check()
	if _, text := get(t, a, "/read", "path", "/a"); text != "one" {
		t.Errorf("/a is %q", text)
	}
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	s.do(err)
	for _, path := range list {
		s.do(os.Chmod(path, 0o777))
	}
	s.do(os.Chmod(dir, 0o755))
	s.do(s.Start(s.ctx, s.replica(service(w), 1)))
	check()
}
