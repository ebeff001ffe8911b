package docker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// bindable is the place that a bind of the host path mounts: links are followed once,
// here, and Docker, which follows them at each start, is given none.
//
// The lists come first, and whatever leads out of what they allow has one answer: a spec
// must not learn what exists on the machine. Of the way to the place nobody but root and
// havn's own user may change a part, so what Docker mounts at the next start, also after
// a reboot, is the same place.
func (e *Engine) bindable(source string) (string, error) {
	if why, do := e.Policy.Bindable(source); why != "" {
		return "", fmt.Errorf("bind %s: %s; %s", source, why, do)
	}
	if part := plainlyMissing(source); part != "" {
		return "", fmt.Errorf("bind %s: %s does not exist on this machine", source, part)
	}
	real, err := filepath.EvalSymlinks(source)
	if err != nil || !e.allows(real) {
		return "", fmt.Errorf("bind %s: it, or a link on the way to it, leads to what this machine does not allow to be mounted (allowBind, --allow-bind)", source)
	}
	if part := spec.Changeable(real); part != "" {
		return "", fmt.Errorf("bind %s: others than root may change %s, and so put something else in the place of what is mounted; "+
			"`chown root %s` and `chmod go-w %s`, or mount %s itself", source, part, part, part, part)
	}
	return real, nil
}

// allows: the machine lets a place without links be mounted.
func (e *Engine) allows(real string) bool {
	for _, never := range e.Policy.NeverBound() {
		if at := withoutLinks(never); spec.Below(real, at) || spec.Below(at, real) {
			return false
		}
	}
	return slices.ContainsFunc(e.Policy.Binds, func(dir string) bool { return spec.Below(real, withoutLinks(dir)) })
}

// withoutLinks is the path with its links followed, or itself if it is not there.
func withoutLinks(p string) string {
	if real, err := filepath.EvalSymlinks(p); err == nil {
		return real
	}
	return p
}

// plainlyMissing is the first part of a path that is not there, if no link comes before
// it; else "".
func plainlyMissing(p string) string {
	for _, part := range spec.Way(p) {
		i, err := os.Lstat(part)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return part
		case err != nil || i.Mode()&fs.ModeSymlink != 0:
			return ""
		}
	}
	return ""
}

// observeBinds says of the paths that services would mount, and that the lists allow,
// which can't be mounted as things are, and why.
func (e *Engine) observeBinds(want spec.Site, containers map[string]plan.Container) map[string]string {
	var out map[string]string
	look := func(s spec.Service) {
		for _, source := range s.Binds {
			if why, _ := e.Policy.Bindable(source); why != "" || out[source] != "" {
				continue
			}
			if _, err := e.bindable(source); err != nil {
				if out == nil {
					out = map[string]string{}
				}
				out[source] = strings.TrimSpace(err.Error())
			}
		}
	}
	for _, s := range want.Services {
		look(s)
	}
	for _, c := range containers {
		look(c.Release.Service)
	}
	return out
}
