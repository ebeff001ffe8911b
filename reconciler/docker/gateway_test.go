package docker_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"havn.internal/reconciler/docker"
)

// idle is a gateway whose nginx listens on nothing.
func (s *site) idle() *docker.GatewayContainer {
	s.t.Helper()
	dir := s.t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	s.do(os.WriteFile(conf, []byte("pid "+dir+"/nginx.pid;\nevents {}\n"), 0o644))
	g := s.Gateway(dir)
	s.do(g.Start(s.ctx, conf))
	return g
}

// The gateway's container is bounded, too (CIS Docker Benchmark, section 5).
func TestTheGatewayIsBounded(t *testing.T) {
	image := func(c *docker.Config) { c.NginxImage = "nginx:1.30" }
	s := newSite(t, image, func(c *docker.Config) { c.Policy.Limits.GatewayMemory, c.Policy.Limits.GatewayPids = 300<<20, 77 })
	s.idle()
	h := inspect(t, s.config.Site+"-gateway").HostConfig
	switch {
	case h.Memory != 300<<20 || *h.PidsLimit != 77:
		t.Errorf("its limits are %d and %d", h.Memory, *h.PidsLimit)
	case !h.ReadonlyRootfs || !slices.Equal(h.CapDrop, []string{"ALL"}) || len(h.CapAdd) != 6 || !slices.Contains(h.SecurityOpt, "no-new-privileges:true"):
		t.Errorf("its security is %v %v %v %v", h.ReadonlyRootfs, h.CapDrop, h.CapAdd, h.SecurityOpt)
	case h.LogConfig.Config["max-size"] == "" || h.Privileged || len(h.Mounts) != 1:
		t.Errorf("made %+v", h)
	}
	usual := newSite(t, image)
	usual.idle()
	h = inspect(t, usual.config.Site+"-gateway").HostConfig
	info, err := api.Info(s.ctx)
	s.do(err)
	if h.Memory != info.MemTotal/2 || *h.PidsLimit != 1024 {
		t.Errorf("its usual limits are %d of %d and %d", h.Memory, info.MemTotal, *h.PidsLimit)
	}
}
