package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"

	"github.com/spf13/pflag"

	"havn.internal/gitops"
	"havn.internal/gitops/git"
	"havn.internal/gitops/secret"
	"havn.internal/gitops/trust"
	"havn.internal/spec"
)

// checkHost says what keeps `havn run` from going by a host file: its fields, what
// they say together, and the files that it names. It returns the file's machine, too.
func checkHost(name string) (spec.Problems, *machine, error) {
	m, s, t := &machine{}, &sourceFlags{}, &tellFlags{}
	set := pflag.NewFlagSet("run", pflag.ContinueOnError)
	s.flags(set)
	t.flags(set)
	m.flags(set)
	m.hostFile = name
	err := m.complete()
	if m.file.Name == "" { // it can't be read
		var problems spec.Problems
		if errors.As(err, &problems) {
			err = nil
		}
		return problems, m, err
	}
	problems := append(m.file.problems(err), m.file.problems(m.file.blame(errors.Join(s.check(), t.check(s))))...)
	if len(problems) == 0 && s.remote.URL != "" {
		_, err := gitops.NewGit(s.options(m.state))
		problems = m.file.problems(err)
	}
	return slices.Concat(problems, m.file.missing(), m.file.programs(s)), m, nil
}

// problems are those that an error of the flags stands for.
func (h hostFile) problems(err error) spec.Problems {
	var problems spec.Problems
	if err != nil && !errors.As(err, &problems) {
		return spec.Problems{h.At("source", err.Error(), "")}
	}
	return problems
}

// programs are those that following the remote takes and this machine lacks.
func (h hostFile) programs(s *sourceFlags) spec.Problems {
	if s.remote.URL == "" {
		return nil
	}
	var problems spec.Problems
	for _, p := range []struct {
		name, why string
		needed    bool
	}{
		{"git", "the source is a git remote", true},
		{"ssh", "git reaches the remote by ssh", s.remote.Protocol() == "ssh"},
		{"ssh-keygen", "SSH signatures are verified", s.keys.AllowedSigners != ""},
		{"gpg", "OpenPGP signatures are verified", s.keys.Keyring != ""},
	} {
		if _, err := exec.LookPath(p.name); p.needed && err != nil {
			problems = append(problems, h.At("source.git", p.why+", and "+p.name+" is not installed", "it in the PATH"))
		}
	}
	return problems
}

// namesFile are the fields that name a file of this machine; secretField those of a
// file that not everybody may read.
var (
	namesFile   = regexp.MustCompile(`(File|\.allowedSigners|\.revokedKeys|\.keyring)$`)
	secretField = regexp.MustCompile(`\.(tokenFile|credentialFile|secretFile|addressFile|keyFile)$`)
)

// missing are the files that the host file names and that havn could not use.
func (h hostFile) missing() spec.Problems {
	var values map[string]any
	if json.Unmarshal(h.Config, &values) != nil {
		return nil
	}
	var problems spec.Problems
	for path, value := range leaves("", values) {
		file, isText := value.(string)
		if !isText || !namesFile.MatchString(path) {
			continue
		}
		if what, expected := unusable(path, file); what != "" {
			problems = append(problems, h.At(path, what, expected))
		}
	}
	slices.SortFunc(problems, func(a, b spec.Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return problems
}

// leaves are all values by their dotted paths.
func leaves(prefix string, values map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range values {
		if inner, isMap := value.(map[string]any); isMap {
			maps.Copy(out, leaves(prefix+name+".", inner))
			continue
		}
		out[prefix+name] = value
	}
	return out
}

func unusable(path, file string) (what, expected string) {
	// A pipe that nobody writes to is not waited for.
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err.Error(), "a file that havn can read"
	}
	defer func() { _ = f.Close() }()
	i, err := f.Stat()
	switch {
	case err != nil:
		return err.Error(), ""
	case !i.Mode().IsRegular():
		return file + " is no plain file", "a plain file"
	case i.Size() == 0:
		return file + " is empty", "something in it"
	case secretField.MatchString(path) && i.Mode().Perm()&0o007 != 0:
		return file + " can be read by everybody", "`chmod 600 " + file + "`"
	case filepath.Ext(path) == ".keyFile":
		if err := git.CheckKey(file); err != nil {
			return err.Error(), ""
		}
	case filepath.Ext(path) == ".knownHostsFile":
		if err := git.CheckKnownHosts(file); err != nil {
			return err.Error(), ""
		}
	case secretField.MatchString(path):
		if _, err := secret.File(file).Text(); err != nil {
			return err.Error(), ""
		}
	case filepath.Ext(path) == ".allowedSigners":
		signers, err := trust.ReadSigners(file)
		switch {
		case err != nil:
			return err.Error(), ""
		case len(signers) == 0:
			return file + " has no key in it", "a line such as: ada@example.no namespaces=\"git\" ssh-ed25519 AAAA..."
		}
	}
	return "", ""
}
