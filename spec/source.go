package spec

import "encoding/json"

// The types of this file are the schema's definitions as users fill them in,
// before defaults; a test keeps the two in step.

type sourceService struct {
	Name       string                 `json:"name"`
	On         *sourceOn              `json:"on"`
	Image      string                 `json:"image"`
	Pull       string                 `json:"pull"`
	Replicas   *int                   `json:"replicas"`
	Command    []string               `json:"command"`
	Entrypoint []string               `json:"entrypoint"`
	User       string                 `json:"user"`
	Workdir    string                 `json:"workdir"`
	Init       *bool                  `json:"init"`
	Hostname   string                 `json:"hostname"`
	Env        map[string]scalar      `json:"env"`
	Files      map[string]sourceFile  `json:"files"`
	Port       int                    `json:"port"`
	Ports      map[string]sourcePort  `json:"ports"`
	Volumes    map[string]sourceMount `json:"volumes"`
	Binds      map[string]string      `json:"binds"`
	Resources  sourceResources        `json:"resources"`
	Health     sourceHealth           `json:"health"`
	Rollout    sourceRollout          `json:"rollout"`
	Stop       sourceStop             `json:"stop"`
	Needs      []string               `json:"needs"`
	Log        sourceLog              `json:"log"`
	Security   sourceSecurity         `json:"security"`
	Labels     map[string]string      `json:"labels"`
}

type sourceFile struct {
	Content string `json:"content"`
	Mode    string `json:"mode"`
}

type sourcePort struct {
	Port     int    `json:"port"`
	Protocol string `json:"protocol"`
	Host     string `json:"host"`
}

// UnmarshalJSON takes a number for the port alone.
func (p *sourcePort) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &p.Port) == nil {
		return nil
	}
	type plain sourcePort
	return json.Unmarshal(text, (*plain)(p))
}

type sourceMount struct {
	Volume   string `json:"volume"`
	ReadOnly bool   `json:"readOnly"`
	Shared   bool   `json:"shared"`
}

// UnmarshalJSON takes a string for the volume alone.
func (m *sourceMount) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &m.Volume) == nil {
		return nil
	}
	type plain sourceMount
	return json.Unmarshal(text, (*plain)(m))
}

type sourceResources struct {
	CPUs   float64 `json:"cpus"`
	Memory size    `json:"memory"`
	Pids   int64   `json:"pids"`
}

type sourceHealth struct {
	HTTP        *sourceHTTPCheck `json:"http"`
	TCP         *sourceTCPCheck  `json:"tcp"`
	Exec        *sourceExecCheck `json:"exec"`
	Image       bool             `json:"image"`
	Interval    period           `json:"interval"`
	Timeout     period           `json:"timeout"`
	Successes   int              `json:"successes"`
	Failures    int              `json:"failures"`
	StartPeriod period           `json:"startPeriod"`
	Settle      period           `json:"settle"`
}

type sourceHTTPCheck struct {
	Path    string            `json:"path"`
	Port    int               `json:"port"`
	Host    string            `json:"host"`
	Headers map[string]string `json:"headers"`
	Status  scalar            `json:"status"`
}

type sourceTCPCheck struct {
	Port int `json:"port"`
}

type sourceExecCheck struct {
	Command []string `json:"command"`
}

type sourceRollout struct {
	Strategy         string `json:"strategy"`
	Surge            int    `json:"surge"`
	Watch            period `json:"watch"`
	Drain            period `json:"drain"`
	PullDeadline     period `json:"pullDeadline"`
	HealthyDeadline  period `json:"healthyDeadline"`
	ProgressDeadline period `json:"progressDeadline"`
	OnFailure        string `json:"onFailure"`
}

type sourceStop struct {
	Signal string `json:"signal"`
	Grace  period `json:"grace"`
}

type sourceLog struct {
	MaxSize  size `json:"maxSize"`
	MaxFiles int  `json:"maxFiles"`
}

type sourceSecurity struct {
	ReadOnlyRoot bool            `json:"readOnlyRoot"`
	CapAdd       []string        `json:"capAdd"`
	CapDrop      []string        `json:"capDrop"`
	Tmpfs        map[string]size `json:"tmpfs"`
}

type sourceVolume struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

type sourceRoute struct {
	Name  string                  `json:"name"`
	On    *sourceOn               `json:"on"`
	Hosts []string                `json:"hosts"`
	Paths map[string]sourceTarget `json:"paths"`
	sourceOptions
}

type sourceTarget struct {
	Service  string          `json:"service"`
	Port     string          `json:"port"`
	Strip    bool            `json:"strip"`
	Rewrite  string          `json:"rewrite"`
	Redirect *sourceRedirect `json:"redirect"`
	sourceOptions
}

type sourceRedirect struct {
	To   string `json:"to"`
	Code int    `json:"code"`
	Keep bool   `json:"keep"`
}

type sourceOptions struct {
	Upstream struct {
		Keepalive   *int   `json:"keepalive"`
		IdleTimeout period `json:"idleTimeout"`
	} `json:"upstream"`
	Body struct {
		Max       size  `json:"max"`
		Buffer    size  `json:"buffer"`
		Buffering *bool `json:"buffering"`
	} `json:"body"`
	Timeouts struct {
		Connect period `json:"connect"`
		Read    period `json:"read"`
		Send    period `json:"send"`
	} `json:"timeouts"`
	Buffering *bool   `json:"buffering"`
	WebSocket *bool   `json:"websocket"`
	RequestID *bool   `json:"requestId"`
	Headers   Headers `json:"headers"`
}
