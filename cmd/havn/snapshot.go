package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"havn.internal/gitops/durable"
	"havn.internal/reconciler/console"
	"havn.internal/reconciler/snapshot"
	"havn.internal/spec"
)

// writeSnapshot writes a snapshot of the host; who reads the file while that goes
// on has the old one.
func writeSnapshot(c *cobra.Command, m *machine, path string) error {
	s, err := takeSnapshot(c.Context(), m)
	if err != nil {
		return err
	}
	text, err := s.Encode()
	if err != nil {
		return err
	}
	if path == "-" {
		_, err = c.OutOrStdout().Write(text)
		return err
	}
	if err := durable.Replace(path, text, 0o600); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	if len(text) > committable {
		fmt.Fprintf(c.ErrOrStderr(), "note: %s has more than %d KiB, and havn takes no such file from git; keep it as an artifact of the CI\n", path, committable>>10)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "wrote %s: %s of site %s, %s\n", path, spec.Count(len(s.Containers), "replica"), s.Site, s.At.Format(time.RFC3339))
	return err
}

// committable is the largest file that may be in a repository of specs.
const committable = 1 << 20

// takeSnapshot asks the havn that runs, or looks at the host if none does.
func takeSnapshot(ctx context.Context, m *machine) (snapshot.Snapshot, error) {
	running := func(c *console.Client) (snapshot.Snapshot, error) { return c.Snapshot(ctx) }
	return lookHost(ctx, m, false, running, func(h *host) (snapshot.Snapshot, error) {
		if err := h.known(ctx, m); err != nil {
			return snapshot.Snapshot{}, err
		}
		want, _, _ := m.desires(h.journal, h.log).gate.Wanted()
		return h.snapshot(ctx, m, want.Site)
	})
}

// Snapshot implements [console.Havn].
func (d *daemon) Snapshot(ctx context.Context) (snapshot.Snapshot, error) {
	want, _ := d.Want()
	return d.snapshot(ctx, d.machine, want)
}

// snapshot looks at the host, also at what a site other than the wanted one might
// want of it.
func (h *host) snapshot(ctx context.Context, m *machine, want spec.Site) (snapshot.Snapshot, error) {
	revision := want.Revision
	// What references are resolved to belongs to a revision; a plan elsewhere is for
	// another one.
	want.Revision = ""
	o := h.lookUntilProbed(ctx, want)
	if o.Err != nil {
		return snapshot.Snapshot{}, o.Err
	}
	have := o.Have
	var refs []string
	for _, s := range want.Services {
		refs = append(refs, s.Image)
	}
	for _, r := range have.LastGood {
		refs = append(refs, r.Service.Image)
	}
	for _, c := range have.Containers {
		refs = append(refs, c.Release.Service.Image)
	}
	volumes, images, err := h.engine.Inventory(ctx, refs)
	if err != nil {
		return snapshot.Snapshot{}, fmt.Errorf("look for volumes and images: %w", err)
	}
	for name, v := range volumes {
		have.Volumes[name] = v
	}
	for ref, i := range images {
		have.Images[ref] = i
	}
	s := snapshot.Take(have)
	s.At, s.Havn, s.Host = o.At.UTC().Round(0), version(), *m.self.host()
	s.Revision, s.Pins = revision, h.journal.Pins(revision)
	s.Machine = snapshot.Machine{HTTP: m.http, Gateway: m.gateway, Nginx: h.gateway.Version(), Policy: have.Policy, Told: m.told()}
	return s, nil
}
