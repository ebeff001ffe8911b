package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/pflag"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/forge"
	"havn.internal/gitops/secret"
	"havn.internal/reconciler/console"
)

// forgeFlags say which forge is told what became of a commit.
type forgeFlags struct {
	tokenFile, kind, api, repository, context string
}

func (f *forgeFlags) flags(set *pflag.FlagSet) {
	set.StringVar(&f.tokenFile, "forge-token-file", "", "`FILE` with a token that may set commit statuses; the forge is told with it what became of each commit")
	set.StringVar(&f.kind, "forge-kind", "", "`KIND`: github, gitlab or gitea (also Forgejo), if the remote's address does not show it")
	set.StringVar(&f.api, "forge-api", "", "`URL` of the forge, if it is not where the remote is")
	set.StringVar(&f.repository, "forge-repository", "", "`OWNER/NAME` of the repository at the forge, if the remote is a mirror of it; goes with --forge-api")
	set.StringVar(&f.context, "forge-context", "", "`NAME` of this host's statuses (havn/ and the host's name)")
}

func (f *forgeFlags) given() bool { return *f != forgeFlags{} }

// check says what is wrong with the flags, for a remote.
func (f *forgeFlags) check(remote string) error {
	switch {
	case !f.given():
		return nil
	case remote == "":
		return errors.New("a forge knows commits; --forge-* goes with --git")
	case f.tokenFile == "":
		return errors.New("--forge-token-file is missing")
	case f.repository != "" && f.api == "":
		return errors.New("--forge-repository goes with --forge-api")
	}
	if _, err := f.find(remote); err != nil {
		return fmt.Errorf("--forge-token-file: %w; --forge-kind and --forge-api say what the remote's address does not show", err)
	}
	return nil
}

// find says where the forge's API is.
func (f *forgeFlags) find(remote string) (forge.Repository, error) {
	if f.repository != "" {
		remote = strings.TrimRight(f.api, "/") + "/" + f.repository
	}
	return forge.Find(remote, forge.Kind(f.kind), f.api)
}

// A teller of statuses, and where it tells them.
type statuses struct {
	*forge.Reporter
	repository forge.Repository
	egress     *egress.Client
}

// open returns who tells the forge; nil if there is none.
func (f *forgeFlags) open(remote string, e egress.Options, hide []secret.File, m forge.Memory, log *slog.Logger) (*statuses, error) {
	if !f.given() {
		return nil, nil
	}
	repository, err := f.find(remote)
	if err != nil {
		return nil, err
	}
	const tries = 2
	e.Retries = tries
	out, err := egress.New(e)
	if err != nil {
		return nil, err
	}
	c := &forge.Client{Repository: repository, Token: secret.File(f.tokenFile), Egress: out, Hide: hide}
	return &statuses{forge.NewReporter(c, m, log), repository, out}, nil
}

// named is the context of the statuses of a host.
func (f *forgeFlags) named(host string) string { return cmp.Or(f.context, "havn/"+host) }

// status is what `havn status` shows of the forge.
func (s *statuses) status() *console.Forge {
	if s == nil {
		return nil
	}
	return &console.Forge{Kind: string(s.repository.Kind), Repository: s.repository.Path, Problem: s.Problem()}
}
