package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"havn.internal/reconciler/plan"
)

// halves splits the site's subnet: havn assigns from the lower half, Docker's
// --ip-range is the upper, so neither ever takes the other's addresses.
func halves(subnet netip.Prefix) (fixed, dynamic netip.Prefix) {
	subnet = subnet.Masked()
	fixed = netip.PrefixFrom(subnet.Addr(), subnet.Bits()+1)
	last := subnet.Addr().As4()
	i, bit := subnet.Bits()/8, 7-subnet.Bits()%8
	last[i] |= 1 << bit
	return fixed, netip.PrefixFrom(netip.AddrFrom4(last), subnet.Bits()+1)
}

// CreateNetwork makes the site's bridge network. One that is ours and equal is
// as good.
func (e *Engine) CreateNetwork(ctx context.Context, _ plan.CreateNetwork) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	if err := e.Claim(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	key := e.owner.Key
	e.mu.Unlock()
	fixed, dynamic := halves(e.Subnet)
	_, err := e.cli.NetworkCreate(ctx, e.Site, network.CreateOptions{
		Driver: "bridge",
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{
			Subnet: e.Subnet.Masked().String(), IPRange: dynamic.String(), Gateway: fixed.Addr().Next().String(),
		}}},
		Labels: map[string]string{labelSite: e.Site, labelName: e.Site, labelState: e.State, labelKey: key},
	})
	e.putDirt(dirt{network: true})
	if err == nil || !cerrdefs.IsConflict(err) {
		return overlapping(err, e.Subnet)
	}
	n, _, err := e.observeNetwork(ctx)
	if err == nil && n.Problem != "" {
		err = errors.New(n.Problem)
	}
	return err
}

// overlapping adds what to do to Docker's complaint that a subnet is taken.
func overlapping(err error, subnet netip.Prefix) error {
	if err == nil || !strings.Contains(err.Error(), "overlap") {
		return err
	}
	return fmt.Errorf("the site's subnet %s is taken by another network of this machine; --subnet chooses another", subnet)
}

// observeNetwork also returns the containers that hold addresses in the fixed part.
func (e *Engine) observeNetwork(ctx context.Context) (plan.Network, map[netip.Addr]string, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	fixed, dynamic := halves(e.Subnet)
	out, holders := plan.Network{Fixed: fixed}, map[netip.Addr]string{}
	n, err := e.cli.NetworkInspect(ctx, e.Site, network.InspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return out, nil, nil
	}
	if err != nil {
		return out, nil, err
	}
	out.Exists = true
	switch {
	case n.Labels[labelSite] != e.Site || n.Labels[labelName] != e.Site:
		out.Problem = fmt.Sprintf("a network named %s exists and is not havn's; remove it, or choose another --site", e.Site)
	case len(n.IPAM.Config) != 1 || n.IPAM.Config[0].Subnet != e.Subnet.Masked().String() || n.IPAM.Config[0].IPRange != dynamic.String():
		out.Problem = fmt.Sprintf("network %s has another subnet than %s; give --subnet as it was, or take the site down first", e.Site, e.Subnet)
	}
	for id, c := range n.Containers {
		if p, err := netip.ParsePrefix(c.IPv4Address); err == nil && fixed.Contains(p.Addr()) {
			holders[p.Addr()] = id
		}
	}
	return out, holders, nil
}

func (e *Engine) volumeName(name string) string { return e.Site + "_" + name }

// CreateVolume makes a named volume without driver options. One that is ours is
// as good. havn has no code that removes one.
func (e *Engine) CreateVolume(ctx context.Context, a plan.CreateVolume) error {
	ctx, cancel := context.WithTimeout(ctx, createDeadline)
	defer cancel()
	labels := map[string]string{}
	for k, v := range a.Volume.Labels {
		labels[k] = v
	}
	labels[labelSite], labels[labelName] = e.Site, e.volumeName(a.Volume.Name)
	defer e.putDirt(dirt{volumes: true})
	_, err := e.cli.VolumeCreate(ctx, volume.CreateOptions{Name: e.volumeName(a.Volume.Name), Driver: "local", Labels: labels})
	if err != nil {
		return err
	}
	// The engine answers a second create with the volume that is there, whoever
	// made it.
	v, err := e.observeVolume(ctx, a.Volume.Name)
	if err == nil && v != nil && v.Problem != "" {
		err = errors.New(v.Problem)
	}
	return err
}

// observeVolume returns nil if there is no such volume.
func (e *Engine) observeVolume(ctx context.Context, name string) (*plan.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	full := e.volumeName(name)
	v, err := e.cli.VolumeInspect(ctx, full)
	switch {
	case cerrdefs.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	out := e.volumeOf(full, v.Labels)
	return &out, nil
}

// observeVolumes returns all volumes that have a name of the site's, by the name in
// the spec: a release to go back to may mount one that the site no longer has.
func (e *Engine) observeVolumes(ctx context.Context) (map[string]plan.Volume, error) {
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	list, err := e.cli.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("name", e.volumeName("")))})
	if err != nil {
		return nil, err
	}
	out := map[string]plan.Volume{}
	for _, v := range list.Volumes {
		if name, is := strings.CutPrefix(v.Name, e.volumeName("")); is {
			out[name] = e.volumeOf(v.Name, v.Labels)
		}
	}
	return out, nil
}

// volumeOf says of a volume whether it is the site's: by its labels, which Docker sets
// once and for all, or since the machine says so of one that a person made.
func (e *Engine) volumeOf(full string, labels map[string]string) plan.Volume {
	name := strings.TrimPrefix(full, e.volumeName(""))
	switch {
	case labels[labelSite] == e.Site && labels[labelName] == full:
		return plan.Volume{}
	case labels[labelSite] != "":
		return plan.Volume{Problem: fmt.Sprintf("volume %s belongs to site %s of another havn; choose another name for it", full, labels[labelSite])}
	case slices.Contains(e.AdoptVolumes, name):
		return plan.Volume{}
	}
	return plan.Volume{Problem: fmt.Sprintf("volume %s exists and havn did not make it; to use it with all that is in it, write `adoptVolumes: [%q]` "+
		"in this machine's host file (--adopt-volume %s); to begin with an empty one, remove it (`docker volume rm %s`)", full, name, name, full)}
}
