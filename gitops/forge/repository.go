package forge

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// A Kind is whose API a forge speaks.
type Kind string

const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	// Gitea is also Forgejo.
	Gitea Kind = "gitea"
)

// A Repository is where a repository is, as the API of its forge names it.
type Repository struct {
	Kind Kind
	// API is the base of the API, without a slash at the end.
	API string
	// Path is the owner and the name, or the groups and the name at GitLab.
	Path string
}

// scp is the short form of an ssh address: user@host:path.
var scp = regexp.MustCompile(`^(?:[^@/\s]+@)?(\[[0-9a-fA-F:.]+\]|[^:/@\s\[\]]+):([^:]+)$`)

// segment is a part of a path at a forge. It needs no escaping.
var segment = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// A remote is the address of a repository for git.
type remote struct {
	scheme, host, port string
	segments           []string
}

// Find says where the API of a repository is, given the address that git uses.
// Kind and api are what the address does not show; empty, they are derived from it.
func Find(address string, kind Kind, api string) (Repository, error) {
	r, err := parse(address)
	if err != nil {
		return Repository{}, err
	}
	if kind == "" {
		if kind = kindOf(r.host); kind == "" {
			return Repository{}, fmt.Errorf("forge: %s: which kind of forge is it? Say github, gitlab or gitea", r.host)
		}
	}
	base, err := r.base(api)
	if err != nil {
		return Repository{}, err
	}
	switch kind {
	case GitLab:
		// GitLab has groups within groups, so what comes before the project is its path,
		// but for a path that GitLab as a whole is served under.
		segments := r.segments
		if api != "" {
			segments = below(segments, base)
		}
		if len(segments) < 2 {
			break
		}
		return Repository{Kind: kind, API: base + "/api/v4", Path: strings.Join(segments, "/")}, nil
	case GitHub, Gitea:
		n := len(r.segments)
		if n < 2 {
			break
		}
		if api == "" {
			base = strings.Join(append([]string{base}, r.segments[:n-2]...), "/")
		}
		path := map[Kind]string{GitHub: "/api/v3", Gitea: "/api/v1"}[kind]
		if host, cloud := cloudAPI(base); kind == GitHub && cloud {
			base, path = host, ""
		}
		return Repository{Kind: kind, API: base + path, Path: strings.Join(r.segments[n-2:], "/")}, nil
	default:
		return Repository{}, fmt.Errorf("forge: %q: not a kind of forge; say github, gitlab or gitea", kind)
	}
	return Repository{}, errors.New("forge: the address has no owner and name of a repository")
}

// cloudAPI is where GitHub itself, unlike a server of one's own, has its API.
func cloudAPI(base string) (string, bool) {
	host := strings.TrimPrefix(strings.TrimPrefix(base, "https://"), "api.")
	return "https://api." + host, host == "github.com" || strings.HasSuffix(host, ".ghe.com")
}

// parse reads an address. Errors don't quote it: it may hold a password.
func parse(address string) (remote, error) {
	var r remote
	path := ""
	if m := scp.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		r.scheme, r.host, path = "ssh", strings.Trim(m[1], "[]"), m[2]
	} else {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
			return remote{}, errors.New("forge: the address is none of a repository at a forge")
		}
		r.scheme, r.host, r.port, path = u.Scheme, u.Hostname(), u.Port(), u.Path
	}
	r.host = strings.ToLower(r.host)
	switch r.scheme {
	case "http", "https":
	case "ssh", "git+ssh", "ssh+git":
		// The port is that of sshd, which says nothing about the API.
		r.scheme, r.port = "https", ""
	default:
		return remote{}, fmt.Errorf("forge: no forge is behind %s addresses", r.scheme)
	}
	switch r.host {
	case "ssh.github.com":
		r.host = "github.com"
	case "altssh.gitlab.com":
		r.host = "gitlab.com"
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	for part := range strings.SplitSeq(path, "/") {
		if !segment.MatchString(part) || part == "." || part == ".." {
			return remote{}, errors.New("forge: the address is none of a repository at a forge")
		}
		r.segments = append(r.segments, part)
	}
	return r, nil
}

// base is where the forge is: as given, or on the host that git talks to.
func (r remote) base(given string) (string, error) {
	if given == "" {
		host := r.host
		if r.port != "" {
			host = net.JoinHostPort(r.host, r.port)
		} else if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return r.scheme + "://" + host, nil
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("forge: the address of the forge is a URL such as https://git.example.com")
	}
	base := strings.TrimRight(given, "/")
	for _, api := range []string{"/api/v3", "/api/v4", "/api/v1"} {
		base = strings.TrimSuffix(base, api)
	}
	return base, nil
}

// below takes away the path that the forge is served under.
func below(segments []string, base string) []string {
	u, err := url.Parse(base)
	if err != nil {
		return segments
	}
	prefix := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(prefix) >= len(segments) {
		return segments
	}
	for i, p := range prefix {
		if segments[i] != p {
			return segments
		}
	}
	return segments[len(prefix):]
}

// kindOf knows the public forges, and hosts that are named after what they run.
func kindOf(host string) Kind {
	switch {
	case host == "codeberg.org":
		return Gitea
	case strings.HasSuffix(host, ".ghe.com"):
		return GitHub
	}
	for label := range strings.SplitSeq(host, ".") {
		switch label {
		case "github":
			return GitHub
		case "gitlab":
			return GitLab
		case "gitea", "forgejo":
			return Gitea
		}
	}
	return ""
}
