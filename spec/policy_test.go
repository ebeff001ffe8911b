package spec

import (
	"slices"
	"strings"
	"testing"
)

func refusalsOf(p Policy, s Service) string {
	var out []string
	for _, r := range p.Refuse(s) {
		out = append(out, r.String())
	}
	return strings.Join(out, "\n")
}

func published(host, protocol string) Service {
	return Service{Name: "a", Ports: map[string]Port{"p": {Port: 1, Protocol: protocol, Host: host}}}
}

// A machine whose host file says nothing allows the least.
func TestTheZeroPolicyAllowsTheLeast(t *testing.T) {
	for name, c := range map[string]struct {
		s    Service
		says string
	}{
		"all capabilities": {Service{Security: Security{CapAdd: []string{"ALL"}}}, "security.capAdd[0]: this machine does not allow the capability ALL"},
		"raw sockets":      {Service{Security: Security{CapAdd: []string{"CAP_NET_RAW"}}}, `allowCapabilities: ["NET_RAW"]`},
		"every address":    {published("0.0.0.0:22", "tcp"), "does not allow publishing 0.0.0.0:22"},
		"every address 6":  {published("[::]:22", "tcp"), "does not allow publishing [::]:22"},
		"mapped":           {published("[::ffff:203.0.113.7]:22", "tcp"), "does not allow publishing"},
		"an address, udp":  {published("203.0.113.7:53", "udp"), "does not allow publishing"},
		"a mount":          {Service{Binds: map[string]string{"/x": "/srv"}}, "does not allow mounting /srv"},
		"a way around":     {Service{Binds: map[string]string{"/x": "/srv/../etc/ssl"}}, "is never mounted"},
		"processes":        {Service{Resources: Resources{Pids: 4194304}}, "resources.pids: 4194304 is more"},
		"a log":            {Service{Log: Log{MaxSize: 1 << 50, MaxFiles: 100}}, "log: "},
		"a log beyond all": {Service{Log: Log{MaxSize: 1 << 62, MaxFiles: 100}}, "log: "},
		"memory in files":  {Service{Security: Security{Tmpfs: map[string]int64{"/x": 1 << 62, "/y": 1 << 62}}}, "security.tmpfs: "},
		"replicas":         {Service{Replicas: 1000}, "replicas: 1000 is more"},
		"surge":            {Service{Rollout: Rollout{Surge: 1000}}, "rollout.surge: 1000 is more"},
	} {
		if got := refusalsOf(Policy{}, c.s); !strings.Contains(got, c.says) {
			t.Errorf("%s: got %q, want %q", name, got, c.says)
		}
	}
	usual := Service{
		Replicas: 100, Resources: Resources{Pids: 4096, Memory: 1 << 40}, Log: Log{MaxSize: 10 << 20, MaxFiles: 3}, Rollout: Rollout{Surge: 1},
		Security: Security{CapAdd: []string{"CHOWN", "CAP_NET_BIND_SERVICE"}, CapDrop: []string{"ALL"}, Tmpfs: map[string]int64{"/tmp": 1 << 30}},
		Ports:    map[string]Port{"a": {Port: 1, Host: "127.0.0.1:5432", Protocol: "tcp"}, "b": {Port: 2, Host: "[::1]:5432", Protocol: "tcp"}, "c": {Port: 3}},
	}
	if got := refusalsOf(Policy{}, usual); got != "" {
		t.Errorf("what a usual service asks for is refused: %s", got)
	}
}

func TestWhatAPolicyAllows(t *testing.T) {
	caps := func(names ...string) Service { return Service{Security: Security{CapAdd: names}} }
	for name, c := range map[string]struct {
		p       Policy
		s       Service
		allowed bool
	}{
		"a capability":            {Policy{Capabilities: []string{"SYS_NICE"}}, caps("CAP_SYS_NICE"), true},
		"another":                 {Policy{Capabilities: []string{"SYS_NICE"}}, caps("SYS_TIME"), false},
		"one of all":              {Policy{Capabilities: []string{"ALL"}}, caps("SYS_TIME", "ALL"), true},
		"all of one":              {Policy{Capabilities: []string{"SYS_NICE"}}, caps("ALL"), false},
		"one that is kept":        {Policy{Keep: []string{"NET_RAW"}}, caps("NET_RAW"), true},
		"a port":                  {Policy{Publish: []string{"203.0.113.7:5432"}}, published("203.0.113.7:5432", "tcp"), true},
		"another port":            {Policy{Publish: []string{"203.0.113.7:5432"}}, published("203.0.113.7:5433", "tcp"), false},
		"another address":         {Policy{Publish: []string{"203.0.113.7:5432"}}, published("0.0.0.0:5432", "tcp"), false},
		"a range":                 {Policy{Publish: []string{"*:8000-8099"}}, published("0.0.0.0:8099", "udp"), true},
		"beyond a range":          {Policy{Publish: []string{"*:8000-8099"}}, published("0.0.0.0:8100", "udp"), false},
		"each port of an address": {Policy{Publish: []string{"[2001:db8::1]:*"}}, published("[2001:db8::1]:1", "tcp"), true},
		"a mapped address":        {Policy{Publish: []string{"203.0.113.7:*"}}, published("[::ffff:203.0.113.7]:1", "tcp"), true},
		"our port":                {Policy{Publish: []string{"*:*"}, Listeners: []string{":80"}}, published("203.0.113.7:80", "tcp"), false},
		"our port of loopback":    {Policy{Listeners: []string{":80"}}, published("127.0.0.1:80", "tcp"), false},
		"our port by any":         {Policy{Publish: []string{"*:*"}, Listeners: []string{"127.0.0.1:9000"}}, published("0.0.0.0:9000", "tcp"), false},
		"our port, IPv6":          {Policy{Publish: []string{"*:*"}, Listeners: []string{"127.0.0.1:9000"}}, published("[::]:9000", "tcp"), false},
		"our port elsewhere":      {Policy{Publish: []string{"*:*"}, Listeners: []string{"127.0.0.1:9000"}}, published("203.0.113.7:9000", "tcp"), true},
		"our port in UDP":         {Policy{Listeners: []string{":80"}}, published("127.0.0.1:80", "udp"), true},
		"a mount below":           {Policy{Binds: []string{"/srv"}}, Service{Binds: map[string]string{"/x": "/srv/a/b"}}, true},
		"a mount beside":          {Policy{Binds: []string{"/srv"}}, Service{Binds: map[string]string{"/x": "/srvother"}}, false},
		"a mount above the state": {Policy{Binds: []string{"/"}, Private: []string{"/var/lib/havn"}}, Service{Binds: map[string]string{"/x": "/var/lib"}}, false},
		"more memory":             {Policy{Limits: Limits{Memory: 1 << 30}}, Service{Resources: Resources{Memory: 1<<30 + 1}}, false},
		"as much memory":          {Policy{Limits: Limits{Memory: 1 << 30}}, Service{Resources: Resources{Memory: 1 << 30}}, true},
		"more of all":             {Policy{Limits: Limits{Pids: 5000, Log: 2 << 30, Tmpfs: 2 << 30, Replicas: 200}}, Service{Replicas: 200, Resources: Resources{Pids: 5000}, Log: Log{2 << 30, 1}}, true},
	} {
		if got := refusalsOf(c.p, c.s); (got == "") != c.allowed {
			t.Errorf("%s: got %q, allowed is to be %t", name, got, c.allowed)
		}
	}
}

func TestWhatReplicasAreMadeWithout(t *testing.T) {
	for _, c := range []struct {
		keep, add, drop, want []string
	}{
		{nil, nil, nil, []string{"AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP"}},
		{[]string{"NET_RAW"}, nil, nil, []string{"AUDIT_WRITE", "MKNOD", "SETFCAP"}},
		{nil, []string{"CAP_MKNOD"}, []string{"CHOWN", "CAP_NET_RAW"}, []string{"CHOWN", "CAP_NET_RAW", "AUDIT_WRITE", "SETFCAP"}},
		{nil, nil, []string{"ALL"}, []string{"ALL"}},
		{nil, []string{"ALL"}, nil, nil},
	} {
		got := Policy{Keep: c.keep}.Drop(Service{Security: Security{CapAdd: c.add, CapDrop: c.drop}})
		if !slices.Equal(got, c.want) {
			t.Errorf("keep %v, add %v, drop %v: dropped are %v, want %v", c.keep, c.add, c.drop, got, c.want)
		}
	}
}

func TestBoundsOfASite(t *testing.T) {
	site := Site{Services: map[string]Service{
		"a": {Name: "a", Replicas: 3, Resources: Resources{Memory: 1 << 30}}, "b": {Name: "b", Replicas: 2}, "c": {Name: "c"},
	}}
	for name, c := range map[string]struct {
		l    Limits
		says string
	}{
		"none":             {Limits{}, ""},
		"replicas":         {Limits{SiteReplicas: 4}, "the site asks for 5 replicas"},
		"enough":           {Limits{SiteReplicas: 5}, ""},
		"unbounded memory": {Limits{SiteMemory: 1 << 40}, "service b has no limit of memory"},
		"memory":           {Limits{SiteMemory: 4 << 30, Memory: 1 << 30}, "the site asks for 5g of memory"},
		"enough memory":    {Limits{SiteMemory: 5 << 30, Memory: 1 << 30}, ""},
	} {
		got := Policy{Limits: c.l}.RefuseSite(site)
		if (len(got) == 0) != (c.says == "") || c.says != "" && !strings.HasPrefix(got[0].String(), c.says) {
			t.Errorf("%s: got %v, want %q", name, got, c.says)
		}
	}
}

func TestCheckPublish(t *testing.T) {
	for entry, ok := range map[string]bool{
		"*:*": true, "0.0.0.0:5432": true, "203.0.113.7:1-65535": true, "[::]:80": true, "*:80": true,
		"": false, ":80": false, "::1:80": false, "0.0.0.0": false, "a:80": false, "*:0": false, "*:70000": false, "*:9-8": false, "*:8-": false,
	} {
		if err := CheckPublish(entry); (err == nil) != ok {
			t.Errorf("%q: %v", entry, err)
		}
	}
}
