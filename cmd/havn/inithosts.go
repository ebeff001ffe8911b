package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"havn.internal/spec"
)

func checkNames(hosts []string) error {
	for _, name := range hosts {
		if !nameForm.MatchString(name) {
			return fmt.Errorf("--hosts: %q: want small letters, digits, - and dots", name)
		}
	}
	return nil
}

// inFleet is what workflows do in place of what they do for one site. A snapshot is
// named as its host's directory is.
var inFleet = strings.NewReplacer(
	" havn check .\n", " havn check ./...\n",
	"havn plan . --against", `havn plan "hosts/$(basename "$host" .json)" --against`,
)

// forFleet makes workflows look at every host's directory, if there are any.
func forFleet(workflows []newFile, hosts []string) []newFile {
	if len(hosts) == 0 {
		return workflows
	}
	for i, f := range workflows {
		workflows[i].content = inFleet.Replace(f.content)
	}
	return workflows
}

// writeHosts writes a directory for each host, of the package that is bound.
func writeHosts(dir string, hosts []string, out io.Writer) error {
	if len(hosts) == 0 {
		return nil
	}
	root, err := spec.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	bind, err := fs.ReadFile(spec.PlainFS(root), "bind.cue")
	clause := packageClause.FindSubmatch(bind)
	if err != nil || clause == nil {
		return errors.New("there is no bind.cue with a package, expected one as `havn init` writes it in a new directory")
	}
	var files []newFile
	for _, name := range hosts {
		text := fmt.Sprintf("package %s\n\n// What is %s's alone. What stands above is every host's.\nservices: hello: env: HOST: %q\n", clause[1], name, name)
		files = append(files, newFile{"hosts/" + name + "/site.cue", text})
	}
	if err := writeFiles(root, files, out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nEach host: `havn check %s`, and `havn apply %s` or `havn run --git URL --path hosts/%s`.\n",
		dir+every, filepath.Join(dir, "hosts", hosts[0]), hosts[0])
	return err
}
