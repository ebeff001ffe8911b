//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"testing"

	"havn.internal/gitops/origin"
)

// in puts files into a directory of the repository.
func in(dir string, files map[string]string) map[string]string {
	moved := map[string]string{}
	for name, text := range files {
		moved[dir+"/"+name] = text
	}
	return moved
}

// Two machines follow one repository, each its own directory: the same commit brings
// both to it, what is broken for one leaves the other alone, and what is not for one
// changes nothing there.
func TestTwoMachinesFollowOneRepository(t *testing.T) {
	t.Parallel()
	a, b := bootMachine(t), bootMachine(t)
	bare := origin.New(t, "--bare")
	server, dev := bare.ServeAt(a.outside()), newDeveloper(t, bare.Dir)
	commit := func(parts ...map[string]string) string {
		files := map[string]string{}
		for _, p := range parts {
			maps.Copy(files, p)
		}
		return dev.push(dev.CommitSigned(dev.ssh, files))
	}
	first := commit(in("hosts/a", release("a-1")), in("hosts/b", release("b-1")))
	for m, path := range map[*machine]string{a: "hosts/a", b: "hosts/b"} {
		m.launch(slices.Concat(m.trusts(dev, "every", false), []string{
			"--git", server.Address(), "--ca-file", m.keep(server.CAFile, "ca.pem"), "--path", path, "--interval", "1s",
		})...)
	}
	a.reaches(first)
	b.reaches(first)
	a.load("a-1", "a-2", "a-3")
	b.load("b-1", "b-2", "b-3")

	second := commit(in("hosts/a", release("a-2")), in("hosts/b", release("b-2")))
	a.reaches(second)
	b.reaches(second)
	a.answers("a-2")
	b.answers("b-2")

	broken := commit(in("hosts/a", release("a-3")), in("hosts/b", map[string]string{"site.cue": "package site\n\nservices: web: prot: 80\n"}))
	b.refuses(broken, "site.cue:3:", second)
	a.reaches(broken)
	a.answers("a-3")
	b.answers("b-2")

	before := a.processes()
	mended := commit(in("hosts/b", release("b-3")))
	b.reaches(mended)
	b.answers("b-3")
	a.reaches(mended)
	if after := a.processes(); !slices.Equal(after, before) {
		t.Errorf("a commit that is not for it changed a machine\nfrom %q\n  to %q", before, after)
	}
	a.lossless()
	b.lossless()
}
