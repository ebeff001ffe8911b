//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn.internal/gitops/origin"
	"havn.internal/reconciler/console"
)

// A developer has a repository with the spec, and pushes from it.
type developer struct {
	*origin.Repo
	ssh    origin.Key
	pgp    *origin.PGP
	pgpKey string
	// remote is where they push to.
	remote string
}

const signer = "ada@example.no"

func newDeveloper(t testing.TB, remote string) *developer {
	t.Helper()
	d := &developer{Repo: origin.New(t), ssh: origin.NewKey(t), pgp: origin.NewPGP(t), remote: remote}
	d.pgpKey = d.pgp.Key(signer, "never")
	return d
}

// push pushes the branch, over what is there if need be.
func (d *developer) push(commit string) string {
	d.Git("-c", "protocol.ext.allow=always", "push", "--quiet", d.remote, "+main")
	return commit
}

// signed commits a version, signed with the SSH key or with the OpenPGP key.
func (d *developer) signed(pgp bool, version string) string {
	if pgp {
		return d.CommitPGP(d.pgp, d.pgpKey, release(version))
	}
	return d.CommitSigned(d.ssh, release(version))
}

// release is the spec of a version. One image is them all.
func release(version string, more ...string) map[string]string {
	more = append([]string{fmt.Sprintf("env: VERSION: %q", version)}, more...)
	return map[string]string{"site.cue": "package site\n" + web("1", more...)}
}

// etc is where the machine keeps what its havn is told to trust.
const etc = "/etc/havn"

// keep copies a file into the machine, and returns its name there.
func (m *machine) keep(file, name string) string {
	m.t.Helper()
	m.inside("mkdir", "-p", etc)
	m.must(m.Put(m.t.Context(), file, etc+"/"+name))
	m.inside("chown", "0:0", etc+"/"+name)
	return etc + "/" + name
}

// keepText is keep for a text.
func (m *machine) keepText(text, name string) string {
	m.t.Helper()
	file := filepath.Join(m.t.TempDir(), name)
	m.must(os.WriteFile(file, []byte(text), 0o600))
	return m.keep(file, name)
}

// trusts is the flags with which the machine's havn takes the developer's commits.
func (m *machine) trusts(d *developer, mode string, pgp bool) []string {
	m.t.Helper()
	if pgp {
		return []string{"--trust", mode, "--keyring", m.keep(d.pgp.Export(signer), "keyring.asc")}
	}
	return []string{"--trust", mode, "--allowed-signers", m.keepText(signer+" "+d.ssh.Public+"\n", "allowed_signers")}
}

// outside is the address of the test, seen from the machine.
func (m *machine) outside() string { return m.Subnet.Masked().Addr().Next().String() }

// reaches waits until the machine is as a commit says.
func (m *machine) reaches(commit string) console.Status {
	m.t.Helper()
	return m.await("converged to "+commit, func(s console.Status) bool { return s.Converged && s.Revision.Applied == commit })
}

// refuses waits until the machine's havn says why it does not take a commit; it
// stays at the other one.
func (m *machine) refuses(commit, why, at string) {
	m.t.Helper()
	s := m.await("refused: "+commit, func(s console.Status) bool { return s.Revision.Attempted == commit && s.Revision.Problem != "" })
	if !strings.Contains(s.Revision.Problem, why) || s.Revision.Applied != at {
		m.t.Errorf("%s, at %s: want one that says %q, at %s", s.Revision.Problem, s.Revision.Applied, why, at)
	}
}
