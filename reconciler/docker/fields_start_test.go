package docker

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// oddPaths are paths at which Docker, runc or the kernel has something else in mind.
var oddPaths = []string{
	"/dev", "/dev/shm", "/dev/x", "/dev/stdout", "/dev/console", "/etc/mtab", "/etc/hosts", "/.dockerenv", "/proc", "/proc/1/x", "/sys/x", "/a b", "/ø", "/a:b", "/a\nb",
	"/a\x00b", "/" + strings.Repeat("a", 251), "/" + strings.Repeat("a", 252),
}

// TestWhatCheckAcceptsStarts: a container with something at an odd path starts, or check
// refuses it.
func TestWhatCheckAcceptsStarts(t *testing.T) {
	e, err := New(t.Context(), Config{
		Site: fmt.Sprintf("hd-%d-start", os.Getpid()), Subnet: netip.MustParsePrefix("10.251.8.0/24"), State: t.TempDir(),
		Policy: openPolicy("/opt"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.cli.Close() })
	image, err := e.cli.ImageInspect(t.Context(), fmt.Sprintf("hd-replica:%d", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	var trials []trial
	plain := fields{"image": "i:1"}
	for _, p := range oddPaths {
		for place, entry := range map[string]fields{
			"volume": set(plain, "volumes", "", fields{p: "VOLUME"}), "file": set(plain, "files", "", fields{p: fields{"content": "a"}}),
			"workdir": set(plain, "workdir", "", p), "tmpfs": set(plain, "security.tmpfs", "", fields{p: "1m"}),
		} {
			trials = append(trials, trial{kind: "services", place: place, value: fmt.Sprintf("%.20q", p), with: entry})
		}
	}
	for _, n := range []int{131069, 131070} {
		trials = append(trials, trial{kind: "services", place: "env", value: n, with: set(plain, "env", "", fields{"A": strings.Repeat("x", n)})})
	}
	site, refused := accepted(t, nil, trials, func(tr trial) fields { return tr.with }, "/opt")
	if len(refused) < len(oddPaths) || len(refused) > len(trials)-len(oddPaths) {
		t.Errorf("%d of %d are refused", len(refused), len(trials))
	}
	var work sync.WaitGroup
	room := make(chan struct{}, 3)
	for i, tr := range trials {
		if refused[i] == "" {
			work.Go(func() {
				room <- struct{}{}
				defer func() { <-room }()
				if err := e.starts(site.Services[entryName(i)], image.ID); err != nil {
					t.Errorf("%s: check accepts it, and it does not start: %v", tr, err)
				}
			})
		}
	}
	work.Wait()
}

// starts makes a container of a service, has it start without a network, and removes it.
func (e *Engine) starts(s spec.Service, imageID string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*startDeadline)
	defer cancel()
	if err := e.writeFiles(s, plan.Word{}); err != nil {
		return err
	}
	name := e.Site + "-" + s.Name
	b, err := e.build(plan.Start{Name: name, Slot: 1, Release: spec.Release{Service: s, ImageID: imageID}, Addr: netip.MustParseAddr("10.251.8.9")}, plan.Word{})
	if err != nil {
		return err
	}
	b.host.NetworkMode, b.host.RestartPolicy = "none", container.RestartPolicy{}
	made, err := e.cli.ContainerCreate(ctx, b.config, b.host, nil, nil, name)
	if err != nil {
		return err
	}
	defer func() {
		_ = e.cli.ContainerRemove(ctx, made.ID, container.RemoveOptions{RemoveVolumes: true, Force: true})
		for _, m := range s.Volumes {
			_ = e.cli.VolumeRemove(ctx, e.volumeName(m.Volume), true)
		}
	}()
	if err := e.cli.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		return err
	}
	i, err := e.cli.ContainerInspect(ctx, made.ID)
	if err == nil && i.State.ExitCode != 0 {
		err = fmt.Errorf("exit code %d %s", i.State.ExitCode, i.State.Error)
	}
	return err
}
