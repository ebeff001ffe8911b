package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"havn.internal/reconciler/nginx"
	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// hookFlags say whose webhooks are taken, and where they come in: at a listener of
// their own, at a path of the gateway, or at both.
type hookFlags struct {
	kind, secretFile string
	listen           string
	path, host       string
}

func (h *hookFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&h.kind, "hook-kind", "", "take webhooks of `KIND`, and ask the remote when one comes: github, gitlab, gitea (also Forgejo), bitbucket, standard (standardwebhooks.com) or plain")
	f.StringVar(&h.secretFile, "hook-secret-file", "", "`FILE` with the secret of the webhooks; with two, one a line, while it is changed")
	f.StringVar(&h.listen, "hook-listen", "", "`ADDRESS` to take webhooks on, :PORT or IP:PORT; plain HTTP")
	f.StringVar(&h.path, "hook-path", "", "`PATH` of the gateway to take webhooks on, such as /.havn/hook")
	f.StringVar(&h.host, "hook-host", "", "host `NAME` of the gateway that --hook-path is on (those that no route has)")
}

func (h *hookFlags) given() bool { return *h != hookFlags{} }

// check says what is wrong with the flags.
func (h *hookFlags) check() error {
	switch {
	case !h.given():
		return nil
	case h.kind == "":
		return errors.New("--hook-kind is missing: github, gitlab, gitea, bitbucket, standard or plain")
	case h.secretFile == "":
		return errors.New("--hook-secret-file is missing; openssl rand -hex 32 makes a good secret")
	case h.listen == "" && h.path == "":
		return errors.New("--hook-kind: where do webhooks come in? Give --hook-listen or --hook-path")
	case h.host != "" && h.path == "":
		return errors.New("--hook-host goes with --hook-path")
	}
	if h.listen != "" {
		if _, err := h.local(h.listen); err != nil {
			return err
		}
	}
	if h.path != "" {
		if err := nginx.Check(h.location(netip.AddrPort{})); err != nil {
			return fmt.Errorf("--hook-path: %w", err)
		}
	}
	return nil
}

// local is where this machine reaches a listener.
func (h *hookFlags) local(listen string) (netip.AddrPort, error) {
	wrong := fmt.Errorf("--hook-listen %q: want :PORT or IP:PORT", listen)
	host, port, err := net.SplitHostPort(listen)
	number, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil || number == 0 {
		return netip.AddrPort{}, wrong
	}
	addr, err := netip.ParseAddr(cmp.Or(host, "127.0.0.1"))
	switch {
	case err != nil:
		return netip.AddrPort{}, wrong
	case addr.IsUnspecified():
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrPortFrom(addr, uint16(number)), nil
}

// hookBody is the largest body of a webhook, in bytes.
const hookBody = 25 << 20

// location is the path of the gateway, which leads to a listener of havn. The body is
// passed on as it comes: it never lies on the disk.
func (h *hookFlags) location(to netip.AddrPort) plan.Location {
	return plan.Location{
		Host: cmp.Or(strings.ToLower(h.host), "_"), Path: h.path, Exact: true, Route: plan.OwnRoute("hook"), Servers: []netip.AddrPort{to},
		Target: spec.Target{Options: spec.Options{
			Body: spec.Body{Max: hookBody, Buffer: 16 << 10},
			Timeouts: spec.Timeouts{
				Connect: spec.Duration(5 * time.Second), Read: spec.Duration(30 * time.Second), Send: spec.Duration(30 * time.Second),
			},
		}},
	}
}
