package trust_test

import (
	"os/exec"
	"strings"
	"testing"

	"havn.internal/gitops/origin"
	"havn.internal/gitops/trust"
)

func TestParseSigners(t *testing.T) {
	k := origin.NewKey(t)
	kind, key, _ := strings.Cut(k.Public, " ")
	for text, says := range map[string]string{
		"anna@x":                            "a line is",
		"anna@x " + kind:                    "a line is",
		k.Public + " anna@x":                "begins with a key",
		"anna@x ssh-rsa " + key:             "not one of the type",
		"anna@x " + kind + " !!!":           "not base64",
		"anna@x cert-authority " + k.Public: "not supported",
		`anna@x namespaces="git",cert-authority ` + k.Public:  "not supported",
		`anna@x valid-before="soon" ` + k.Public:              "is no time",
		`anna@x valid-before=20300101 ` + k.Public:            "not supported",
		`anna@x namespaces="git ` + k.Public:                  "not closed",
		`anna@x namespaces="git"x ` + k.Public:                "can't be read",
		"# fine\nanna@x " + k.Public + "\nbob " + kind + " A": "line 3",
		"anna@x " + k.Public[:len(k.Public)-12]:               "not one of the type",
	} {
		if got, err := trust.ParseSigners(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v; want an error with %q", text, got, err, says)
		}
	}
	got, err := trust.ParseSigners("\n# c\n\"anna@x\"  NAMESPACES=\"git,f*\",valid-after=\"20240102030405Z\"\t" + k.Public + " a comment\n")
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	out, err := exec.Command("ssh-keygen", "-l", "-f", k.File).Output()
	if err != nil {
		t.Fatal(err)
	}
	if s := got[0]; s.Principals != "anna@x" || !strings.Contains(string(out), s.Fingerprint+" ") || s.Namespaces != "git,f*" ||
		s.After.Format("2006-01-02 15:04:05") != "2024-01-02 03:04:05" || !s.Before.IsZero() {
		t.Errorf("%+v; ssh-keygen says %s", s, out)
	}
}

// Whatever the text: an error, or signers whose keys have fingerprints.
func FuzzParseSigners(f *testing.F) {
	f.Add("anna@x ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtEnmBQMr8SCI1DzBDgYeXkNtHzoZo3Q7zM9nTgd7f1")
	f.Add(`a,b valid-before="20300101Z",namespaces="git" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtEnmBQMr8SCI1DzBDgYeXkNtHzoZo3Q7zM9nTgd7f1 x`)
	f.Add("# c\n\n\"a b\" cert-authority ssh-rsa AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		signers, err := trust.ParseSigners(text)
		if err != nil {
			return
		}
		for _, s := range signers {
			if !strings.HasPrefix(s.Fingerprint, "SHA256:") || len(s.Fingerprint) != 50 {
				t.Errorf("fingerprint %q of %q", s.Fingerprint, text)
			}
		}
	})
}

func TestPolicyCheck(t *testing.T) {
	for _, p := range []trust.Policy{{}, {Mode: "all"}, {Mode: trust.Tip}, {Mode: trust.Every}} {
		if p.Check() == nil {
			t.Errorf("%+v is let through", p)
		}
	}
	p := trust.Policy{Mode: trust.None}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	p.Keys.Keyring = "/k"
	if p.Check() == nil {
		t.Error("keys without a policy that asks for them are let through")
	}
}
