package trust

import (
	"context"
	"fmt"
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
	var judge func(context.Context, *git.Mirror, *Verdict, time.Time) error
	switch {
	case strings.HasPrefix(c.Signatures[0], "-----BEGIN SSH SIGNATURE-----"):
		judge = p.judgeSSH
	case strings.HasPrefix(c.Signatures[0], "-----BEGIN PGP "):
		judge = p.judgePGP
	default:
		v.Why = "is signed neither with SSH nor with OpenPGP; this host can't verify that"
		return v, nil
	}
	if err := judge(ctx, m, &v, now); err != nil {
		return Verdict{}, fmt.Errorf("verify %.12s: %w", commit, err)
	}
	return v, nil
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
	v.Key = s.Key
	var refused string
	for _, signer := range signers {
		if signer.Fingerprint != s.Key {
			continue
		}
		why := signer.refuses(now)
		if why == "" {
			v.Signer, refused = signer.Principals, ""
			break
		}
		v.Signer, refused = signer.Principals, why
	}
	switch {
	case strings.Contains(s.Raw, "revoked"):
		v.Why = fmt.Sprintf("is signed with the key %s, which is revoked on this host", s.Key)
	case s.Code == "B" || s.Key == "":
		v.Why = "has a signature that does not fit it: the commit was changed after it was signed, or the signature is for something else"
	case v.Signer == "":
		v.Why = fmt.Sprintf("is signed with the SSH key %s, which is not in %s", s.Key, p.Keys.AllowedSigners)
	case refused != "":
		v.Why = fmt.Sprintf("is signed by %s with %s, %s", v.Signer, s.Key, refused)
	case !s.Sound || s.Code != "G":
		v.Why = fmt.Sprintf("is signed by %s with %s, whose key was not valid when the commit says it was made", v.Signer, s.Key)
	default:
		v.Trusted = true
		v.Why = fmt.Sprintf("is signed by %s with the SSH key %s", v.Signer, s.Key)
	}
	return nil
}

func (p Policy) judgePGP(ctx context.Context, m *git.Mirror, v *Verdict, _ time.Time) error {
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
	case s.Code == "G" && s.Sound && s.Key != "":
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
