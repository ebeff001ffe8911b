package main

import (
	"errors"

	"github.com/spf13/pflag"

	"havn.internal/gitops/egress"
	"havn.internal/gitops/secret"
)

// tellFlags say how havn hears from others that there is something new, and whom it
// tells what became of it.
type tellFlags struct {
	hook   hookFlags
	forge  forgeFlags
	notify targets
	// ca and proxy are those of the way to the forge and to whom is notified.
	ca, proxy string
}

func (t *tellFlags) flags(f *pflag.FlagSet) {
	under(f, "Flags of webhooks", t.hook.flags)
	under(f, "Flags of the forge", t.forge.flags)
	under(f, "Flags of notifications, and of the way to them and to the forge", t.out)
}

func (t *tellFlags) out(f *pflag.FlagSet) {
	t.notify.flags(f)
	f.StringVar(&t.ca, "egress-ca-file", "", "`FILE` with certificates to trust beside the system's when the forge is told and people are notified (--ca-file)")
	f.StringVar(&t.proxy, "egress-proxy", "", "`URL` of a proxy for that (--git-proxy, or as the environment says)")
}

// check says what is wrong with the flags.
func (t *tellFlags) check(s *sourceFlags) error {
	if t.hook.given() && s.remote.URL == "" {
		return errHookNoGit
	}
	return errors.Join(t.hook.check(), t.forge.check(s.remote.URL), strict("egress-ca-file", t.ca))
}

// egress is the way out.
func (t *tellFlags) egress(s *sourceFlags) egress.Options {
	o := egress.Options{CAFile: t.ca, Proxy: t.proxy}
	if o.CAFile == "" {
		o.CAFile = s.remote.CAFile
	}
	if o.Proxy == "" {
		o.Proxy = s.remote.Proxy
	}
	return o
}

// secrets are the files of all that nobody is told.
func (t *tellFlags) secrets(s *sourceFlags) []secret.File {
	files := secret.Named(
		secret.File(t.hook.secretFile), secret.File(t.forge.tokenFile),
		secret.File(s.remote.TokenFile), secret.File(s.remote.CredentialFile), secret.File(s.remote.KeyFile),
	)
	for _, target := range t.notify {
		files = append(files, target.Files()...)
	}
	return files
}
