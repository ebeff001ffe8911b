package docker

import (
	"context"
	"fmt"
	"slices"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/plan"
)

// A candidate is a container of which it is asked whether it is the site's.
type candidate struct {
	id, name, image string
	labels          map[string]string
}

func candidateOf(c container.Summary) candidate {
	return candidate{c.ID, containerName(c), c.ImageID, c.Labels}
}

func candidateAt(i container.InspectResponse) candidate {
	name := i.Name
	if len(name) > 0 && name[0] == '/' {
		name = name[1:]
	}
	return candidate{i.ID, name, i.Image, i.Config.Labels}
}

// stranger says why a container is not one of the site's that havn made, "" if it is one:
// a replica, or the gateway.
//
// By its labels it has to be the site's under its very name, and no image may have
// brought that name. What then counts is the proof. A container without one by the key
// is the site's if it was adopted with the key; or, as long as there is no key, if all
// that it says of itself fits together.
func (e *Engine) stranger(ctx context.Context, c candidate, o owner) (string, error) {
	role := c.labels[labelRole]
	switch {
	case c.labels[labelSite] != e.Site:
		return "it is not of this site", nil
	case c.labels[labelName] != c.name:
		return fmt.Sprintf("its labels are those of %.80q", c.labels[labelName]), nil
	case role != roleReplica && (role != roleGateway || c.name != e.gatewayName()):
		return "its labels name no role", nil
	}
	named, err := "", error(nil)
	if c.image != "" {
		named, err = e.namedBy(ctx, c.image)
	}
	switch {
	case err != nil:
		return "", err
	case named == c.name:
		return "its image brings these labels along", nil
	case o.owns(c.labels) || slices.Contains(o.Adopted, c.id):
		return "", nil
	case o.Key != "":
		return "it lacks the proof that havn gives its own", nil
	case role == roleGateway:
		return "", nil
	}
	return e.contradiction(c, o), nil
}

// isReplica: the container is a replica of the site's, as far as can be told.
func (e *Engine) isReplica(ctx context.Context, c candidate) bool {
	o, err := e.whose(ctx)
	if err != nil {
		return false
	}
	stranger, err := e.stranger(ctx, c, o)
	return err == nil && stranger == "" && c.labels[labelRole] == roleReplica
}

// contradiction is what does not fit together in the labels of a replica.
func (e *Engine) contradiction(c candidate, o owner) string {
	r, whole := identity(c.labels)
	switch {
	case !whole:
		return "" // of another havn; it is no replica, and its files are kept
	case c.name != plan.ContainerName(r.Service, r.Fingerprint, r.Slot):
		return "its name does not follow from its labels"
	case r.Release.Service.Name != r.Service || r.Release.Fingerprint(e.Site) != r.Fingerprint:
		return "its release is not that of its fingerprint"
	case o.subnet.IsValid() && !o.subnet.Contains(r.Addr):
		return fmt.Sprintf("its address %s is not on the site's network", r.Addr)
	}
	return ""
}

// namedBy is the container's name that an image's labels have; images do not change.
func (e *Engine) namedBy(ctx context.Context, image string) (string, error) {
	e.mu.Lock()
	name, known := e.named[image]
	e.mu.Unlock()
	if known {
		return name, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookDeadline)
	defer cancel()
	i, err := e.cli.ImageInspect(ctx, image)
	switch {
	case cerrdefs.IsNotFound(err):
		return "", nil // somebody removed it by force; it is not asked for again and again
	case err != nil:
		return "", fmt.Errorf("image %s: %w", image, err)
	}
	if i.Config != nil {
		name = i.Config.Labels[labelName]
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.named[image] = name
	return name, nil
}

// A sorting is the containers of an engine as they concern the site.
type sorting struct {
	ours []container.Summary
	// taken are the names of the others, with who has them.
	taken map[string]string
	// strangers are those of the others that are to be named, with what they are.
	strangers map[string]string
	// unread: a replica of the site's has labels that can't be read.
	unread bool
}

// sort tells the site's replicas from all else.
func (e *Engine) sort(ctx context.Context, list []container.Summary) (sorting, error) {
	s := sorting{taken: map[string]string{}, strangers: map[string]string{}}
	o, err := e.whose(ctx)
	if err != nil {
		return s, err
	}
	for _, c := range list {
		name := containerName(c)
		if c.Labels[labelSite] != e.Site || c.Labels[labelName] != name {
			s.taken[name] = e.describe(c)
			if onNetwork(c, e.Site) {
				s.strangers[name] = "is on the site's network and not havn's: it reaches every replica (image " + c.Image + ")"
			}
			continue
		}
		why, err := e.stranger(ctx, candidateOf(c), o)
		if err != nil {
			return s, err
		}
		_, whole := identity(c.Labels)
		switch {
		case why != "":
			s.taken[name] = e.describe(c) + " with labels of this site"
			s.strangers[name] = "has labels of this site, and havn did not make it: " + why + " (image " + c.Image + ")"
		case c.Labels[labelRole] != roleReplica:
			s.taken[name] = "the gateway"
		case !whole:
			s.taken[name], s.unread = unreadable, true
		default:
			s.ours = append(s.ours, c)
		}
	}
	return s, nil
}

// onNetwork: a container runs on a network.
func onNetwork(c container.Summary, name string) bool {
	if c.State != container.StateRunning || c.NetworkSettings == nil {
		return false
	}
	_, on := c.NetworkSettings.Networks[name]
	return on
}
