package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"havn.internal/spec"
)

var cueBlock = regexp.MustCompile("(?ms)^```cue\n(.*?)^```$")

// documents are the Markdown files of this repository.
func documents(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("../..", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "bin"):
			return fs.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestWhatDocumentsShowPassesCheck: each CUE block of a document is a file that passes
// `havn check` in a new repository, whatever that is called; or it is a host file.
func TestWhatDocumentsShowPassesCheck(t *testing.T) {
	sites, hosts := 0, 0
	for name, text := range documents(t) {
		for _, block := range cueBlock.FindAllStringSubmatch(text, -1) {
			dir := filepath.Join(t.TempDir(), "mine")
			if !strings.HasPrefix(block[1], "package ") {
				hosts++
				file := dir + ".cue"
				if err := os.WriteFile(file, []byte(block[1]), 0o644); err != nil {
					t.Fatal(err)
				}
				if _, err := spec.LoadHost(t.Context(), file); err != nil {
					t.Errorf("%s: a host file:\n%s\n%v", name, block[1], err)
				}
				continue
			}
			sites++
			if err := initialize(dir, nil, false, "", io.Discard); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "pasted.cue"), []byte(block[1]), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := spec.Load(t.Context(), dir); err != nil {
				t.Errorf("%s: pasted into a new repository:\n%s\n%v", name, block[1], err)
			}
		}
	}
	if sites < 2 || hosts < 3 {
		t.Errorf("%d sites and %d host files have been found", sites, hosts)
	}
}
