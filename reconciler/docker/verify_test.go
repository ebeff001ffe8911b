package docker

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"havn.internal/spec"
)

// asked is a request as havn makes it, and made what an engine makes of it.
func asked() *container.HostConfig {
	yes, pids := true, int64(64)
	return &container.HostConfig{
		NetworkMode: "site", RestartPolicy: container.RestartPolicy{Name: "unless-stopped"}, CapDrop: []string{"NET_RAW", "MKNOD"},
		SecurityOpt: []string{"no-new-privileges:true"}, LogConfig: logConfig(spec.Log{MaxSize: 1 << 20, MaxFiles: 2}), Init: &yes,
		Mounts:    []mount.Mount{{Type: mount.TypeBind, Source: "/srv/www", Target: "/www", ReadOnly: true}},
		Resources: container.Resources{Memory: 1 << 53, MemorySwap: 1 << 53, PidsLimit: &pids},
	}
}

func made() *container.HostConfig {
	h, no := asked(), false
	h.CapDrop = []string{"CAP_MKNOD", "CAP_NET_RAW"}
	h.IpcMode, h.CgroupnsMode, h.Runtime, h.ShmSize = "private", "host", "usual", 64<<20
	h.DNS, h.Devices, h.Ulimits, h.OomKillDisable = []string{}, []container.DeviceMapping{}, []*container.Ulimit{{Name: "nofile", Soft: 1024, Hard: 1024}}, &no
	h.LogConfig.Config["mode"] = "non-blocking"
	h.MaskedPaths, h.ReadonlyPaths = []string{"/proc/asound", "/proc/kcore"}, []string{"/proc/bus", "/proc/sys"}
	return h
}

func usual() string { return "usual" }

func TestVerifyTakesTheDefaultsOfEngines(t *testing.T) {
	if err := verify(made(), asked(), usual); err != nil {
		t.Error(err)
	}
	noSwap := made()
	noSwap.MemorySwap = -1
	if err := verify(noSwap, asked(), usual); err != nil {
		t.Error(err)
	}
}

// Whatever gives a container more than was asked for is found, whichever field it is in.
func TestVerifyComparesAll(t *testing.T) {
	no := false
	for field, change := range map[string]func(*container.HostConfig){
		"CapAdd":            func(h *container.HostConfig) { h.CapAdd = []string{"ALL"} },
		"CapDrop":           func(h *container.HostConfig) { h.CapDrop = []string{"CAP_MKNOD"} },
		"SecurityOpt":       func(h *container.HostConfig) { h.SecurityOpt = append(h.SecurityOpt, "seccomp=unconfined") },
		"SecurityOpt ":      func(h *container.HostConfig) { h.SecurityOpt = []string{"no-new-privileges:false"} },
		"Mounts":            func(h *container.HostConfig) { h.Mounts[0].Source = "/" },
		"Mounts ":           func(h *container.HostConfig) { h.Mounts[0].ReadOnly = false },
		"Binds":             func(h *container.HostConfig) { h.Binds = []string{"/:/host"} },
		"Privileged":        func(h *container.HostConfig) { h.Privileged = true },
		"PidMode":           func(h *container.HostConfig) { h.PidMode = "container:x" },
		"IpcMode":           func(h *container.HostConfig) { h.IpcMode = "host" },
		"UTSMode":           func(h *container.HostConfig) { h.UTSMode = "host" },
		"UsernsMode":        func(h *container.HostConfig) { h.UsernsMode = "host" },
		"NetworkMode":       func(h *container.HostConfig) { h.NetworkMode = "host" },
		"DeviceRequests":    func(h *container.HostConfig) { h.DeviceRequests = []container.DeviceRequest{{Count: -1}} },
		"DeviceCgroupRules": func(h *container.HostConfig) { h.DeviceCgroupRules = []string{"a *:* rwm"} },
		"Devices":           func(h *container.HostConfig) { h.Devices = []container.DeviceMapping{{PathOnHost: "/dev/sda"}} },
		"VolumesFrom":       func(h *container.HostConfig) { h.VolumesFrom = []string{"x"} },
		"Runtime":           func(h *container.HostConfig) { h.Runtime = "other" },
		"Sysctls":           func(h *container.HostConfig) { h.Sysctls = map[string]string{"net.ipv4.ip_forward": "1"} },
		"GroupAdd":          func(h *container.HostConfig) { h.GroupAdd = []string{"0"} },
		"ExtraHosts":        func(h *container.HostConfig) { h.ExtraHosts = []string{"registry:203.0.113.7"} },
		"Dns":               func(h *container.HostConfig) { h.DNS = []string{"203.0.113.7"} },
		"PublishAllPorts":   func(h *container.HostConfig) { h.PublishAllPorts = true },
		"CgroupParent":      func(h *container.HostConfig) { h.CgroupParent = "/" },
		"OomScoreAdj":       func(h *container.HostConfig) { h.OomScoreAdj = -1000 },
		"OomKillDisable":    func(h *container.HostConfig) { yes := true; h.OomKillDisable = &yes },
		"Init":              func(h *container.HostConfig) { h.Init = &no },
		"Memory":            func(h *container.HostConfig) { h.Memory++ },
		"MemorySwap":        func(h *container.HostConfig) { h.MemorySwap++ },
		"PidsLimit":         func(h *container.HostConfig) { h.PidsLimit = nil },
		"NanoCpus":          func(h *container.HostConfig) { h.NanoCPUs = 1 },
		"LogConfig":         func(h *container.HostConfig) { h.LogConfig.Config["max-size"] = "1g" },
		"LogConfig ":        func(h *container.HostConfig) { h.LogConfig.Type = "none" },
		"MaskedPaths":       func(h *container.HostConfig) { h.MaskedPaths = []string{} },
		"ReadonlyPaths":     func(h *container.HostConfig) { h.ReadonlyPaths = nil },
		"RestartPolicy":     func(h *container.HostConfig) { h.RestartPolicy.Name = "always" },
		"Tmpfs":             func(h *container.HostConfig) { h.Tmpfs = map[string]string{"/x": "exec"} },
	} {
		h := made()
		change(h)
		field = strings.TrimSpace(field)
		if err := verify(h, asked(), usual); err == nil || !strings.Contains(err.Error(), "another "+field+" than") {
			t.Errorf("%s: got %v", field, err)
		}
	}
}
