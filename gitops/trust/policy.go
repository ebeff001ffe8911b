package trust

import (
	"errors"
	"fmt"

	"havn.internal/gitops/git"
)

// A Mode says which commits must be signed.
type Mode string

const (
	// None trusts whoever can write to the repository.
	None Mode = "none"
	// Tip asks for the signature of the commit that is to be rolled out.
	Tip Mode = "tip"
	// Every asks for one on every commit since the accepted revision, merged ones
	// too.
	Every Mode = "every"
)

// A Policy is whom this host takes revisions from.
type Policy struct {
	Mode Mode
	Keys git.Keys
}

// Check says what is wrong with the policy.
func (p Policy) Check() error {
	keys := p.Keys.AllowedSigners != "" || p.Keys.Keyring != ""
	switch p.Mode {
	case None:
		if keys {
			return errors.New("keys are given, but the trust policy is none: say tip or every")
		}
		return nil
	case Tip, Every:
		if !keys {
			return fmt.Errorf("the trust policy %s takes an allowed signers file or a keyring", p.Mode)
		}
		return nil
	}
	return fmt.Errorf("%q is no trust policy: none, tip or every", p.Mode)
}
