package spec

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"havn.internal/schemas"
)

// A pipe in the place of a file that binds is no file, and is not waited for.
func TestSitesBesideAPipe(t *testing.T) {
	dir := repository(t, hosts())
	bind := filepath.Join(dir, bindFile)
	if err := errors.Join(os.Remove(bind), unix.Mkfifo(bind, 0o600)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := Sites(dir)
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Minute):
		t.Error("it waits for somebody who writes to the pipe")
	}
}

func TestSites(t *testing.T) {
	own := map[string]string{"hosts/own/cue.mod/module.cue": "module: \"example.com/own@v0\"\n", "hosts/own/bind.cue": schemas.Bind("own"), "hosts/own/a.cue": "package own\n"}
	for name, c := range map[string]struct {
		change map[string]string
		in     string
		sites  []string
	}{
		"a fleet":              {nil, ".", []string{"hosts/web1", "hosts/web2"}},
		"from below":           {nil, "hosts", []string{"hosts/web1", "hosts/web2"}},
		"one host":             {nil, "hosts/web1", []string{"hosts/web1"}},
		"a module of its own":  {own, ".", []string{"hosts/own", "hosts/web1", "hosts/web2"}},
		"one site":             {map[string]string{"hosts/web1/site.cue": "", "hosts/web2/site.cue": "", "hosts/all.cue": ""}, ".", []string{"."}},
		"hidden directories":   {map[string]string{"hosts/_old/site.cue": "package site\n", ".github/x.cue": "package site\n", "hosts/a_tool.cue": "package site\n"}, ".", []string{"hosts/web1", "hosts/web2"}},
		"broken syntax":        {map[string]string{"hosts/web2/site.cue": "package site {{{"}, ".", []string{"hosts/web1", "hosts/web2"}},
		"nothing is bound":     {map[string]string{bindFile: "", "lib/unused/broken.cue": ""}, ".", []string{"hosts/web1", "hosts/web2"}},
		"a library":            {nil, "lib", nil},
		"a slip in a package":  {map[string]string{"hosts/web2/site.cue": "package sit\n\nservices: a: image: \"a\"\n"}, ".", []string{"hosts/web1", "hosts/web2"}},
		"a library of entries": {map[string]string{"lib/app/more.cue": "package app\n\nservices: a: image: \"a\"\n"}, ".", []string{"hosts/web1", "hosts/web2"}},
		"no directory":         {nil, "none", nil},
		"a host without specs": {map[string]string{"hosts/web3/README": "x"}, ".", []string{"hosts/web1", "hosts/web2"}},
	} {
		dir := repository(t, with(c.change))
		for i, s := range c.sites {
			c.sites[i] = filepath.Join(dir, s)
		}
		if name == "nothing is bound" {
			dir = t.TempDir()
			files := with(c.change)
			files[moduleFile] = "module: \"example.com/site@v0\"\n"
			write(t, dir, files)
			c.sites = []string{dir + "/hosts/web1", dir + "/hosts/web2"}
		}
		sites, err := Sites(filepath.Join(dir, c.in))
		if !slices.Equal(sites, c.sites) || (err == nil) != (c.sites != nil) {
			t.Errorf("%s: %v, %v; want %v", name, sites, err, c.sites)
		}
	}
}

// TestStockCueSeesEveryHost: the bind.cue at the top binds every host's directory, so
// that `cue vet -c ./...` finds their typos without havn.
func TestStockCueSeesEveryHost(t *testing.T) {
	change := map[string]string{"lib/unused/broken.cue": ""}
	if output, err := cueCommand(t, repository(t, with(change)), "vet", "-c", "./..."); err != nil {
		t.Errorf("cue vet: %v %s", err, output)
	}
	for _, host := range []string{"web1", "web2"} {
		change["hosts/"+host+"/typo.cue"] = "package site\n\nservices: x: {image: \"i\", imge: 1}\n"
		output, err := cueCommand(t, repository(t, with(change)), "vet", "-c", "./...")
		if err == nil || !strings.Contains(output, "services.x.imge: field not allowed") {
			t.Errorf("%s: cue vet: %v %s", host, err, output)
		}
		delete(change, "hosts/"+host+"/typo.cue")
	}
}
