package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// A Fingerprint identifies a release: the hex SHA-256 of the canonical form of
// every field that forces a new container.
type Fingerprint string

// Short returns the eight digits that container names carry.
func (f Fingerprint) Short() string {
	if len(f) < 8 {
		return string(f)
	}
	return string(f[:8])
}

// fingerprintVersion is part of the hashed form. It changes only if the meaning
// of a field changes; adding a field with omitempty does not need it, so an
// upgrade of havn replaces no container.
const fingerprintVersion = 1

// A Release is one version of a service: its rendered spec and the image it was
// resolved to.
type Release struct {
	Service Service `json:"service"`
	// ImageID is the content address of the image, "sha256:...".
	ImageID string `json:"imageID"`
	// hidden is the fingerprint of a release whose values have been hidden; see
	// [Release.Hide].
	hidden Fingerprint
}

// Fingerprint hashes what forces a new container, for a service of the named
// site. The site is part of it so that two sites on one machine never want the
// same container name. What only concerns havn (replicas, probe intervals and
// thresholds, rollout, pull policy, needs, stop grace) is left out: it changes in
// place. Ports and what a probe asks for are part of it though no container needs
// them: a wrong one has to fail on a fresh replica, not on the one that serves.
func (r Release) Fingerprint(site string) Fingerprint {
	if r.hidden != "" {
		return r.hidden
	}
	s := r.Service
	form := struct {
		Version    int                    `json:"v"`
		Site       string                 `json:"site"`
		Name       string                 `json:"name"`
		ImageID    string                 `json:"imageID"`
		Command    []string               `json:"command,omitempty"`
		Entrypoint []string               `json:"entrypoint,omitempty"`
		User       string                 `json:"user,omitempty"`
		Workdir    string                 `json:"workdir,omitempty"`
		Init       Init                   `json:"init,omitempty"`
		Hostname   string                 `json:"hostname,omitempty"`
		Env        map[string]string      `json:"env,omitempty"`
		Files      map[string]File        `json:"files,omitempty"`
		Port       int                    `json:"port,omitempty"`
		Ports      map[string]Port        `json:"ports,omitempty"`
		Volumes    map[string]VolumeMount `json:"volumes,omitempty"`
		Binds      map[string]string      `json:"binds,omitempty"`
		Resources  Resources              `json:"resources"`
		Check      check                  `json:"check"`
		Signal     string                 `json:"signal,omitempty"`
		Log        Log                    `json:"log"`
		Security   Security               `json:"security"`
		Labels     map[string]string      `json:"labels,omitempty"`
	}{
		fingerprintVersion, site, s.Name, r.ImageID, s.Command, s.Entrypoint, s.User, s.Workdir, s.Init, s.Hostname,
		s.Env, withoutContent(s.Files), s.Port, s.Ports, s.Volumes, s.Binds, s.Resources,
		checkOf(s.Health), signalOf(s.Stop), s.Log, s.Security, s.Labels,
	}
	text, err := json.Marshal(form)
	if err != nil {
		panic("spec: fingerprint: " + err.Error()) // only strings, numbers and maps of them
	}
	sum := sha256.Sum256(text)
	return Fingerprint(hex.EncodeToString(sum[:]))
}

// check is what a probe asks, and for a check that Docker runs also how often,
// since Docker fixes that at creation.
type check struct {
	Kind    HealthKind        `json:"kind"`
	Port    int               `json:"port,omitempty"`
	Path    string            `json:"path,omitempty"`
	Host    string            `json:"host,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Status  [2]int            `json:"status"`
	Docker  *dockerCheck      `json:"docker,omitempty"`
}

type dockerCheck struct {
	Command     []string `json:"command,omitempty"`
	Interval    Duration `json:"interval"`
	Timeout     Duration `json:"timeout"`
	Failures    int      `json:"failures"`
	StartPeriod Duration `json:"startPeriod"`
}

// signalOf is SIGTERM for a spec that names no signal, as it was when that was the
// default: the image's signal, which holds then, is told by the image's address.
func signalOf(s Stop) string {
	if s.Signal == "" {
		return "SIGTERM"
	}
	return s.Signal
}

func checkOf(h Health) check {
	c := check{Kind: h.Kind, Port: h.Port, Path: h.Path, Host: h.Host, Headers: h.Headers, Status: h.Status}
	switch i := h.Image; {
	case h.Kind == HealthExec:
		c.Docker = &dockerCheck{h.Command, h.Interval, h.Timeout, h.Failures, h.StartPeriod}
	case h.Kind == HealthImage && i != ImageCheck{}:
		c.Docker = &dockerCheck{nil, i.Interval, i.Timeout, i.Failures, i.StartPeriod}
	}
	return c
}

// Stored returns r without the content of its files, small enough for a
// container label.
func (r Release) Stored() Release {
	r.Service.Files = withoutContent(r.Service.Files)
	return r
}

func withoutContent(files map[string]File) map[string]File {
	if files == nil {
		return nil
	}
	out := make(map[string]File, len(files))
	for path, f := range files {
		f.Content = ""
		out[path] = f
	}
	return out
}
