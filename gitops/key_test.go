package gitops

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
)

// What is wrong with a deploy key is said, and not that the server does not take it.
func TestDeployKeysThatSSHCantUse(t *testing.T) {
	edit := func(how func(string) string) func(*testing.T, string) {
		return func(t *testing.T, file string) {
			text, err := os.ReadFile(file)
			check(t, err)
			check(t, os.WriteFile(file, []byte(how(string(text))), 0o600))
		}
	}
	replaced := func(with string) func(*testing.T, string) { return edit(func(string) string { return with }) }
	r := origin.New(t)
	first := r.Commit(spec)
	hostKey := origin.NewKey(t)
	for name, c := range map[string]struct {
		do   func(*testing.T, string)
		says string
	}{
		"Windows line ends": {edit(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }), "Windows line ends"},
		"no final newline":  {edit(strings.TrimSpace), "no line break at its end"},
		"one line":          {edit(func(s string) string { return strings.ReplaceAll(s, "\n", "") + "\n" }), "first line"},
		"cut short":         {edit(func(s string) string { return s[:150] }), "cut short"},
		"a byte order mark": {edit(func(s string) string { return "\ufeff" + s }), "byte order mark"},
		"UTF-16":            {replaced("\xff\xfe-\x00-\x00"), "UTF-16"},
		"empty":             {replaced("\n"), "is empty"},
		"something else":    {replaced("hello\n"), "not a private key"},
		"PuTTY's":           {replaced("PuTTY-User-Key-File-3: ssh-ed25519\n"), "puttygen"},
		"the public key": {func(t *testing.T, file string) {
			text, err := os.ReadFile(file + ".pub")
			check(t, err)
			check(t, os.WriteFile(file, text, 0o600))
		}, "is the public key"},
		"a passphrase": {func(t *testing.T, file string) {
			check(t, exec.Command("ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", file).Run())
		}, "passphrase"},
		"a passphrase in PEM": {func(t *testing.T, file string) {
			check(t, os.Remove(file))
			check(t, exec.Command("ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "secret", "-f", file).Run())
		}, "passphrase"},
		"open to others":  {func(t *testing.T, file string) { check(t, os.Chmod(file, 0o644)) }, "chmod 600"},
		"of another user": {func(t *testing.T, file string) { check(t, os.Chown(file, 65534, 65534)) }, "uid 65534"},
		"not there":       {func(t *testing.T, file string) { check(t, os.Remove(file)) }, "no such file"},
		"a directory": {func(t *testing.T, file string) {
			check(t, os.Remove(file))
			check(t, os.Mkdir(file, 0o700))
		}, "not a plain file"},
		"another key": {func(t *testing.T, file string) {
			text, err := os.ReadFile(origin.NewKey(t).File)
			check(t, err)
			check(t, os.WriteFile(file, text, 0o600))
		}, "server does not accept the deploy key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deploy := origin.NewKey(t)
			server := origin.ServeSSH(t, hostKey, deploy)
			o := options(t, server.Address(r.Dir))
			o.Remote.KeyFile, o.Remote.KnownHostsFile = deploy.File, server.KnownHosts
			c.do(t, deploy.File)
			f := follow(t, o)
			f.blames(f.ask(), git.OfAccess, c.says)
			check(t, os.RemoveAll(deploy.File))
			check(t, os.WriteFile(deploy.File, deploy.Private, 0o600))
			f.accepts(first)
		})
	}
}

// A key that ssh takes is used, whatever its lines look like.
func TestDeployKeysThatSSHUses(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(spec)
	deploy := origin.NewKey(t)
	check(t, exec.Command("sh", "-c", `rm "$0" "$0.pub"; ssh-keygen -q -t rsa -m PEM -N "" -f "$0" && sed -i 's/$/\r/' "$0"`, deploy.File).Run())
	public, err := os.ReadFile(deploy.File + ".pub")
	check(t, err)
	deploy.Public = strings.TrimSpace(string(public))
	server := origin.ServeSSH(t, origin.NewKey(t), deploy)
	o := options(t, server.Address(r.Dir))
	o.Remote.KeyFile, o.Remote.KnownHostsFile = deploy.File, server.KnownHosts
	check(t, git.CheckKey(deploy.File))
	follow(t, o).accepts(first)
}

// Why no host key is found is said, too.
func TestKnownHostsThatSSHCantRead(t *testing.T) {
	r := origin.New(t)
	r.Commit(spec)
	hostKey, deploy := origin.NewKey(t), origin.NewKey(t)
	for text, says := range map[string]string{
		"":                    "it is empty",
		"\xff\xfe[\x001\x00":  "UTF-16",
		"other.example x y\n": "not among the known hosts",
	} {
		server := origin.ServeSSH(t, hostKey, deploy)
		o := options(t, server.Address(r.Dir))
		o.Remote.KeyFile, o.Remote.KnownHostsFile = deploy.File, server.KnownHosts
		check(t, os.WriteFile(server.KnownHosts, []byte(text), 0o600))
		f := follow(t, o)
		f.blames(f.ask(), git.OfAccess, says)
		if err := git.CheckKnownHosts(server.KnownHosts); (err == nil) != strings.HasPrefix(text, "other") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
