package origin

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Key is an SSH key pair.
type Key struct {
	// File is the private key; Public is the line of the public one.
	File, Public string
	// Private is what is in the file.
	Private []byte
}

// NewKey makes an ed25519 key.
func NewKey(t testing.TB) Key {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	public, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	private, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return Key{File: file, Public: strings.TrimSpace(string(public)), Private: private}
}

// Signing is the arguments of git that make it sign with the key.
func (k Key) Signing() []string {
	return []string{"-c", "gpg.format=ssh", "-c", "user.signingkey=" + k.File, "-c", "commit.gpgsign=true"}
}

// CommitSigned commits files, signed with the key.
func (r *Repo) CommitSigned(k Key, files map[string]string, args ...string) string {
	r.t.Helper()
	r.Write(files)
	r.Git("add", "-A")
	r.Git(append(append(k.Signing(), "commit", "-q", "--allow-empty", "-m", "a signed change"), args...)...)
	return r.Head()
}

// Sign signs a text for a namespace, and returns the signature.
func (k Key) Sign(t testing.TB, namespace, text string) string {
	t.Helper()
	cmd := exec.Command("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", k.File)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh-keygen -Y sign: %v", err)
	}
	return string(out)
}

// A PGP is a home of gpg with secret keys.
type PGP struct {
	t    testing.TB
	home string
	// time is the one gpg is told, if it is not the real one.
	time string
}

// NewPGP makes an empty one. Its path is short: gpg's agent listens on a socket
// in it.
func NewPGP(t testing.TB) *PGP {
	t.Helper()
	home, err := os.MkdirTemp("", "pgp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop := exec.Command("gpgconf", "--kill", "all")
		stop.Env = []string{"PATH=" + os.Getenv("PATH"), "GNUPGHOME=" + home}
		_ = stop.Run()
		_ = os.RemoveAll(home)
	})
	return &PGP{t: t, home: home}
}

// Run runs gpg, and returns its output.
func (p *PGP) Run(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("gpg", append([]string{"--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GNUPGHOME=" + p.home}
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("gpg %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// Sign signs a text with a key, and returns the signature.
func (p *PGP) Sign(text, key string, args ...string) string {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return p.Run(append(args, "--armor", "--local-user", key, "--output", "-", "--detach-sign", file)...)
}

// Key makes a signing key for a user, and returns its fingerprint. Expiry is gpg's:
// never, or for example seconds=100.
func (p *PGP) Key(user, expiry string, args ...string) string {
	p.t.Helper()
	p.Run(append(args, "--quick-gen-key", user, "ed25519", "sign", expiry)...)
	for line := range strings.Lines(p.Run("--with-colons", "--list-keys", user)) {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			return f[9]
		}
	}
	p.t.Fatalf("gpg made no key for %s", user)
	return ""
}

// Export writes the public keys to a file, and returns its name.
func (p *PGP) Export(users ...string) string {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), "keyring.asc")
	if err := os.WriteFile(file, []byte(p.Run(append([]string{"--armor", "--export"}, users...)...)), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return file
}

// CommitPGP commits files, signed with a key of p.
func (r *Repo) CommitPGP(p *PGP, key string, files map[string]string, args ...string) string {
	r.t.Helper()
	r.Write(files)
	r.Git("add", "-A")
	signing := []string{"-c", "user.signingkey=" + key, "commit", "-q", "--allow-empty", "-m", "a signed change", "-S"}
	if p.time != "" {
		signing = append([]string{"-c", "gpg.program=" + p.clock()}, signing...)
	}
	r.With("GNUPGHOME=" + p.home).Git(append(signing, args...)...)
	return r.Head()
}

// Home is gpg's home.
func (p *PGP) Home() string { return p.home }

// At is the same home at another time, as gpg has it: 20200101T120000.
func (p *PGP) At(time string) *PGP {
	other := *p
	other.time = time
	return &other
}

// clock is a gpg that is told another time. A process of its own writes it: while
// this one has it open for writing, nobody can run it.
func (p *PGP) clock() string {
	p.t.Helper()
	program := filepath.Join(p.t.TempDir(), "gpg")
	script := "#!/bin/sh\nexec gpg --faked-system-time " + p.time + " \"$@\"\n"
	cmd := exec.Command("install", "-m", "755", "/dev/stdin", program)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("install: %v: %s", err, out)
	}
	return program
}
