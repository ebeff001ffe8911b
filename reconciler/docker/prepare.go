package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// Prepare creates the replica and does not start it. What the engine refuses to create is
// found by that; a host port that the site's own replicas do not have is tried.
func (e *Engine) Prepare(ctx context.Context, a plan.Prepare) error {
	id, err := e.made(ctx, a.Start)
	if err != nil {
		return err
	}
	defer e.touch(id)
	for _, claim := range a.Start.Release.Service.Claims() {
		if claim.Volume != "" {
			continue
		}
		if err := e.free(ctx, claim); err != nil {
			e.discard(context.WithoutCancel(ctx), id)
			return err
		}
	}
	return nil
}

// free returns why a replica will not have the host port, unless one of the site's own has
// it: that one stops first.
func (e *Engine) free(ctx context.Context, claim spec.Claim) error {
	ctx, cancel := context.WithTimeout(ctx, listDeadline)
	defer cancel()
	port := fmt.Sprintf("%d/%s", claim.Host.Port(), claim.Protocol)
	list, err := e.cli.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(filters.Arg("publish", port))})
	if err != nil {
		return err
	}
	for _, c := range list {
		if !claim.Conflicts(publishes(c, claim)) {
			continue
		}
		if e.isReplica(ctx, candidateOf(c)) {
			return nil
		}
		return fmt.Errorf("%s is taken by container %s; stop it, or publish another port", claim, containerName(c))
	}
	return e.listenable(claim)
}

// publishes is where the container listens on the claim's port; the zero claim if nowhere.
func publishes(c container.Summary, claim spec.Claim) spec.Claim {
	for _, p := range c.Ports {
		at, err := netip.ParseAddr(p.IP)
		found := spec.Claim{Host: netip.AddrPortFrom(at.Unmap(), p.PublicPort), Protocol: p.Type}
		if err == nil && claim.Conflicts(found) {
			return found
		}
	}
	return spec.Claim{}
}

// listenable tries to listen where the engine will. An engine that is not on this machine is
// not asked.
func (e *Engine) listenable(claim spec.Claim) error {
	if !strings.HasPrefix(e.cli.DaemonHost(), "unix://") {
		return nil
	}
	var err error
	if claim.Protocol == "udp" {
		var conn net.PacketConn
		if conn, err = net.ListenPacket("udp", claim.Host.String()); err == nil {
			err = conn.Close()
		}
	} else {
		var l net.Listener
		if l, err = net.Listen("tcp", claim.Host.String()); err == nil {
			err = l.Close()
		}
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is taken by another program of this machine; `ss -lntup` names it", claim)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s cannot be published: %s is not an address of this machine", claim, claim.Host.Addr())
	}
	return nil
}
