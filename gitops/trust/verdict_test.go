package trust_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
	"havn.internal/gitops/trust"
)

// mirror fetches main of the repository.
func mirror(t *testing.T, r *origin.Repo) (m *git.Mirror, commit string) {
	t.Helper()
	m = &git.Mirror{State: filepath.Join(t.TempDir(), "state"), Remote: git.Remote{URL: r.URL()}, Limits: git.DefaultLimits(), Log: slog.New(slog.DiscardHandler)}
	if err := m.Open(); err != nil {
		t.Fatal(err)
	}
	commit, err := m.Fetch(t.Context(), "refs/heads/main", r.Git("rev-parse", "refs/heads/main"))
	if err != nil {
		t.Fatal(err)
	}
	return m, commit
}

func file(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func signers(lines ...string) func(*testing.T) git.Keys {
	return func(t *testing.T) git.Keys { return git.Keys{AllowedSigners: file(t, lines...)} }
}

// A signatureCase is one commit, judged by one set of keys.
type signatureCase struct {
	name    string
	commit  func(r *origin.Repo)
	keys    func(*testing.T) git.Keys
	trusted bool
	says    string
}

func (c signatureCase) run(t *testing.T) {
	t.Parallel()
	r := origin.New(t)
	c.commit(r)
	m, commit := mirror(t, r)
	v, err := trust.Policy{Mode: trust.Tip, Keys: c.keys(t)}.Judge(t.Context(), m, commit, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if v.Trusted != c.trusted || !strings.Contains(v.String(), c.says) {
		t.Errorf("trusted %v: %s; want %v: ...%s...", v.Trusted, v, c.trusted, c.says)
	}
}

// object replaces main by what edit makes of the text of its commit.
func object(r *origin.Repo, edit func(string) string) {
	text := r.Git("cat-file", "commit", "HEAD") + "\n"
	r.Git("update-ref", "refs/heads/main", r.Raw("commit", edit(text)))
}

// people are the keys of the cases.
type people struct{ anna, eve origin.Key }

func newPeople(t *testing.T) people { return people{origin.NewKey(t), origin.NewKey(t)} }

// signed commits with Anna's key.
func (p people) signed(args ...string) func(*origin.Repo) {
	return func(r *origin.Repo) { r.CommitSigned(p.anna, map[string]string{"site.cue": "package site\n"}, args...) }
}

// old does so years ago.
func (p people) old(r *origin.Repo) {
	*r = *r.With("GIT_COMMITTER_DATE=2020-06-01T12:00:00Z", "GIT_AUTHOR_DATE=2020-06-01T12:00:00Z")
	p.signed()(r)
}

func (p people) known() func(*testing.T) git.Keys {
	return signers("anna@example.org " + p.anna.Public)
}

func TestSSHKeys(t *testing.T) {
	p := newPeople(t)
	anna, eve, signed, old, known := p.anna, p.eve, p.signed, p.old, p.known()
	for _, c := range []signatureCase{
		{"known", signed(), known, true, "signed by anna@example.org"},
		{"pattern", signed(), signers("*@example.org namespaces=\"git\" " + anna.Public), true, "signed by *@example.org"},
		{"among others", signed(), signers("# people", "", "eve@x "+eve.Public, "anna@x,a@y "+anna.Public), true, "anna@x,a@y"},
		{"unsigned", func(r *origin.Repo) { r.Commit(nil) }, known, false, "is not signed"},
		{"unknown", signed(), signers("eve@example.org " + eve.Public), false, "not in"},
		{"nobody known", signed(), signers("# nobody"), false, "not in"},
		{"expired", signed(), signers(`anna@x valid-before="20200101Z" ` + anna.Public), false, "has expired"},
		{"expired and dated back", old, signers(`anna@x valid-before="20210101Z" ` + anna.Public), false, "has expired"},
		{"not valid yet", signed(), signers(`anna@x valid-after="20990101" ` + anna.Public), false, "valid only after"},
		{"made before the key was valid", old, signers(`anna@x valid-after="20210101Z" ` + anna.Public), false, "was not valid when"},
		{"within its time", signed(), signers(`anna@x valid-after="20200101",valid-before="209901011200Z" ` + anna.Public), true, "signed by anna@x"},
		{"key for other things", signed(), signers(`anna@x namespaces="file,!git" ` + anna.Public), false, "not for git"},
		{"rotated: expired line and new line", signed(), signers(`anna@x valid-before="20200101Z" `+eve.Public, "anna@x "+anna.Public), true, "anna@x"},
		{"revoked", signed(), func(t *testing.T) git.Keys {
			return git.Keys{AllowedSigners: file(t, "anna@x "+anna.Public), Revoked: file(t, anna.Public)}
		}, false, "revoked"},
		{"another one revoked", signed(), func(t *testing.T) git.Keys {
			return git.Keys{AllowedSigners: file(t, "anna@x "+anna.Public), Revoked: file(t, eve.Public)}
		}, true, "anna@x"},
	} {
		t.Run(c.name, c.run)
	}
}

func TestSSHForgeries(t *testing.T) {
	p := newPeople(t)
	anna, signed, known := p.anna, p.signed, p.known()
	for _, c := range []signatureCase{
		{"tampered", func(r *origin.Repo) {
			signed()(r)
			object(r, func(s string) string { return strings.Replace(s, "a signed change", "an evil change", 1) })
		}, known, false, "does not fit"},
		{"signature of another commit", func(r *origin.Repo) {
			signed()(r)
			signature := r.Git("cat-file", "commit", "HEAD")
			signature = signature[strings.Index(signature, "gpgsig"):strings.Index(signature, "\n\n")]
			r.Commit(map[string]string{"evil.cue": "package site\n"})
			object(r, func(s string) string { return strings.Replace(s, "\n\n", "\n"+signature+"\n\n", 1) })
		}, known, false, "does not fit"},
		{"two signatures", func(r *origin.Repo) {
			signed()(r)
			object(r, func(s string) string {
				at, end := strings.Index(s, "gpgsig"), strings.Index(s, "\n\n")
				return s[:end] + "\n" + s[at:end] + s[end:]
			})
		}, known, false, "more than one signature"},
		{"no signature in it", func(r *origin.Repo) {
			signed()(r)
			object(r, func(s string) string {
				return s[:strings.Index(s, "gpgsig")] + "gpgsig -----BEGIN SSH SIGNATURE-----\n Zm9v\n -----END SSH SIGNATURE-----" + s[strings.Index(s, "\n\n"):]
			})
		}, known, false, "does not fit"},
		{"an X.509 signature", func(r *origin.Repo) {
			signed()(r)
			object(r, func(s string) string { return strings.ReplaceAll(s, "SSH SIGNATURE", "SIGNED MESSAGE") })
		}, known, false, "neither with SSH nor with OpenPGP"},
		{"signed tag on an unsigned commit", func(r *origin.Repo) {
			r.Commit(nil)
			r.Git(append(anna.Signing(), "tag", "-s", "-m", "a tag", "v1")...)
		}, known, false, "is not signed"},
		{"signature for files", func(r *origin.Repo) { signFor(t, r, anna, "file") }, known, false, "does not fit"},
		{"only a keyring", signed(), func(t *testing.T) git.Keys {
			p := origin.NewPGP(t)
			p.Key("bob@example.org", "never")
			return git.Keys{Keyring: p.Export()}
		}, false, "no allowed signers file"},
	} {
		t.Run(c.name, c.run)
	}
}

// signFor signs HEAD by hand, with a namespace that is not git's.
func signFor(t *testing.T, r *origin.Repo, k origin.Key, namespace string) {
	r.Commit(nil)
	object(r, func(s string) string {
		return signed(s, k.Sign(t, namespace, s))
	})
}

// signed is the text of a commit with a signature.
func signed(text, signature string) string {
	return strings.Replace(text, "\n\n", "\ngpgsig "+strings.ReplaceAll(strings.TrimSpace(signature), "\n", "\n ")+"\n\n", 1)
}

func TestPGPSignatures(t *testing.T) {
	p := origin.NewPGP(t)
	bob, eve := p.Key("bob@example.org", "never"), p.Key("eve@example.org", "never")
	brief := p.Key("brief@example.org", "20200102T000000", "--faked-system-time", "20200101T000000")
	gone := p.Key("gone@example.org", "never")
	all := p.Export()
	onlyEve := p.Export("eve@example.org")
	keyring := func(name string) func(*testing.T) git.Keys {
		return func(*testing.T) git.Keys { return git.Keys{Keyring: name} }
	}
	by := func(key string) func(*origin.Repo) {
		return func(r *origin.Repo) { r.CommitPGP(p, key, map[string]string{"site.cue": "package site\n"}) }
	}
	revoked := revoke(t, p, gone)
	later := p.Key("later@example.org", "never", "--faked-system-time", "20990101T000000")
	all = p.Export()
	cases := []signatureCase{
		{"newer than this host's clock", func(r *origin.Repo) { r.CommitPGP(p.At("20990101T120000"), later, nil) }, keyring(all), false, "clock"},
		{"signed in the future", func(r *origin.Repo) { r.CommitPGP(p.At("20990101T120000"), bob, nil) }, keyring(all), false, "clock"},
		{"in text mode", func(r *origin.Repo) {
			r.Commit(nil)
			object(r, func(s string) string { return signed(s, p.Sign(s, bob, "--textmode")) })
		}, keyring(all), false, "text mode"},
		{"signed by hand", func(r *origin.Repo) {
			r.Commit(nil)
			object(r, func(s string) string { return signed(s, p.Sign(s, bob)) })
		}, keyring(all), true, "signed by bob@example.org"},
		{"a block of another kind", func(r *origin.Repo) {
			by(bob)(r)
			object(r, func(s string) string { return strings.ReplaceAll(s, "PGP SIGNATURE", "PGP PUBLIC KEY BLOCK") })
		}, keyring(all), false, "neither with SSH nor with OpenPGP"},
		{"a block without end", func(r *origin.Repo) {
			r.Commit(nil)
			object(r, func(s string) string { return signed(s, "-----BEGIN PGP SIGNATURE-----\n\nx\n") })
		}, keyring(all), false, ""},
		{"more behind the first line", func(r *origin.Repo) {
			by(bob)(r)
			object(r, func(s string) string {
				return strings.Replace(s, "BEGIN PGP SIGNATURE-----", "BEGIN PGP SIGNATURE----- x", 1)
			})
		}, keyring(all), false, ""},
		{"known", by(bob), keyring(all), true, "signed by bob@example.org"},
		{"the only known", by(eve), keyring(onlyEve), true, "signed by eve@example.org"},
		{"unknown", by(bob), keyring(onlyEve), false, "not in"},
		{"before it was revoked", by(gone), keyring(all), true, "gone@example.org"},
		{"revoked", by(gone), keyring(revoked), false, "revoked"},
		{"tampered", func(r *origin.Repo) {
			by(bob)(r)
			object(r, func(s string) string { return strings.Replace(s, "a signed change", "an evil change", 1) })
		}, keyring(all), false, "does not fit"},
		{"expired", func(r *origin.Repo) { r.CommitPGP(p.At("20200101T120000"), brief, nil) }, keyring(all), false, "expired"},
		{"only SSH", by(bob), signers("# nobody"), false, "no keyring"},
	}
	for _, c := range cases {
		t.Run(c.name, c.run)
	}
}

// revoke returns a keyring in which the key is revoked.
func revoke(t *testing.T, p *origin.PGP, key string) string {
	t.Helper()
	other := origin.NewPGP(t)
	other.Run("--import", p.Export())
	certificate, err := os.ReadFile(filepath.Join(p.Home(), "openpgp-revocs.d", key+".rev"))
	if err != nil {
		t.Fatal(err)
	}
	other.Run("--import", file(t, strings.Replace(string(certificate), ":-----", "-----", 1)))
	return other.Export()
}

func TestKeysThatCantBeReadAreAnError(t *testing.T) {
	k := origin.NewKey(t)
	r := origin.New(t)
	r.CommitSigned(k, nil)
	m, commit := mirror(t, r)
	for name, keys := range map[string]git.Keys{
		"no file":       {AllowedSigners: "/nonexistent"},
		"a broken line": {AllowedSigners: file(t, "anna@x "+k.Public, "anna@x valid-before=never "+k.Public)},
		"no revocation": {AllowedSigners: file(t, "anna@x "+k.Public), Revoked: "/nonexistent"},
		"a bad path":    {AllowedSigners: file(t, "anna@x "+k.Public), Revoked: "/a b"},
	} {
		v, err := trust.Policy{Mode: trust.Tip, Keys: keys}.Judge(t.Context(), m, commit, time.Now())
		if v.Trusted || err == nil {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	p := origin.NewPGP(t)
	r.CommitPGP(p, p.Key("bob@example.org", "never"), nil)
	m, commit = mirror(t, r)
	if v, err := (trust.Policy{Mode: trust.Tip, Keys: git.Keys{Keyring: file(t, "no keys")}}).Judge(t.Context(), m, commit, time.Now()); v.Trusted || err == nil {
		t.Errorf("a keyring without keys: %+v, %v", v, err)
	}
}
