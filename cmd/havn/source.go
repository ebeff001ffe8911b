package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"havn.internal/gitops"
	"havn.internal/gitops/git"
	"havn.internal/gitops/trust"
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
	f.StringVar(&s.dir, "spec", "", "directory of CUE specs")
	f.StringVar(&s.remote.URL, "git", "", "git remote with the specs, in place of --spec: https://, ssh://, user@host:path or file://")
	f.StringVar(&s.ref.Branch, "branch", "", "branch to follow ("+defaultBranch+")")
	f.StringVar(&s.ref.Tag, "tag", "", "tag to follow, in place of a branch")
	f.StringVar(&s.ref.Semver, "semver", "", "follow the newest tag in this range, such as \">=1.2 <2\"")
	f.StringVar(&s.ref.Commit, "commit", "", "stay at this commit")
	f.StringVar(&s.path, "path", "", "directory of the specs inside the repository")
	f.DurationVar(&s.interval, "interval", time.Minute, "how often the remote is asked")
	f.StringVar(&s.remote.TokenFile, "token-file", "", "file with a token, for https")
	f.StringVar(&s.remote.User, "git-user", "", "user name that goes with the token")
	f.StringVar(&s.remote.CredentialFile, "credential-file", "", "file as of git-credential-store, for https")
	f.StringVar(&s.remote.CAFile, "ca-file", "", "certificates to trust for https, in place of the system's")
	f.StringVar(&s.remote.Proxy, "git-proxy", "", "http, https or socks5 proxy")
	f.StringVar(&s.remote.KeyFile, "key-file", "", "deploy key, for ssh")
	f.StringVar(&s.remote.KnownHostsFile, "known-hosts-file", "", "the only host keys to trust, for ssh")
	f.StringVar(&s.mode, "trust", string(trust.None), "whose commits are taken: none (whoever can push), tip (the newest is signed), every (all are signed)")
	f.StringVar(&s.keys.AllowedSigners, "allowed-signers", "", "SSH keys that may sign, as of ssh-keygen(1); of this host, not of the repository")
	f.StringVar(&s.keys.Revoked, "revoked-keys", "", "SSH keys that may not any more")
	f.StringVar(&s.keys.Keyring, "keyring", "", "exported OpenPGP public keys that may sign")
}

// check says what is wrong with the flags.
func (s *sourceFlags) check() error {
	switch {
	case s.dir == "" && s.remote.URL == "":
		return errors.New("--spec DIR or --git URL is missing, and there is no host file " + usualHostFile + " with a source")
	case s.dir != "" && s.remote.URL != "":
		return errors.New("--spec and --git are both given")
	case s.remote.URL != "" && s.ref == (git.Ref{}):
		s.ref.Branch = defaultBranch
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
