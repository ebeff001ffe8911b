package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// verify compares all that the engine made of a request with the request, before
// anything runs: an engine, a plugin or a proxy in between may have changed it. What the
// request leaves to the engine has to be one of its defaults; runtime says which is the
// default one, where it is not the usual.
func verify(have, want *container.HostConfig, runtime func() string) error {
	if have == nil {
		return errors.New("the engine says nothing of what it made")
	}
	got, err := plain(have)
	if err != nil {
		return err
	}
	asked, err := plain(want)
	if err != nil {
		return err
	}
	var changed []string
	for name := range merged(got, asked) {
		if _, always := covered[name]; always {
			continue
		}
		if !reflect.DeepEqual(got[name], asked[name]) && !isDefault(name, got[name], asked[name], runtime) {
			changed = append(changed, name)
		}
	}
	for name, path := range covered {
		if !holds(got[name], path) {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	slices.Sort(changed)
	return fmt.Errorf("the engine, or something between it and havn, made the container with another %s than was asked for", strings.Join(changed, ", "))
}

// covered are the parts of /proc that engines hide or make read-only unless they are
// told not to, each by one that all engines have.
var covered = map[string]string{"MaskedPaths": "/proc/kcore", "ReadonlyPaths": "/proc/sys"}

func merged(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// plain is a HostConfig by the names that the API has for its fields, without what is
// empty, and each list and name in one form.
func plain(h *container.HostConfig) (map[string]any, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // sizes do not fit into a float64
	if err := d.Decode(&out); err != nil {
		return nil, err
	}
	for _, name := range []string{"CapAdd", "CapDrop", "SecurityOpt"} {
		if list, is := out[name].([]any); is {
			out[name] = inOrder(list)
		}
	}
	maps.DeleteFunc(out, func(_ string, v any) bool { return isEmpty(v) })
	return out, nil
}

// inOrder are the names of a set: engines put CAP_ before capabilities.
func inOrder(list []any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = strings.TrimPrefix(fmt.Sprint(v), "CAP_")
	}
	slices.SortFunc(out, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	return slices.Compact(out)
}

// isEmpty: the value says nothing.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case json.Number:
		return v == "0"
	case []any:
		return !slices.ContainsFunc(v, func(one any) bool { return !isEmpty(one) })
	case map[string]any:
		for _, one := range v {
			if !isEmpty(one) {
				return false
			}
		}
		return true
	}
	return false
}

// isDefault: an engine may give a field this value though another, or none, was asked
// for.
func isDefault(name string, have, asked any, runtime func() string) bool {
	is := func(values ...string) bool { return slices.Contains(values, fmt.Sprint(have)) }
	switch name {
	case "IpcMode":
		return asked == nil && is("private", "shareable")
	case "CgroupnsMode":
		return asked == nil && is("private", "host") // as the kernel's cgroups are v2 or v1
	case "Runtime":
		return asked == nil && (is("runc") || is(runtime()))
	case "ShmSize", "Ulimits", "MemorySwappiness", "ConsoleSize":
		return asked == nil
	case "MemorySwap":
		// Twice the memory where nothing was asked for; -1 where the kernel does not
		// count swap.
		return asked == nil || is("-1")
	case "LogConfig":
		return holdsAll(have, asked)
	}
	return false
}

func holds(list any, one string) bool {
	values, is := list.([]any)
	return is && slices.Contains(values, any(one))
}

// holdsAll: engines add options of their own to those of a log that was asked for.
func holdsAll(have, asked any) bool {
	h, is := have.(map[string]any)
	a, too := asked.(map[string]any)
	if !is || !too || h["Type"] != a["Type"] {
		return false
	}
	options, _ := h["Config"].(map[string]any)
	wanted, _ := a["Config"].(map[string]any)
	for name, value := range wanted {
		if options[name] != value {
			return false
		}
	}
	return true
}

// facts are what the engine says of itself and its machine, as far as it says anything.
type facts struct {
	// runtime is what runs containers that name no other.
	runtime string
	memory  int64
}

// runtime is the engine's default one.
func (e *Engine) runtime(ctx context.Context) func() string {
	return func() string { return e.about(ctx).runtime }
}

// about asks for the facts once: they change only with the engine.
func (e *Engine) about(ctx context.Context) facts {
	e.mu.Lock()
	known := e.facts
	e.mu.Unlock()
	if known != (facts{}) {
		return known
	}
	info, err := e.cli.Info(ctx)
	if err != nil {
		return facts{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.facts = facts{runtime: info.DefaultRuntime, memory: info.MemTotal}
	return e.facts
}
