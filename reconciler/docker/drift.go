package docker

import (
	"fmt"
	"slices"

	"github.com/docker/docker/api/types/container"

	"havn.internal/reconciler/plan"
)

// drift compares what can be changed on a container that runs with what the
// release asks for.
func (e *Engine) drift(c plan.Container, i container.InspectResponse) string {
	end := i.NetworkSettings.Networks[e.Site]
	switch {
	case c.State == plan.Paused:
		return "somebody paused it"
	case end == nil:
		return "it was disconnected from the network"
	case end.IPAddress != "" && end.IPAddress != c.Addr.String():
		return fmt.Sprintf("its address is %s, should be %s", end.IPAddress, c.Addr)
	case !slices.Contains(end.Aliases, c.Service):
		return fmt.Sprintf("other replicas can't find it as %s any more", c.Service)
	case i.HostConfig.RestartPolicy.Name != container.RestartPolicyUnlessStopped:
		return fmt.Sprintf("its restart policy is %s, should be unless-stopped", i.HostConfig.RestartPolicy.Name)
	}
	for name := range i.NetworkSettings.Networks {
		if name != e.Site {
			return "it was connected to network " + name
		}
	}
	return limitDrift(i.HostConfig.Resources, resources(e.Policy.Bounded(c.Release.Service).Resources))
}

// limitDrift compares the limits that `docker update` can change.
func limitDrift(have, want container.Resources) string {
	for _, l := range []struct {
		name       string
		have, want int64
	}{
		{"memory limit", have.Memory, want.Memory},
		{"memory reservation", have.MemoryReservation, want.MemoryReservation},
		{"CPU limit in nano CPUs", have.NanoCPUs, want.NanoCPUs},
		{"CPU shares", have.CPUShares, want.CPUShares},
		{"CPU quota", have.CPUQuota, want.CPUQuota},
		{"CPU period", have.CPUPeriod, want.CPUPeriod},
		{"block IO weight", int64(have.BlkioWeight), int64(want.BlkioWeight)},
		{"limit of processes", orZero(have.PidsLimit), orZero(want.PidsLimit)},
	} {
		if l.have != l.want {
			return fmt.Sprintf("its %s is %d, should be %d", l.name, l.have, l.want)
		}
	}
	switch {
	case want.Memory != 0 && have.MemorySwap != want.MemorySwap:
		return fmt.Sprintf("its limit of memory and swap is %d, should be %d", have.MemorySwap, want.MemorySwap)
	case have.CpusetCpus != want.CpusetCpus || have.CpusetMems != want.CpusetMems:
		return "it was bound to processors or memory nodes"
	}
	return ""
}

func orZero(p *int64) int64 {
	if p == nil {
		return 0
	}
	return max(*p, 0)
}
