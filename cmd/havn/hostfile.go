package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"havn.internal/spec"
)

// usualHostFile is read where no other is named, if it is there.
const usualHostFile = "/etc/havn/host.cue"

// hostFields are the flags that a host file's fields stand for, by the field's
// dotted path.
var hostFields = map[string]string{
	"name": "name", "labels": "label", "site": "site", "state": "state", "http": "http", "https": "https", "docker": "docker", "subnet": "subnet",
	"gateway": "gateway", "nginxBinary": "nginx-binary", "nginxImage": "nginx-image", "accessLog": "access-log",
	"allowBind": "allow-bind", "allowCapabilities": "allow-capability", "allowPublish": "allow-publish", "adoptVolumes": "adopt-volume",
	"log": "log", "debug": "debug",
	"source.dir": "spec", "source.git.url": "git", "source.git.branch": "branch", "source.git.tag": "tag",
	"source.git.semver": "semver", "source.git.commit": "commit", "source.git.path": "path", "source.git.interval": "interval",
	"source.git.tokenFile": "token-file", "source.git.credentialFile": "credential-file", "source.git.user": "git-user",
	"source.git.caFile": "ca-file", "source.git.proxy": "git-proxy", "source.git.keyFile": "key-file",
	"source.git.knownHostsFile": "known-hosts-file", "source.git.trust.policy": "trust",
	"source.git.trust.allowedSigners": "allowed-signers", "source.git.trust.revokedKeys": "revoked-keys", "source.git.trust.keyring": "keyring",
	"hook.kind": "hook-kind", "hook.secretFile": "hook-secret-file", "hook.listen": "hook-listen", "hook.path": "hook-path", "hook.host": "hook-host",
	"forge.kind": "forge-kind", "forge.api": "forge-api", "forge.tokenFile": "forge-token-file", "forge.context": "forge-context",
	"forge.repository": "forge-repository", "notify": "notify", "egress.caFile": "egress-ca-file", "egress.proxy": "egress-proxy",
}

// A hostFile is the host file that a command goes by.
type hostFile struct {
	spec.HostFile
	// fields are the flags that were taken from it, and their fields.
	fields map[string]string
}

// readHostFile reads the machine's host file, and fills in the flags that were not
// given. Without one it does nothing.
func (m *machine) readHostFile() error {
	name := cmp.Or(m.hostFile, usualHostFile)
	if _, err := os.Stat(name); m.hostFile == "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	h, err := spec.LoadHost(context.Background(), name)
	if err != nil {
		return err
	}
	m.file = hostFile{h, map[string]string{}}
	var values map[string]any
	if err := json.Unmarshal(h.Config, &values); err != nil {
		return err
	}
	if m.hostFile == "" && m.ofAnother(values) {
		m.file = hostFile{}
		return nil
	}
	if m.calendar, err = m.file.calendar(); err != nil {
		return err
	}
	if err := m.readPolicy(); err != nil {
		return err
	}
	return m.file.fill(m.set, values)
}

// ofAnother: the host file is of another havn on this machine than the one whose state
// directory was given.
func (m *machine) ofAnother(values map[string]any) bool {
	state, said := values["state"].(string)
	if !said {
		state = m.set.Lookup("state").DefValue
	}
	given, err := filepath.Abs(m.state)
	return m.set.Changed("state") && (err != nil || given != filepath.Clean(state))
}

// fill sets the flags that were not given.
func (h hostFile) fill(set *pflag.FlagSet, values map[string]any) error {
	var problems spec.Problems
	directory, remote := set.Changed("spec"), set.Changed("git")
	for path, value := range flat("", values) {
		name, known := hostFields[path]
		if !known || set.Lookup(name) == nil || set.Changed(name) || replaced(path, directory, remote) {
			continue
		}
		h.fields[name] = path
		for _, text := range texts(value) {
			if err := set.Set(name, text); err != nil {
				problems = append(problems, h.wrong(path, text, err))
			}
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// replaced: what the file says at a path goes with a source that another one, which is
// given, takes the place of. Another remote leaves whose commits count: that is the
// host's. To a directory signatures, webhooks and forges mean nothing.
func replaced(path string, directory, remote bool) bool {
	field, _, _ := strings.Cut(path, ".")
	switch {
	case directory:
		return field == "source" || field == "hook" || field == "forge"
	case remote:
		return field == "source" && !strings.HasPrefix(path, "source.git.trust.")
	}
	return false
}

// wrong says why a flag does not take a value. What is one of several is named, and
// not quoted: it may be long.
func (h hostFile) wrong(path, text string, err error) spec.Problem {
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	if name, value, _ := strings.Cut(text, "="); strings.HasPrefix(value, "{") {
		return h.At(path+"."+name, err.Error(), "")
	}
	return h.At(path, fmt.Sprintf("%q: %v", text, err), "")
}

// flat are the values by their dotted paths. A map that is one flag stays whole.
func flat(prefix string, values map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range values {
		inner, isMap := value.(map[string]any)
		if _, whole := hostFields[prefix+name]; !isMap || whole {
			out[prefix+name] = value
			continue
		}
		for path, v := range flat(prefix+name+".", inner) {
			out[path] = v
		}
	}
	return out
}

// texts is a value as it would be written on the command line.
func texts(value any) []string {
	var out []string
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			out = append(out, fmt.Sprint(v))
		}
	case map[string]any:
		for k, v := range value {
			text := fmt.Sprint(v)
			if _, nested := v.(map[string]any); nested {
				form, _ := json.Marshal(v) // what came from JSON
				text = string(form)
			}
			out = append(out, k+"="+text)
		}
		slices.Sort(out)
	default:
		out = append(out, fmt.Sprint(value))
	}
	return out
}

var namesFlag = regexp.MustCompile(`--([a-z-]+)`)

// blame says of an error about the flags where in the host file it comes from.
func (h hostFile) blame(err error) error {
	if err == nil || h.Name == "" {
		return err
	}
	var problems spec.Problems
	if errors.As(err, &problems) {
		return err
	}
	for _, m := range namesFlag.FindAllStringSubmatch(err.Error(), -1) {
		if path, ours := h.fields[m[1]]; ours {
			return spec.Problems{h.At(path, strings.TrimPrefix(err.Error(), "--"+m[1]+": "), "")}
		}
	}
	return err
}
