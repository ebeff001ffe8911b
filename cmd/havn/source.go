package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"havn.internal/gitops"
	"havn.internal/gitops/git"
	"havn.internal/gitops/trust"
	"havn.internal/spec"
)

// A sourceFlags says where `havn run` takes revisions from: a directory, or a git
// remote.
type sourceFlags struct {
	dir      string
	remote   git.Remote
	ref      git.Ref
	path     string
	interval time.Duration
	mode     string
	keys     git.Keys
}

const defaultBranch = "main"

// What is kept of a git remote in the state directory.
const (
	gitDir       = "git"
	acceptedFile = "accepted.json"
)

func (s *sourceFlags) flags(f *pflag.FlagSet) {
	under(f, "Flags of the source", s.where)
	under(f, "Flags of the access to a git remote", s.access)
	under(f, "Flags of trust: whose commits are taken from a git remote", s.whose)
}

func (s *sourceFlags) where(f *pflag.FlagSet) {
	f.StringVar(&s.dir, "spec", "", "`DIR` of CUE specs, watched")
	f.StringVar(&s.remote.URL, "git", "", "`URL` of a git remote, in place of --spec: https://, ssh://, user@host:path or file://")
	f.StringVar(&s.path, "path", "", "`DIR` of the specs inside the repository (its top)")
	f.StringVar(&s.ref.Branch, "branch", "", "`BRANCH` to follow ("+defaultBranch+")")
	f.StringVar(&s.ref.Tag, "tag", "", "`TAG` to follow, in place of a branch")
	f.StringVar(&s.ref.Semver, "semver", "", "follow the newest tag in `RANGE`, such as \">=1.2 <2\"")
	f.StringVar(&s.ref.Commit, "commit", "", "stay at `COMMIT`")
	f.DurationVar(&s.interval, "interval", time.Minute, "`TIME` between two looks at the remote, such as 90s; at least 1s")
}

func (s *sourceFlags) access(f *pflag.FlagSet) {
	f.StringVar(&s.remote.KeyFile, "key-file", "", "`FILE` with the deploy key, for ssh")
	f.StringVar(&s.remote.KnownHostsFile, "known-hosts-file", "", "`FILE` with the only host keys to trust, for ssh")
	f.StringVar(&s.remote.TokenFile, "token-file", "", "`FILE` with a token, for https")
	f.StringVar(&s.remote.User, "git-user", "", "user `NAME` that goes with the token")
	f.StringVar(&s.remote.CredentialFile, "credential-file", "", "`FILE` as of git-credential-store(1), for https")
	f.StringVar(&s.remote.CAFile, "ca-file", "", "`FILE` with the certificates to trust for https, in place of the system's")
	f.StringVar(&s.remote.Proxy, "git-proxy", "", "`URL` of an http, https or socks5 proxy")
}

func (s *sourceFlags) whose(f *pflag.FlagSet) {
	f.StringVar(&s.mode, "trust", string(trust.None), "`POLICY`: none (who can push is trusted), tip (the newest commit is signed), every (all are)")
	f.StringVar(&s.keys.AllowedSigners, "allowed-signers", "", "`FILE` with the SSH keys that may sign, as of ssh-keygen(1); of this host, not of the repository")
	f.StringVar(&s.keys.Revoked, "revoked-keys", "", "`FILE` with the SSH keys that may not any more")
	f.StringVar(&s.keys.Keyring, "keyring", "", "`FILE` with the exported OpenPGP public keys that may sign")
}

// check says what is wrong with the flags.
func (s *sourceFlags) check() error {
	switch {
	case s.dir == "" && s.remote.URL == "":
		return errors.New("--spec DIR or --git URL is missing, and there is no host file " + usualHostFile + " with a source")
	case s.dir != "" && s.remote.URL != "":
		return errors.New("--spec and --git are both given")
	case s.dir != "":
		return s.checkDirectory()
	case s.ref == (git.Ref{}):
		s.ref.Branch = defaultBranch
	}
	return s.checkRemote()
}

// checkDirectory refuses what a directory would not heed: who asks for signatures
// must not go without.
func (s *sourceFlags) checkDirectory() error {
	mode := s.mode
	if mode == string(trust.None) {
		mode = ""
	}
	for _, f := range []struct{ name, value string }{
		{"trust", mode}, {"allowed-signers", s.keys.AllowedSigners}, {"revoked-keys", s.keys.Revoked}, {"keyring", s.keys.Keyring},
		{"path", s.path}, {"branch", s.ref.Branch}, {"tag", s.ref.Tag}, {"semver", s.ref.Semver}, {"commit", s.ref.Commit},
		{"key-file", s.remote.KeyFile}, {"known-hosts-file", s.remote.KnownHostsFile}, {"token-file", s.remote.TokenFile},
		{"git-user", s.remote.User}, {"credential-file", s.remote.CredentialFile},
	} {
		if f.value != "" {
			return fmt.Errorf("--%s goes with --git, and not with --spec: a directory is taken as it is", f.name)
		}
	}
	return nil
}

func (s *sourceFlags) checkRemote() error {
	o := s.options("")
	for _, c := range []struct {
		name  string
		check func() error
	}{
		{"git", o.Remote.Check}, {"trust", o.Trust.Check}, {"path", func() error { return git.CheckPath(o.Path) }},
	} {
		if err := c.check(); err != nil {
			return fmt.Errorf("--%s: %w", c.name, err)
		}
	}
	for _, f := range []struct{ name, file string }{
		{"allowed-signers", s.keys.AllowedSigners}, {"revoked-keys", s.keys.Revoked}, {"keyring", s.keys.Keyring},
		{"known-hosts-file", s.remote.KnownHostsFile}, {"ca-file", s.remote.CAFile},
	} {
		if err := strict(f.name, f.file); err != nil {
			return err
		}
	}
	return o.Ref.Check()
}

// strict refuses a file that decides whom this machine trusts and that others may
// change.
func strict(flag, file string) error {
	if file == "" {
		return nil
	}
	if what, do := spec.Strict(file); what != "" {
		return fmt.Errorf("--%s: %s; %s", flag, what, do)
	}
	return nil
}

// String names the source for people.
func (s *sourceFlags) String() string {
	if s.dir != "" {
		return s.dir
	}
	return s.remote.URL + " " + s.ref.String()
}

// isDir: the source is that directory.
func (s *sourceFlags) isDir(path string) bool {
	mine, err := os.Stat(s.dir)
	theirs, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(mine, theirs)
}

// directory returns the directory as a source.
func (s *sourceFlags) directory(log *slog.Logger, problem func(error)) (gitops.Source, error) {
	path, err := filepath.Abs(s.dir)
	return gitops.Directory{Path: path, Around: aroundDir, Log: log, Problem: problem}, err
}

// git returns the git remote as a source, kept below the state directory.
func (s *sourceFlags) git(state string, log *slog.Logger, problem func(error)) (*gitops.Git, error) {
	o := s.options(state)
	o.Log, o.Problem = log, problem
	if err := os.MkdirAll(o.State, 0o700); err != nil {
		return nil, err
	}
	return gitops.NewGit(o)
}

func (s *sourceFlags) options(state string) gitops.GitOptions {
	return gitops.GitOptions{
		Remote: s.remote, Ref: s.ref, Path: s.path, Around: around, Interval: s.interval, State: filepath.Join(state, gitDir),
		Trust:  trust.Policy{Mode: trust.Mode(s.mode), Keys: s.keys},
		Limits: git.DefaultLimits(), Memory: gitops.FileMemory{Path: filepath.Join(state, acceptedFile)},
	}
}
