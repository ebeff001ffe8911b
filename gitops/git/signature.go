package git

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Keys are the files that say whose signatures count. What is empty is not trusted.
type Keys struct {
	// AllowedSigners and Revoked are as in ssh-keygen(1).
	AllowedSigners, Revoked string
	// Keyring holds exported OpenPGP public keys.
	Keyring string
}

// A Signature is git's word on the signature of a commit.
type Signature struct {
	// Sound: verify-commit ended with success. That alone proves nothing.
	Sound bool
	// Code is G, B, U, X, Y, R, E or N, as in git-log(1).
	Code string
	// Key is the fingerprint of the key, Primary that of the key it belongs to.
	Key, Primary string
	Signer       string
	// Of OpenPGP: when it says it was made, and its class (RFC 4880, 5.2.1): 00 is that of
	// a binary document, as git makes them.
	Time  time.Time
	Class string
}

// Verify checks the signature of a commit against keys of this host, and no others.
func (m *Mirror) Verify(ctx context.Context, commit string, keys Keys) (Signature, error) {
	if !IsID(commit) {
		return Signature{}, fmt.Errorf("%q is no commit id", commit)
	}
	config, home, err := m.keyConfig(ctx, keys)
	if err != nil {
		return Signature{}, err
	}
	base := call{env: []string{"GNUPGHOME=" + home}, home: home, reads: []string{keys.AllowedSigners, keys.Revoked}}
	show, verify := base, base
	show.name, show.args = "log", slices.Concat(config, []string{"log", "--no-walk", "--format=%G?%n%GF%n%GP%n%GS", "--end-of-options", commit})
	var said, raw string
	show.beside, verify.beside = &said, &raw
	out, err := m.output(ctx, show)
	if gaveUp(err) || misformed(err) {
		return Signature{Code: "B"}, nil
	}
	if err != nil {
		return Signature{}, err
	}
	fields := strings.Split(string(out), "\n")
	if len(fields) < 4 {
		return Signature{}, fmt.Errorf("git says nothing of the signature of %s", commit)
	}
	s := Signature{Code: fields[0], Key: fields[1], Primary: fields[2], Signer: printable(fields[3], 200)}
	verify.name, verify.args = "verify-commit", slices.Concat(config, []string{"verify-commit", "--raw", "--end-of-options", commit})
	_, err = m.output(ctx, verify)
	var f *Failure
	switch {
	case err == nil:
		s.Sound = true
	case errors.As(err, &f) && f.Exit == 1 && f.Fault != OfMachine, gaveUp(err), misformed(err):
	default:
		return Signature{}, err
	}
	s.read(raw)
	return s, m.trouble("log", said)
}

// trouble is why the program that checks signatures did not run, though git goes on.
func (m *Mirror) trouble(call, said string) error {
	f := &Failure{Call: call}
	if m.explain(f, said); f.Fault == OfMachine {
		return f
	}
	return nil
}

// read takes from gpg's status lines what git leaves out (doc/DETAILS of GnuPG):
//
//	VALIDSIG fingerprint date TIMESTAMP expires version reserved algorithm hash CLASS ...
//	ERRSIG keyid algorithm hash CLASS TIMESTAMP ...
func (s *Signature) read(status string) {
	for line := range strings.Lines(status) {
		f := strings.Fields(strings.TrimPrefix(line, "[GNUPG:] "))
		class, at := "", ""
		switch {
		case len(f) > 9 && f[0] == "VALIDSIG":
			at, class = f[3], f[9]
		case len(f) > 5 && f[0] == "ERRSIG":
			class, at = f[4], f[5]
		default:
			continue
		}
		s.Class = class
		if seconds, err := strconv.ParseInt(at, 10, 64); err == nil {
			s.Time = time.Unix(seconds, 0).UTC()
		}
	}
}

// misformed: git itself can't read the signature, and ends.
func misformed(err error) bool {
	var f *Failure
	return errors.As(err, &f) && strings.Contains(f.What, "bad/incompatible signature")
}

// gaveUp: the program that checks signatures ended before it had read the commit,
// because of what the signature is, and git died of writing to it.
func gaveUp(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Signal == syscall.SIGPIPE
}

// keyConfig lets git use only the programs and files that there are keys for.
func (m *Mirror) keyConfig(ctx context.Context, keys Keys) (config []string, home string, err error) {
	set := func(name, value string) { config = append(config, "-c", name+"="+value) }
	set("gpg.x509.program", "/bin/false")
	set("gpg.minTrustLevel", "undefined")
	if keys.AllowedSigners == "" {
		set("gpg.ssh.program", "/bin/false")
	} else {
		set("gpg.ssh.program", "ssh-keygen")
		set("gpg.ssh.allowedSignersFile", keys.AllowedSigners)
	}
	if keys.Revoked != "" {
		set("gpg.ssh.revocationFile", keys.Revoked)
	}
	for _, file := range []string{keys.AllowedSigners, keys.Revoked, keys.Keyring} {
		if file == "" {
			continue
		}
		if !plainPath(file) {
			return nil, "", fmt.Errorf("%q: an absolute path without spaces or quotes", file)
		}
		// Git itself goes on without a revocation file that is not there.
		f, err := os.Open(file)
		if err != nil {
			return nil, "", err
		}
		_ = f.Close()
	}
	if keys.Keyring == "" {
		set("gpg.program", "/bin/false")
		set("gpg.openpgp.program", "/bin/false")
		return config, "", nil
	}
	if home, err = m.keyring(ctx, keys.Keyring); err != nil {
		return nil, "", err
	}
	set("gpg.program", "gpg")
	set("gpg.openpgp.program", "gpg")
	return config, home, nil
}

// gpgConfig: every key of the keyring is trusted, none is looked for elsewhere, and
// no agent is started.
const gpgConfig = `trust-model always
no-auto-key-retrieve
no-auto-key-locate
no-auto-check-trustdb
disable-dirmngr
no-autostart
batch
no-tty
`

// keyring is a home for gpg that knows the keys of the file; it is made anew when
// the file changes.
func (m *Mirror) keyring(ctx context.Context, file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	home := filepath.Join(m.State, fmt.Sprintf("gnupg-%x", sha256.Sum256(content))[:24])
	if _, err := os.Stat(filepath.Join(home, "whole")); err == nil {
		return home, nil
	}
	old, _ := filepath.Glob(filepath.Join(m.State, "gnupg-*"))
	for _, dir := range old {
		_ = os.RemoveAll(dir)
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fmt.Errorf("lay the keyring: %w", err)
	}
	if err := os.WriteFile(filepath.Join(home, "gpg.conf"), []byte(gpgConfig), 0o600); err != nil {
		return "", fmt.Errorf("lay the keyring: %w", err)
	}
	_, err = m.output(ctx, call{program: "gpg", name: "gpg --import", args: []string{"--import"}, stdin: string(content), env: []string{"GNUPGHOME=" + home}, home: home, sockets: true})
	if err != nil {
		return "", fmt.Errorf("the keyring %s can't be read: %w", file, err)
	}
	return home, os.WriteFile(filepath.Join(home, "whole"), nil, 0o600)
}

// Find is the commit of the mirror that an id, or the beginning of one, stands for.
func (m *Mirror) Find(ctx context.Context, text string) (string, error) {
	if len(text) < 7 || len(text) > 64 || strings.Trim(text, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q is no commit: its id, or at least its first 7 digits, is wanted", printable(text, 80))
	}
	id, err := m.commit(ctx, text)
	if err != nil {
		return "", fmt.Errorf("the commit %s is not among those that were fetched", text)
	}
	return id, nil
}
