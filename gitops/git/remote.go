package git

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Remote is a repository somewhere else, and how to reach it.
type Remote struct {
	// URL is https://, ssh://, user@host:path or file://; without a password.
	URL string
	// Plain allows http:// and git://, that anybody on the way can change.
	Plain bool

	// For https: a file with a token, or one in the format of git-credential-store;
	// both are read for each fetch. User goes with the token.
	TokenFile, CredentialFile, User string
	// CAFile holds the certificates to trust in place of the system's.
	CAFile string
	// Proxy is an http, https or socks5 proxy; a password in it stays secret.
	Proxy string

	// For ssh: the deploy key, and the only host keys to trust.
	KeyFile, KnownHostsFile string
}

// scp is the short form of an ssh URL.
var scp = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*@([A-Za-z0-9][A-Za-z0-9.-]*):([^-].*)$`)

// hostName allows nothing that ssh or a shell could read otherwise.
var hostName = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$`)

// Protocol is how the remote is reached: https, ssh, file, http or git.
func (r Remote) Protocol() string {
	scheme, _, ok := strings.Cut(r.URL, "://")
	if !ok {
		return "ssh"
	}
	return strings.ToLower(scheme)
}

// Check says what is wrong with the remote, before anything is run with it.
func (r Remote) Check() error {
	if err := r.checkURL(); err != nil {
		return err
	}
	protocol := r.Protocol()
	web, ssh := protocol == "https" || protocol == "http", protocol == "ssh"
	switch {
	case ssh && r.KeyFile == "":
		return errors.New("git over ssh takes a deploy key: name its file")
	case ssh && r.KnownHostsFile == "":
		return errors.New("git over ssh takes the host's keys: name a known_hosts file (ssh-keyscan writes one; compare it with what the forge publishes)")
	case !ssh && (r.KeyFile != "" || r.KnownHostsFile != ""):
		return errors.New("a deploy key and known hosts are for ssh URLs")
	case !web && (r.TokenFile != "" || r.CredentialFile != "" || r.CAFile != "" || r.Proxy != ""):
		return errors.New("token, credentials, CA and proxy are for https URLs")
	case r.TokenFile != "" && r.CredentialFile != "":
		return errors.New("a token file or a credential file, not both")
	case protocol == "http" && (r.TokenFile != "" || r.CredentialFile != ""):
		return errors.New("credentials are not sent over plain http")
	}
	for _, file := range []string{r.KeyFile, r.KnownHostsFile, r.CAFile, r.TokenFile, r.CredentialFile} {
		if file != "" && !plainPath(file) {
			return fmt.Errorf("%q: an absolute path without spaces, quotes, %% or other signs that ssh or a shell would read", file)
		}
	}
	return r.checkProxy()
}

func (r Remote) checkURL() error {
	if slices.ContainsFunc([]rune(r.URL), func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' }) {
		return errors.New("the git URL holds spaces, control characters or backslashes")
	}
	if !strings.Contains(r.URL, "://") {
		if !scp.MatchString(r.URL) || strings.Contains(r.URL, "::") {
			return errors.New("a git URL is https://, ssh://, user@host:path or file:///path")
		}
		return nil
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return errors.New("the git URL can't be read") // its text may hold a password
	}
	if _, ok := u.User.Password(); ok {
		return errors.New("the git URL holds a password; put it into a credential file")
	}
	switch u.Scheme {
	case "http", "git":
		if !r.Plain {
			return fmt.Errorf("%s:// can be changed by anybody on the way; use https or ssh, or allow plain transports", u.Scheme)
		}
	case "file":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return errors.New("a file URL is file:///absolute/path")
		}
		return nil
	case "https", "ssh":
	default:
		return errors.New("a git URL is https://, ssh://, user@host:path or file:///path")
	}
	if !hostName.MatchString(u.Host) || strings.HasPrefix(u.User.Username(), "-") || strings.HasPrefix(u.Path, "/-") {
		return errors.New("the git URL has no proper host, user or path")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return errors.New("a git URL has no query and no fragment")
	}
	return nil
}

func (r Remote) checkProxy() error {
	if r.Proxy == "" {
		return nil
	}
	u, err := url.Parse(r.Proxy)
	if err != nil || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) || !hostName.MatchString(u.Host) {
		return errors.New("a proxy is http://, https:// or socks5://, a host and a port")
	}
	return nil
}

// local are the directories where git looks for a repository of this host; nil if
// the remote is elsewhere.
func (r Remote) local() []string {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "file" {
		return nil
	}
	path := filepath.Clean(u.Path)
	return []string{path, path + ".git", filepath.Join(path, ".git")}
}

// plainPath: absolute, and nothing in it that a shell, ssh or git's configuration
// would read as more than a path.
func plainPath(path string) bool {
	return filepath.IsAbs(path) && !strings.ContainsFunc(path, func(c rune) bool {
		return c <= ' ' || c == 0x7f || strings.ContainsRune(`"'\%$~*?;&|<>()[]{}#!`+"`", c)
	})
}

// environment is what git needs to reach the remote, secrets in a proxy's address
// among it: unlike a command line, only the same user can read it.
func (r Remote) environment() []string {
	env := []string{"GIT_ALLOW_PROTOCOL=" + r.Protocol()}
	switch r.Protocol() {
	case "ssh":
		env = append(env, "GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND="+r.sshCommand())
	case "http", "https":
		if r.Proxy != "" {
			env = append(env, "http_proxy="+r.Proxy, "https_proxy="+r.Proxy, "no_proxy=")
		}
	}
	return env
}

// sshCommand is an ssh that knows only what it is told here.
func (r Remote) sshCommand() string {
	options := []string{
		"IdentitiesOnly=yes", "IdentityAgent=none", "CertificateFile=none",
		"UserKnownHostsFile=" + r.KnownHostsFile, "GlobalKnownHostsFile=/dev/null",
		"StrictHostKeyChecking=yes", "UpdateHostKeys=no", "VerifyHostKeyDNS=no",
		"BatchMode=yes", "PreferredAuthentications=publickey",
		"ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no", "PermitLocalCommand=no", "ProxyCommand=none",
		"ControlMaster=no", "ControlPath=none", "RequestTTY=no",
		"ConnectTimeout=15", "ServerAliveInterval=10", "ServerAliveCountMax=3",
	}
	return "ssh -F /dev/null -i " + r.KeyFile + " -o " + strings.Join(options, " -o ")
}
