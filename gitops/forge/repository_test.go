package forge_test

import (
	"strings"
	"testing"

	"havn.internal/gitops/forge"
)

func TestFind(t *testing.T) {
	for _, c := range []struct {
		address string
		kind    forge.Kind
		api     string
		want    forge.Repository
	}{
		{"https://github.com/acme/site.git", "", "", at(forge.GitHub, "https://api.github.com", "acme/site")},
		{"https://bot:canary@GitHub.com/acme/site/", "", "", at(forge.GitHub, "https://api.github.com", "acme/site")},
		{"git@github.com:acme/site.git", "", "", at(forge.GitHub, "https://api.github.com", "acme/site")},
		{"ssh://git@ssh.github.com:443/acme/site.git", "", "", at(forge.GitHub, "https://api.github.com", "acme/site")},
		{"https://acme.ghe.com/o/site", "", "", at(forge.GitHub, "https://api.acme.ghe.com", "o/site")},
		{"git@github.example.com:acme/site", "", "", at(forge.GitHub, "https://github.example.com/api/v3", "acme/site")},
		{"https://code.example.com/acme/site", forge.GitHub, "", at(forge.GitHub, "https://code.example.com/api/v3", "acme/site")},
		{"https://github.com/acme/site", "", "https://api.github.com/", at(forge.GitHub, "https://api.github.com", "acme/site")},
		{"https://gitlab.com/group/sub/sub.2/site.git", "", "", at(forge.GitLab, "https://gitlab.com/api/v4", "group/sub/sub.2/site")},
		{"ssh://git@altssh.gitlab.com:443/group/site.git", "", "", at(forge.GitLab, "https://gitlab.com/api/v4", "group/site")},
		{"ssh://git@gitlab.example.com:2222/group/site.git", "", "", at(forge.GitLab, "https://gitlab.example.com/api/v4", "group/site")},
		{"https://gitlab.example.com:8443/group/site.git", "", "", at(forge.GitLab, "https://gitlab.example.com:8443/api/v4", "group/site")},
		{"https://example.com/lab/group/site.git", forge.GitLab, "https://example.com/lab", at(forge.GitLab, "https://example.com/lab/api/v4", "group/site")},
		{"git@example.com:group/site.git", forge.GitLab, "https://example.com/lab/api/v4/", at(forge.GitLab, "https://example.com/lab/api/v4", "group/site")},
		{"https://codeberg.org/acme/site", "", "", at(forge.Gitea, "https://codeberg.org/api/v1", "acme/site")},
		{"http://gitea:3000/acme/site.git", "", "", at(forge.Gitea, "http://gitea:3000/api/v1", "acme/site")},
		{"forgejo@forgejo.example.com:acme/site.git", "", "", at(forge.Gitea, "https://forgejo.example.com/api/v1", "acme/site")},
		{"https://example.com/git/acme/site.git", forge.Gitea, "", at(forge.Gitea, "https://example.com/git/api/v1", "acme/site")},
		{"ssh://git@10.0.0.1:2222/acme/site", forge.Gitea, "http://10.0.0.1:3000", at(forge.Gitea, "http://10.0.0.1:3000/api/v1", "acme/site")},
		{"git@[2001:db8::1]:acme/site.git", forge.Gitea, "", at(forge.Gitea, "https://[2001:db8::1]/api/v1", "acme/site")},
		{"http://[::1]:3000/acme/site.git", forge.Gitea, "", at(forge.Gitea, "http://[::1]:3000/api/v1", "acme/site")},
	} {
		got, err := forge.Find(c.address, c.kind, c.api)
		if err != nil || got != c.want {
			t.Errorf("Find(%q, %q, %q) = %+v, %v; want %+v", c.address, c.kind, c.api, got, err, c.want)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	for _, c := range [][3]string{
		{"", "", ""}, {"/srv/git/site.git", "", ""}, {"file:///srv/git/site.git", "gitea", ""}, {"git://github.com/acme/site", "", ""}, {"ext::sh -c canary", "", ""},
		{"https://github.com/site", "", ""}, {"https://github.com/", "", ""}, {"git@gitlab.com:site.git", "", ""}, {"https://git.example.com/acme/site", "", ""},
		{"https://github.com/acme/../site", "", ""}, {"https://github.com/acme//site", "", ""}, {"https://github.com/acme/%2e%2e", "", ""}, {"https://github.com/acme/si te", "", ""},
		{"https://github.com/acme/site?token=canary", "", ""}, {"https://github.com/acme/site#canary", "", ""}, {"https://github.com/acme/site\ncanary", "", ""},
		{"https://github.com/acme/site", "svn", ""}, {"https://github.com/acme/site", "gitea", "git.example.com"}, {"https://github.com/acme/site", "gitea", "https://bot:canary@x"},
		{"https://canary:%zz@github.com/acme/site", "", ""}, {"-oProxyCommand=canary", "", ""},
	} {
		got, err := forge.Find(c[0], forge.Kind(c[1]), c[2])
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Find(%q) = %+v, %v", c, got, err)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("git@github.com:acme/site.git", "", "")
	f.Add("https://gitlab.com:1/a/b/c", "gitlab", "https://x/y")
	f.Fuzz(func(t *testing.T, address, kind, api string) {
		r, err := forge.Find(address, forge.Kind(kind), api)
		if err != nil {
			return
		}
		if strings.Count(r.Path, "/") < 1 || strings.ContainsAny(r.Path, "?#%@ \n\\") || strings.Contains("/"+r.Path+"/", "/../") || strings.ContainsAny(r.API, "?#") && api == "" {
			t.Errorf("Find(%q, %q, %q) = %+v", address, kind, api, r)
		}
	})
}

func at(kind forge.Kind, api, path string) forge.Repository {
	return forge.Repository{Kind: kind, API: api, Path: path}
}
