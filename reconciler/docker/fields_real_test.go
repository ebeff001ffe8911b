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

// TestDockerTakesEachField: a container is made with each value of a field that is
// accepted in the plain surrounding, and of each surrounding. Docker refuses none, and its
// inspect shows what the row names.
func TestDockerTakesEachField(t *testing.T) {
	bind := t.TempDir()
	e, err := New(t.Context(), Config{
		Site: fmt.Sprintf("hd-%d-fields", os.Getpid()), Subnet: netip.MustParsePrefix("10.251.7.0/24"), State: t.TempDir(),
		Policy: openPolicy(bind), Log: slog.New(slog.DiscardHandler),
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
	for _, tr := range serviceTrials(t) {
		if tr.place == "plain" || tr.plain {
			trials = append(trials, tr)
		}
	}
	for place, entry := range serviceSurroundings {
		trials = append(trials, trial{kind: "services", field: "image", place: place, value: "i:1", with: entry})
	}
	site, refused := accepted(t, nil, trials, func(tr trial) fields { return tr.with }, bind)
	var work sync.WaitGroup
	room := make(chan struct{}, 4)
	for i, tr := range trials {
		if refused[i] != "" {
			continue
		}
		work.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			s := site.Services[entryName(i)]
			inspected, err := e.trial(s, image.ID)
			switch {
			case err != nil:
				t.Errorf("%s is accepted by check and refused by Docker: %v", tr, err)
			case tr.plain && tr.row.in == "docker" && !strings.Contains(inspected, tr.row.says):
				t.Errorf("%s: inspect does not show %q:\n%s", tr, tr.row.says, inspected)
			}
		})
	}
	work.Wait()
}

// trial makes a container of a service, inspects it, and removes it with its volumes.
func (e *Engine) trial(s spec.Service, imageID string) (inspected string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), createDeadline)
	defer cancel()
	if err := e.writeFiles(s, plan.Word{}); err != nil {
		return "", err
	}
	name := e.Site + "-" + s.Name
	b, err := e.build(plan.Start{Name: name, Slot: 1, Release: spec.Release{Service: s, ImageID: imageID}, Addr: netip.MustParseAddr("10.251.7.9")}, plan.Word{})
	if err != nil {
		return "", err
	}
	made, err := e.cli.ContainerCreate(ctx, b.config, b.host, b.net, nil, name)
	if err != nil {
		return "", err
	}
	defer func() {
		clean, cancel := context.WithTimeout(context.Background(), createDeadline)
		defer cancel()
		if fault := e.cli.ContainerRemove(clean, made.ID, container.RemoveOptions{RemoveVolumes: true, Force: true}); err == nil {
			err = fault
		}
		for _, m := range s.Volumes {
			_ = e.cli.VolumeRemove(clean, e.volumeName(m.Volume), false)
		}
	}()
	i, err := e.cli.ContainerInspect(ctx, made.ID)
	if err != nil {
		return "", err
	}
	return asText([]any{i.Config, i.HostConfig}), verify(i.HostConfig, b.host, e.runtime(ctx))
}
