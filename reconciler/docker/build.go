package docker

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// A blueprint is everything a container is created from.
type blueprint struct {
	config *container.Config
	host   *container.HostConfig
	net    *network.NetworkingConfig
}

// build is the one place that turns a replica into Docker's terms, so that no
// path around its policy exists: no-new-privileges, no host namespaces, no
// devices, bounded logs and processes, mounts only of what the spec may name. Where the
// spec is silent, the image's word counts.
func (e *Engine) build(a plan.Start, w plan.Word) (blueprint, error) {
	if refused := e.Policy.Refuse(a.Release.Service); len(refused) > 0 {
		return blueprint{}, errors.New(refused[0].String())
	}
	s := e.Policy.Bounded(a.Release.Service)
	labels, err := replicaLabels(e.Site, a, w)
	if err != nil {
		return blueprint{}, err
	}
	e.prove(labels)
	mounts, err := e.mounts(s, w)
	if err != nil {
		return blueprint{}, err
	}
	exposed, bindings, err := ports(s)
	if err != nil {
		return blueprint{}, err
	}
	init := w.DockerInit(s)
	b := blueprint{
		config: &container.Config{
			Hostname: s.HostnameOf(a.Name), User: s.User, Env: environment(s.Env), Cmd: strslice.StrSlice(s.Command),
			Entrypoint: strslice.StrSlice(s.Entrypoint), WorkingDir: s.Workdir, Image: a.Release.ImageID,
			Labels: labels, StopSignal: s.Stop.Signal, StopTimeout: seconds(s.Stop.Grace), Healthcheck: healthcheck(s, w), ExposedPorts: exposed,
		},
		host: &container.HostConfig{
			NetworkMode:    container.NetworkMode(e.Site),
			PortBindings:   bindings,
			RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyUnlessStopped},
			CapAdd:         s.Security.CapAdd,
			CapDrop:        e.Policy.Drop(s),
			SecurityOpt:    []string{"no-new-privileges:true"},
			ReadonlyRootfs: s.Security.ReadOnlyRoot,
			Tmpfs:          tmpfs(s.Security.Tmpfs),
			LogConfig:      logConfig(s.Log),
			Mounts:         mounts,
			Init:           &init,
			Resources:      resources(s.Resources),
		},
		net: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			e.Site: {
				IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: a.Addr.String()},
				Aliases:    []string{s.Name},
			},
		}},
	}
	return b, nil
}

// seconds is a grace as the engine takes it, for the stops that are not havn's: its own
// shutdown, and a person's. It is the grace of when the replica was made.
func seconds(grace spec.Duration) *int {
	n := int((grace.Std() + time.Second - 1) / time.Second)
	return &n
}

func environment(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}

func resources(r spec.Resources) container.Resources {
	out := container.Resources{NanoCPUs: r.NanoCPUs, Memory: r.Memory, MemorySwap: r.Memory}
	if r.Pids > 0 {
		out.PidsLimit = &r.Pids
	}
	return out
}

func logConfig(l spec.Log) container.LogConfig {
	config := map[string]string{"max-size": strconv.FormatInt(l.MaxSize, 10), "max-file": strconv.Itoa(l.MaxFiles)}
	if l.MaxFiles == 1 {
		// Only files that are full are compressed, and the driver refuses to start
		// where there can't be any.
		config["compress"] = "false"
	}
	return container.LogConfig{Type: "local", Config: config}
}

func tmpfs(dirs map[string]int64) map[string]string {
	if len(dirs) == 0 {
		return nil
	}
	out := map[string]string{}
	for dir, size := range dirs {
		out[dir] = "rw,noexec,nosuid,nodev,size=" + strconv.FormatInt(size, 10)
	}
	return out
}

// ports publishes what the spec binds to the host, and nothing else: nginx reaches
// replicas at their addresses. The other ports are exposed, which says where a replica
// listens (docker ps) and opens nothing (Docker API: Config.ExposedPorts).
func ports(s spec.Service) (nat.PortSet, nat.PortMap, error) {
	exposed, bindings := nat.PortSet{}, nat.PortMap{}
	if s.Port != 0 {
		exposed[nat.Port(fmt.Sprintf("%d/tcp", s.Port))] = struct{}{}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Ports)) {
		p := s.Ports[name]
		key := nat.Port(fmt.Sprintf("%d/%s", p.Port, p.Protocol))
		exposed[key] = struct{}{}
		if p.Host == "" {
			continue
		}
		ip, port, err := net.SplitHostPort(p.Host)
		if err != nil {
			return nil, nil, fmt.Errorf("port %s: host %q: want ADDRESS:PORT", name, p.Host)
		}
		bindings[key] = append(bindings[key], nat.PortBinding{HostIP: ip, HostPort: port})
	}
	return exposed, bindings, nil
}

func (e *Engine) mounts(s spec.Service, w plan.Word) ([]mount.Mount, error) {
	var out []mount.Mount
	for _, target := range slices.Sorted(maps.Keys(s.Volumes)) {
		v := s.Volumes[target]
		out = append(out, mount.Mount{Type: mount.TypeVolume, Source: e.volumeName(v.Volume), Target: target, ReadOnly: v.ReadOnly})
	}
	for _, target := range slices.Sorted(maps.Keys(s.Files)) {
		out = append(out, mount.Mount{Type: mount.TypeBind, Source: e.filePath(s.Files[target], userOf(s, w)), Target: target, ReadOnly: true})
	}
	for _, target := range slices.Sorted(maps.Keys(s.Binds)) {
		source, err := e.bindable(s.Binds[target])
		if err != nil {
			return nil, err
		}
		out = append(out, mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: true})
	}
	return out, nil
}
