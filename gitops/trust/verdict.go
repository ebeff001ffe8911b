package trust

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"havn.internal/gitops/git"
)

// A Verdict is what this host makes of a commit's signature.
type Verdict struct {
	Commit  string
	Trusted bool
	// Signer is whom the key belongs to by this host's files, Key its fingerprint.
	Signer, Key string
	// Why is the reason in words; the commit is its subject.
	Why string
}

// moment is how times are told.
const moment = "2006-01-02 15:04 UTC"

func (v Verdict) String() string { return fmt.Sprintf("commit %.12s %s", v.Commit, v.Why) }

// Judge says whether the commit is signed by somebody the policy knows. The error
// means that it could not be found out.
func (p Policy) Judge(ctx context.Context, m *git.Mirror, commit string, now time.Time) (Verdict, error) {
	c, err := m.Read(ctx, commit)
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Commit: commit}
	switch {
	case len(c.Signatures) == 0:
		v.Why = "is not signed"
		return v, nil
	case len(c.Signatures) > 1:
		v.Why = "has more than one signature, and it can't be said which one counts"
		return v, nil
	}
	switch {
	case strings.HasPrefix(c.Signatures[0], "-----BEGIN SSH SIGNATURE-----"):
		v.Key = signatureKey(c.Signatures[0])
		err = p.judgeSSH(ctx, m, &v, now)
	case isPGP(c.Signatures[0]):
		err = p.judgePGP(ctx, m, &v, now)
	default:
		v.Why = "is signed neither with SSH nor with OpenPGP; this host can't verify that"
	}
	if err != nil {
		return Verdict{}, fmt.Errorf("verify %.12s: %w", commit, err)
	}
	return v, nil
}

// isPGP: git takes these two for a signature of OpenPGP, and ends at any other such block
// (gpg-interface.c).
func isPGP(signature string) bool {
	return strings.HasPrefix(signature, "-----BEGIN PGP SIGNATURE-----") || strings.HasPrefix(signature, "-----BEGIN PGP MESSAGE-----")
}

func (p Policy) judgeSSH(ctx context.Context, m *git.Mirror, v *Verdict, now time.Time) error {
	if p.Keys.AllowedSigners == "" {
		v.Why = "is signed with SSH, and this host has no allowed signers file"
		return nil
	}
	signers, err := ReadSigners(p.Keys.AllowedSigners)
	if err != nil {
		return err
	}
	s, err := m.Verify(ctx, v.Commit, p.Keys)
	if err != nil {
		return err
	}
	refused := v.look(signers, now)
	switch {
	case v.Key != "" && revokes(p.Keys.Revoked, v.Key):
		v.Why = fmt.Sprintf("is signed with the key %s, which is revoked on this host", v.Key)
	case v.Key != "" && v.Signer == "":
		v.Why = fmt.Sprintf("is signed with the SSH key %s, which is not in %s", v.Key, p.Keys.AllowedSigners)
	case refused != "":
		v.Why = fmt.Sprintf("is signed by %s with %s, %s", v.Signer, v.Key, refused)
	case s.Sound && s.Code == "G" && s.Key == v.Key && v.Signer != "":
		v.Trusted = true
		v.Why = fmt.Sprintf("is signed by %s with the SSH key %s", v.Signer, v.Key)
	case s.Code == "U":
		v.Why = fmt.Sprintf("is signed by %s with %s, whose key was not valid when the commit says it was made", v.Signer, v.Key)
	default:
		v.Why = "has a signature that does not fit it: the commit was changed after it was signed, or the signature is for something else, or its key is revoked"
	}
	return nil
}

// look finds who has the key, and why that does not count, if it does not.
func (v *Verdict) look(signers []Signer, now time.Time) (refused string) {
	for _, signer := range signers {
		if signer.Fingerprint != v.Key {
			continue
		}
		v.Signer, refused = signer.Principals, signer.refuses(now)
		if refused == "" {
			return ""
		}
	}
	return refused
}

// revokes: the file is a list of public keys with this one in it. It may also be a
// binary list, which ssh-keygen knows to read; then the verdict is its own.
func revokes(file, key string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if got, err := fingerprint(f[0], f[1]); err == nil && got == key {
			return true
		}
	}
	return false
}

// skew is how far two clocks may differ.
const skew = 10 * time.Minute

func (p Policy) judgePGP(ctx context.Context, m *git.Mirror, v *Verdict, now time.Time) error {
	if p.Keys.Keyring == "" {
		v.Why = "is signed with OpenPGP, and this host has no keyring"
		return nil
	}
	s, err := m.Verify(ctx, v.Commit, p.Keys)
	if err != nil {
		return err
	}
	v.Signer, v.Key = s.Signer, s.Key
	switch {
	case s.Code != "B" && s.Time.After(now.Add(skew)):
		// gpg ignores a key that is not made yet, and takes a signature that is not.
		v.Why = fmt.Sprintf("is signed with OpenPGP at %s, and this host's clock says %s; correct the clock that is wrong",
			s.Time.Format(moment), now.UTC().Format(moment))
	case s.Sound && s.Class != "00":
		v.Why = fmt.Sprintf("is signed by %s in OpenPGP's text mode, which leaves line ends open; sign it with git", s.Signer)
	// gpg, which is told to trust every key of the keyring, has no opinion on any one of
	// them; newer gits call that U.
	case (s.Code == "G" || s.Code == "U") && s.Sound && s.Key != "":
		v.Trusted = true
		v.Why = fmt.Sprintf("is signed by %s with the OpenPGP key %s", s.Signer, s.Key)
	case s.Code == "B":
		v.Why = "has a signature that does not fit it: the commit was changed after it was signed"
	case s.Code == "X":
		v.Why = fmt.Sprintf("is signed by %s, but the signature has expired", s.Signer)
	case s.Code == "Y":
		v.Why = fmt.Sprintf("is signed by %s with %s, a key that has expired", s.Signer, s.Key)
	case s.Code == "R":
		v.Why = fmt.Sprintf("is signed by %s with %s, a key that is revoked", s.Signer, s.Key)
	default:
		v.Why = fmt.Sprintf("is signed with an OpenPGP key that is not in %s", p.Keys.Keyring)
	}
	return nil
}
