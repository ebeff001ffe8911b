package main

import (
	"io/fs"

	"havn.internal/gitops"
	"havn.internal/spec"
)

// around and aroundDir tell a source, which knows nothing of CUE, what a spec inside a
// module is made of.
func around(module fs.FS, inside string) ([]string, error) {
	b, err := spec.Around(module, inside)
	return b.Files, err
}

func aroundDir(dir string) gitops.Around {
	root, inside, b := spec.AroundDir(dir)
	return gitops.Around{Root: root, Inside: inside, Files: b.Files, Dirs: b.Dirs}
}
