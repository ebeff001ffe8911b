package spec

import "testing"

func TestClaims(t *testing.T) {
	volume := func(name string, shared, readOnly bool) Service {
		return Service{Volumes: map[string]VolumeMount{"/a": {Volume: name, Shared: shared, ReadOnly: readOnly}}}
	}
	port := func(host, protocol string) Service {
		return Service{Ports: map[string]Port{"p": {Port: 80, Protocol: protocol, Host: host}}}
	}
	for name, c := range map[string]struct {
		a, b Service
		want bool
	}{
		"one writer each":                 {volume("v", false, false), volume("v", false, false), true},
		"a writer beside a shared one":    {volume("v", false, false), volume("v", true, false), true},
		"both shared":                     {volume("v", true, false), volume("v", true, false), false},
		"a reader":                        {volume("v", false, false), volume("v", false, true), false},
		"other volumes":                   {volume("v", false, false), volume("w", false, false), false},
		"one port":                        {port("127.0.0.1:80", "tcp"), port("127.0.0.1:80", "tcp"), true},
		"a port of all addresses":         {port("0.0.0.0:80", "tcp"), port("127.0.0.1:80", "tcp"), true},
		"a port of all addresses, IPv6":   {port("127.0.0.1:80", "tcp"), port("[::]:80", "tcp"), true},
		"an address in the form of IPv6":  {port("127.0.0.1:80", "tcp"), port("[::ffff:127.0.0.1]:80", "tcp"), true},
		"other addresses":                 {port("127.0.0.2:80", "tcp"), port("127.0.0.1:80", "tcp"), false},
		"other protocols":                 {port("127.0.0.1:80", "udp"), port("127.0.0.1:80", "tcp"), false},
		"other ports":                     {port("127.0.0.1:81", "tcp"), port("127.0.0.1:80", "tcp"), false},
		"a port that is not published":    {port("", "tcp"), port("", "tcp"), false},
		"a volume and a port":             {volume("v", false, false), port("127.0.0.1:80", "tcp"), false},
		"a service that claims nothing":   {volume("v", false, false), Service{}, false},
		"several mounts of one volume":    {Service{Volumes: map[string]VolumeMount{"/a": {Volume: "v"}, "/b": {Volume: "v"}}}, volume("v", false, false), true},
		"one of several claims conflicts": {Service{Volumes: map[string]VolumeMount{"/a": {Volume: "u"}, "/b": {Volume: "v"}}}, volume("v", true, false), true},
	} {
		if _, got := c.a.Conflict(c.b); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if _, got := c.b.Conflict(c.a); got != c.want {
			t.Errorf("%s, the other way round: %v, want %v", name, got, c.want)
		}
	}
}
