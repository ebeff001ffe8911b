package git

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// config is the only configuration git reads beside the mirror's own. It holds no
// secret. fsckObjects makes every fetched object prove its form.
const config = `[core]
	hooksPath = /dev/null
	fsmonitor = false
	attributesFile = /dev/null
	commitGraph = false
	multiPackIndex = false
	bigFileThreshold = 1m
	logAllRefUpdates = false
	useReplaceRefs = false
[fetch]
	fsckObjects = true
	unpackLimit = 1
	recurseSubmodules = false
	writeCommitGraph = false
	prune = false
[transfer]
	fsckObjects = true
	unpackLimit = 1
	bundleURI = false
	credentialsInUrl = die
[submodule]
	recurse = false
[protocol]
	version = 2
[http]
	followRedirects = false
	lowSpeedLimit = 500
	lowSpeedTime = 30
	saveCookies = false
	emptyAuth = false
[credential]
	helper =
[gc]
	auto = 0
[maintenance]
	auto = false
[pack]
	threads = 1
[init]
	templateDir =
	defaultBranch = main
`

// writeConfig lays the configuration for the remote.
func (m *Mirror) writeConfig() error {
	var b strings.Builder
	b.WriteString(config)
	fmt.Fprintf(&b, "[remote \"origin\"]\n\turl = %s\n\ttagOpt = --no-tags\n", quoted(m.Remote.URL))
	u, err := url.Parse(m.Remote.URL)
	web := err == nil && (u.Scheme == "https" || u.Scheme == "http")
	if web && (m.Remote.TokenFile != "" || m.Remote.CredentialFile != "") {
		fmt.Fprintf(&b, "[credential %s]\n\thelper = %s\n", quoted(u.Scheme+"://"+u.Host), quoted(helper))
	}
	if m.Remote.CAFile != "" {
		fmt.Fprintf(&b, "[http]\n\tsslCAInfo = %s\n", quoted(m.Remote.CAFile))
	}
	// The repository may belong to the user of a forge on this host.
	for _, dir := range m.Remote.local() {
		fmt.Fprintf(&b, "[safe]\n\tdirectory = %s\n", quoted(dir))
	}
	if err := os.MkdirAll(m.temporary(), 0o700); err != nil {
		return err
	}
	// A file that is replaced is another one for a call that is being started: what it
	// may read is bound to the file, and not to the name.
	if before, err := os.ReadFile(m.configFile()); err == nil && string(before) == b.String() {
		return nil
	}
	temporary := m.configFile() + ".new"
	if err := os.WriteFile(temporary, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, m.configFile())
}

// temporary is where git and gpg keep what they are about to read.
func (m *Mirror) temporary() string { return filepath.Join(m.State, "tmp") }

func (m *Mirror) configFile() string { return filepath.Join(m.State, "config") }

// quoted is a value of git's configuration; the caller has refused line breaks.
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
