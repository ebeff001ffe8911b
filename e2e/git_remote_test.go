//go:build e2e

package e2e

import (
	"slices"
	"testing"

	"havn.internal/gitops/origin"
)

// A way is one kind of remote, and how the machine's havn reaches it.
type way struct {
	name string
	dev  *developer
	// flags name the remote and what opens it.
	flags []string
	mode  string
	pgp   bool
}

// One machine is pulled to what is pushed, over each kind of remote and under load:
// signed commits are rolled out, those that are not are held, and no request is lost,
// also not when the remote becomes another one.
func TestPushesOverEveryRemoteAreRolledOut(t *testing.T) {
	m := newMachine(t)
	ways := []way{m.overHTTPS(), m.overSSH(), m.overFile()}
	var versions []string
	for _, w := range ways {
		versions = append(versions, w.name+"-1", w.name+"-2")
	}
	for i, w := range ways {
		first := w.dev.push(w.dev.signed(w.pgp, w.name+"-1"))
		m.launch(slices.Concat(w.flags, m.trusts(w.dev, w.mode, w.pgp), []string{"--interval", "1s"})...)
		m.reaches(first)
		if i == 0 {
			m.load(versions...)
		}
		m.answers(w.name + "-1")
		m.refuses(w.dev.push(w.dev.Commit(release("unsigned"))), "is not signed", first)
		if w.mode == "every" {
			m.refuses(w.dev.push(w.dev.signed(w.pgp, "on top of one that is not signed")), "is not signed", first)
			w.dev.Git("reset", "--quiet", "--hard", first)
		}
		m.reaches(w.dev.push(w.dev.signed(w.pgp, w.name+"-2")))
		m.answers(w.name + "-2")
		m.end("TERM")
	}
	m.lossless()
}

// overHTTPS is a server with a private authority's certificate, which asks for a
// token.
func (m *machine) overHTTPS() way {
	m.t.Helper()
	bare := origin.New(m.t, "--bare")
	server := bare.ServeAt(m.outside())
	token := "s3cret-token"
	server.Password.Store(&token)
	return way{name: "https", dev: newDeveloper(m.t, bare.Dir), mode: "every", flags: []string{
		"--git", server.Address(), "--ca-file", m.keep(server.CAFile, "ca.pem"), "--token-file", m.keepText(token+"\n", "token"),
	}}
}

// overSSH is an sshd that lets in a deploy key, and whose own key is pinned.
func (m *machine) overSSH() way {
	m.t.Helper()
	bare, deploy := origin.New(m.t, "--bare"), origin.NewKey(m.t)
	server := origin.ServeSSHAt(m.t, m.outside(), origin.NewKey(m.t), deploy)
	return way{name: "ssh", dev: newDeveloper(m.t, bare.Dir), mode: "tip", pgp: true, flags: []string{
		"--git", server.Address(bare.Dir), "--key-file", m.keep(deploy.File, "deploy-key"), "--known-hosts-file", m.keep(server.KnownHosts, "known_hosts"),
	}}
}

// overFile is a repository on the machine itself, pushed to from outside.
func (m *machine) overFile() way {
	m.t.Helper()
	const dir = "/srv/site.git"
	m.inside("git", "init", "--quiet", "--bare", "--initial-branch", "main", dir)
	return way{name: "file", dev: newDeveloper(m.t, "ext::docker exec -i "+m.Name+" git-receive-pack "+dir), mode: "every", pgp: true, flags: []string{"--git", "file://" + dir}}
}
