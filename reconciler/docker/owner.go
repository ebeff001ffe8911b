package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
)

// labelState on the site's network names the state directory it is run from.
const labelState = "havn.state"

// CheckOwner refuses a site that is run from another state directory on this
// machine: two havns would undo each other's work. A directory that is gone owns
// nothing.
func (e *Engine) CheckOwner(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	n, err := e.cli.NetworkInspect(ctx, e.Site, network.InspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("docker: network %s: %w", e.Site, err)
	}
	owner := n.Labels[labelState]
	if n.Labels[labelSite] != e.Site || owner == "" || owner == e.State {
		return nil
	}
	if _, err := os.Stat(owner); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("site %s is run from the state directory %s: give --state %s, or another --site", e.Site, owner, owner)
}

// A Site is one that havn runs on this machine.
type Site struct {
	Name string
	// State is the directory that it is run from, empty if that is not known.
	State string
}

// Sites are those that havn runs on this machine, by their networks.
func (e *Engine) Sites(ctx context.Context) ([]Site, error) {
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	list, err := e.cli.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelSite))})
	if err != nil {
		return nil, fmt.Errorf("docker: networks: %w", err)
	}
	var out []Site
	for _, n := range list {
		if n.Labels[labelSite] == n.Name {
			out = append(out, Site{Name: n.Name, State: n.Labels[labelState]})
		}
	}
	slices.SortFunc(out, func(a, b Site) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// CheckState refuses a second site on the state directory: nobody would look after
// the first one any more.
func (e *Engine) CheckState(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	list, err := e.cli.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("label", labelState+"="+e.State))})
	if err != nil {
		return fmt.Errorf("docker: networks: %w", err)
	}
	for _, n := range list {
		if site := n.Labels[labelSite]; site != e.Site && site == n.Name {
			return fmt.Errorf("the state directory %s is that of site %s: give --site %s, or another --state; `havn down --state %s --site %s` ends that site",
				e.State, site, site, e.State, site)
		}
	}
	return nil
}
