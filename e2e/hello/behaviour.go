package main

import (
	"cmp"
	"fmt"
	"os"
	"time"
)

// A behaviour is what the environment asks of the server.
type behaviour struct {
	version, service, host, port, data string

	ready, flip, die, dieRouted time.Duration
	never, stubborn             bool
}

func behaviourFrom(env func(string) string) (behaviour, error) {
	host, err := os.Hostname()
	if err != nil {
		return behaviour{}, err
	}
	b := behaviour{
		version: cmp.Or(env("VERSION"), "0"), service: env("SERVICE"), host: host, port: cmp.Or(env("PORT"), "8080"),
		data: cmp.Or(env("DATA"), "/data"), never: env("READY") == "never", stubborn: env("STUBBORN") != "",
	}
	for name, d := range map[string]*time.Duration{
		"READY": &b.ready, "FLIP": &b.flip, "DIE": &b.die, "DIE_ROUTED": &b.dieRouted,
	} {
		v := env(name)
		if v == "" || v == "never" {
			continue
		}
		if *d, err = time.ParseDuration(v); err != nil {
			return behaviour{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return b, nil
}

// healthy reports what /healthz says so long after the start.
func (b behaviour) healthy(age time.Duration) bool {
	switch {
	case b.never || age < b.ready:
		return false
	case b.flip > 0:
		return age/b.flip%2 == 0
	}
	return true
}
