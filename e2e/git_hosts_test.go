//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"

	"havn.internal/gitops/origin"
)

// fleet is a module with two hosts' directories. What they share stands above them;
// a text in place of b's own is what b has.
func fleet(version, b string) map[string]string {
	if b == "" {
		b = "package site\n\n#host: \"b\"\n"
	}
	shared := "package site\n\n#host: string\n" + web("1", fmt.Sprintf(`env: VERSION: "\(#host)-%s"`, version))
	return map[string]string{
		"cue.mod/module.cue": "module: \"example.com/site\"\nlanguage: version: \"v0.9.0\"\n",
		"shared.cue":         shared,
		"hosts/a/site.cue":   "package site\n\n#host: \"a\"\n",
		"hosts/b/site.cue":   b,
	}
}

// Two machines follow one repository, each its own directory and what stands above:
// the same commit brings both to it, what is broken for one leaves the other alone,
// and what is not for one changes nothing there.
func TestTwoMachinesFollowOneRepository(t *testing.T) {
	t.Parallel()
	a, b := bootMachine(t), bootMachine(t)
	bare := origin.New(t, "--bare")
	server, dev := bare.ServeAt(a.outside()), newDeveloper(t, bare.Dir)
	push := func(files map[string]string) string { return dev.push(dev.CommitSigned(dev.ssh, files)) }
	first := push(fleet("1", ""))
	for m, path := range map[*machine]string{a: "hosts/a", b: "hosts/b"} {
		m.launch(slices.Concat(m.trusts(dev, "every", false), []string{
			"--git", server.Address(), "--ca-file", m.keep(server.CAFile, "ca.pem"), "--path", path, "--interval", "1s",
		})...)
	}
	a.reaches(first)
	b.reaches(first)
	a.load("a-1", "a-2", "a-3")
	b.load("b-1", "b-2", "b-3")

	second := push(fleet("2", ""))
	a.reaches(second)
	b.reaches(second)
	a.answers("a-2")
	b.answers("b-2")

	broken := push(fleet("3", "package site\n\n#host: \"b\"\nservices: web: prot: 80\n"))
	b.refuses(broken, "hosts/b/site.cue:4:", second)
	a.reaches(broken)
	a.answers("a-3")
	b.answers("b-2")

	before := a.processes()
	mended := push(fleet("3", ""))
	b.reaches(mended)
	b.answers("b-3")
	a.reaches(mended)
	if after := a.processes(); !slices.Equal(after, before) {
		t.Errorf("a commit that is not for it changed a machine\nfrom %q\n  to %q", before, after)
	}
	a.lossless()
	b.lossless()
}
