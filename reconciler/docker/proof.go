package docker

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
)

// Labels are what anybody may write: an image brings its own along, and so does a compose
// file. So havn's own containers carry a proof that only this machine's havn can make: an
// HMAC-SHA256 over all of havn's labels. Its key lies in the state directory, and as a
// label on the site's network, which only who may use Docker can read; so a lost state
// directory costs nothing.
const (
	labelProof = "havn.proof"
	labelKey   = "havn.key"
)

// ownerFile holds the key, in the state directory.
const ownerFile = "owner.json"

// An owner is by what the site's containers are told apart from those of others.
type owner struct {
	// Key is in hex; empty as long as none is known.
	Key string `json:"key"`
	// Adopted are the IDs of the containers without a proof by this key that were the
	// site's when the key was made: of a havn before it, or of a lost state directory.
	Adopted []string `json:"adopted,omitempty"`
	// subnet is the site's network's, as long as no key is known.
	subnet netip.Prefix
}

func (e *Engine) ownerPath() string { return filepath.Join(e.State, ownerFile) }

// proven are the labels that a proof covers. The list never changes, and labels beyond it
// are not looked at: an image may have brought them.
var proven = []string{labelSite, labelName, labelRole, labelService, labelFingerprint, labelRevision, labelSlot, labelAddr, labelRelease}

// proof is that of a container's labels.
func (o owner) proof(labels map[string]string) string {
	covered := map[string]string{}
	for _, name := range proven {
		if value, there := labels[name]; there {
			covered[name] = value
		}
	}
	text, err := json.Marshal(covered) // its keys are sorted
	if err != nil {
		panic("docker: labels: " + err.Error()) // only strings
	}
	mac := hmac.New(sha256.New, []byte(o.Key))
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

// prove adds the proof to the labels of a container to be made.
func (e *Engine) prove(labels map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.owner != nil {
		labels[labelProof] = e.owner.proof(labels)
	}
}

// owns: the labels carry a proof by this key.
func (o owner) owns(labels map[string]string) bool {
	return o.Key != "" && hmac.Equal([]byte(labels[labelProof]), []byte(o.proof(labels)))
}

// whose is what is known now of the owner. It writes nothing.
func (e *Engine) whose(ctx context.Context) (owner, error) {
	e.mu.Lock()
	known := e.owner
	e.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	o, err := e.readOwner()
	if err == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.owner = &o
		return o, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return owner{}, err
	}
	return e.networkOwner(ctx)
}

func (e *Engine) readOwner() (owner, error) {
	text, err := os.ReadFile(e.ownerPath())
	if err != nil {
		return owner{}, fmt.Errorf("the key to the site's containers: %w", err)
	}
	var o owner
	if err := json.Unmarshal(text, &o); err != nil || len(o.Key) < 2*sha256.Size {
		return owner{}, fmt.Errorf("the key to the site's containers: %s is damaged; remove it, and havn makes it anew from the site's network", e.ownerPath())
	}
	return o, nil
}

// networkOwner is what the site's network says; nothing if there is none.
func (e *Engine) networkOwner(ctx context.Context) (owner, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	n, err := e.cli.NetworkInspect(ctx, e.Site, network.InspectOptions{})
	switch {
	case cerrdefs.IsNotFound(err):
		return owner{}, nil
	case err != nil:
		return owner{}, fmt.Errorf("docker: network %s: %w", e.Site, err)
	case n.Labels[labelSite] != e.Site || n.Labels[labelName] != e.Site:
		return owner{}, nil
	}
	o := owner{Key: n.Labels[labelKey]}
	if len(n.IPAM.Config) == 1 {
		o.subnet, _ = netip.ParsePrefix(n.IPAM.Config[0].Subnet)
	}
	return o, nil
}

// Claim makes sure of the key by which the site's containers are known from now on: the
// one of the state directory, or that of the site's network, or a new one. With a new
// one, the containers that are the site's by all that their labels say are adopted:
// those of a havn before it, which proved nothing.
func (e *Engine) Claim(ctx context.Context) error {
	e.claiming.Lock()
	defer e.claiming.Unlock()
	e.mu.Lock()
	done := e.owner != nil
	e.mu.Unlock()
	if done {
		return nil
	}
	o, err := e.whose(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(e.ownerPath()); err == nil {
		return nil // whose has read it
	}
	if o.Key == "" {
		if o, err = e.newOwner(ctx, o); err != nil {
			return err
		}
	}
	if err := e.writeOwner(o); err != nil {
		return fmt.Errorf("the key to the site's containers: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.owner = &o
	return nil
}

func (e *Engine) newOwner(ctx context.Context, before owner) (owner, error) {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails
	o := owner{Key: hex.EncodeToString(key)}
	list, err := e.list(ctx)
	if err != nil {
		return o, err
	}
	for _, c := range list {
		stranger, err := e.stranger(ctx, candidateOf(c), before)
		if err != nil {
			return o, err
		}
		if stranger == "" {
			o.Adopted = append(o.Adopted, c.ID)
		}
	}
	slices.Sort(o.Adopted)
	return o, nil
}

// writeOwner keeps the owner for who may read the state directory as root alone.
func (e *Engine) writeOwner(o owner) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(e.State, 0o711); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(e.State, ".owner-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(append(text, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), e.ownerPath()); err != nil {
		return err
	}
	return syncDir(e.State)
}
