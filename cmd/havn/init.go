package main

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"havn.internal/schemas"
	"havn.internal/spec"
)

// repositoryFiles are the files of a new spec repository, of package "site".
//
//go:embed repository
var repositoryFiles embed.FS

const moduleFile = "cue.mod/module.cue"

func newInit() *cobra.Command {
	var ci, hosts []string
	c := &cobra.Command{
		Use:   "init DIR",
		Short: "Write a spec repository; in an existing one, update its copy of the schema",
		Long: `init writes a spec repository that checks and runs as it is: the schema under
cue.mod, bind.cue, one example service and route, and a workflow that checks every
change and shows the plan of each pull request. No file that is there already is
overwritten.

In a directory that has a cue.mod/module.cue it brings the copy of the schema up to
that of this havn, and changes nothing else; with --ci it adds the workflow, and
changes nothing else.

With --hosts each host also gets a directory, hosts/NAME, for what it does not share
with the others; it runs with --path hosts/NAME.`,
		Example: `  havn init mysite
  havn init fleet --hosts web1,web2
  havn init . --ci github,gitlab,forgejo`,
		Args: args(cobra.ExactArgs(1)), ValidArgsFunction: directory,
	}
	c.Flags().StringSliceVar(&ci, "ci", []string{"github"}, "`SERVICES` to write a workflow for: github, gitlab, forgejo, or none")
	c.Flags().StringSliceVar(&hosts, "hosts", nil, "`NAMES` of hosts, each to have a directory, separated by commas")
	c.RunE = func(c *cobra.Command, given []string) error {
		if err := checkNames(hosts); err != nil {
			return usage(c, err)
		}
		services, err := ciServices(ci)
		if err != nil {
			return usage(c, err)
		}
		files, err := workflows(services)
		if err == nil {
			files = forFleet(files, hosts)
			err = initialize(given[0], files, c.Flags().Changed("ci"), nextFor(given[0], hosts), c.OutOrStdout())
		}
		if err == nil {
			err = writeHosts(given[0], hosts, c.OutOrStdout())
		}
		if err != nil {
			return fmt.Errorf("init %s: %w", given[0], err)
		}
		return nil
	}
	return c
}

// initialize writes or updates the spec repository in dir. In one that is there, the
// workflows are added if they were asked for, and the schema is updated if not.
func initialize(dir string, ci []newFile, asked bool, next string, out io.Writer) error {
	if i, err := os.Stat(dir); err == nil && !i.IsDir() {
		return errors.New("is a file, expected a directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := spec.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	module, err := fs.ReadFile(spec.PlainFS(root), moduleFile)
	switch {
	case err == nil && asked:
		return writeFiles(root, ci, out)
	case err == nil:
		return updateSchema(root, string(module), out)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return newRepository(root, dir, ci, next, out)
}

// newRepository writes every file of a new repository, and says what is next.
func newRepository(root *os.Root, dir string, ci []newFile, next string, out io.Writer) error {
	if found, _ := fs.Glob(spec.PlainFS(root), "*.cue"); len(found) > 0 {
		return fmt.Errorf("has %s but no %s, expected a directory without .cue files, or a CUE module (`cue mod init example.com/site@v0`)", found[0], moduleFile)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	files, err := newFiles(moduleFor(filepath.Base(absolute)))
	if err != nil {
		return err
	}
	if err := writeFiles(root, append(files, ci...), out); err != nil {
		return err
	}
	if _, err := syncSchema(root); err != nil {
		return err
	}
	fmt.Fprintf(out, "wrote %s\n%s", vendorDir, next)
	return nil
}

// nextFor is what to do with a new repository for one host; for more, [writeHosts]
// says it.
func nextFor(dir string, hosts []string) string {
	if len(hosts) > 0 {
		return ""
	}
	return fmt.Sprintf("\nNext: `havn check %s`, then `havn apply %s`; hello.cue says what to change.\n", dir, dir)
}

type newFile struct{ name, content string }

// sitePackage is the package of every new repository, whatever its directory is called,
// so that what documents show can be pasted into any.
const sitePackage = "site"

// newFiles are the files of a new repository, the schema excepted.
func newFiles(module string) ([]newFile, error) {
	files := []newFile{
		{moduleFile, fmt.Sprintf("module: \"example.com/%s@v0\"\nlanguage: version: \"v0.14.0\"\n", module)},
		{"bind.cue", schemas.Bind(sitePackage)},
	}
	for _, f := range []struct{ from, to string }{
		{"hello.cue", "hello.cue"}, {"hello.conf", "hello.conf"}, {"gitignore", ".gitignore"},
	} {
		content, err := repositoryFiles.ReadFile("repository/" + f.from)
		if err != nil {
			return nil, err
		}
		files = append(files, newFile{f.to, string(content)})
	}
	return files, nil
}

// writeNew writes a file that must not be there yet.
func writeNew(root *os.Root, name, content string) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close())
}

var (
	notInModule = regexp.MustCompile(`[^a-z0-9]+`)
	reserved    = regexp.MustCompile(`^(package|import|for|in|if|let|true|false|null|v1|test|tool|else|try|fallback|func)?$`)
)

// moduleFor makes the last part of a CUE module's name of a directory's name, "site" if
// nothing of it can be one.
func moduleFor(base string) string {
	name := strings.Trim(notInModule.ReplaceAllString(strings.ToLower(base), "_"), "_")
	switch {
	case reserved.MatchString(name):
		return "site"
	case name[0] >= '0' && name[0] <= '9':
		return "site_" + name
	}
	return name
}
