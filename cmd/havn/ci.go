package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// ciFiles are the workflows that init can write, by the service that runs them.
var ciFiles = map[string]string{
	"github":  ".github/workflows/check.yml",
	"gitlab":  ".gitlab-ci.yml",
	"forgejo": ".forgejo/workflows/check.yml",
}

// ciServices checks what --ci was given and returns the services, none for "none".
func ciServices(given []string) ([]string, error) {
	if len(given) == 1 && given[0] == "none" {
		return nil, nil
	}
	for _, name := range given {
		if _, known := ciFiles[name]; !known {
			return nil, fmt.Errorf("--ci %s: want %s, or none", name, strings.Join(slices.Sorted(maps.Keys(ciFiles)), ", "))
		}
	}
	return given, nil
}

// workflows are the files for some services.
func workflows(services []string) ([]newFile, error) {
	var out []newFile
	for _, name := range services {
		content, err := repositoryFiles.ReadFile("repository/ci/" + name + ".yml")
		if err != nil {
			return nil, err
		}
		out = append(out, newFile{ciFiles[name], string(content)})
	}
	return out, nil
}

// writeFiles writes those of the files that are not there yet.
func writeFiles(root *os.Root, files []newFile, out io.Writer) error {
	for _, f := range files {
		switch err := writeNew(root, f.name, f.content); {
		case errors.Is(err, fs.ErrExist):
			fmt.Fprintf(out, "kept  %s\n", f.name)
		case err != nil:
			return err
		default:
			fmt.Fprintf(out, "wrote %s\n", f.name)
		}
	}
	return nil
}
