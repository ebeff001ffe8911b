package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"havn.internal/spec"
)

// policy is what this machine lets specs have of it.
func (m *machine) policy() spec.Policy {
	return spec.Policy{
		Capabilities: m.allowCapability, Keep: m.keepCapabilities, Publish: m.allowPublish, Limits: m.limits,
		Binds: m.allowBind, Private: []string{m.state}, Listeners: m.listeners(),
	}
}

// listeners are the addresses that havn itself listens on: no service gets one.
func (m *machine) listeners() []string {
	out := []string{m.http}
	if hook := m.hookListen(); hook != "" {
		out = append(out, hook)
	}
	if text, err := os.ReadFile(filepath.Join(m.state, hookPortFile)); err == nil {
		out = append(out, net.JoinHostPort("127.0.0.1", strings.TrimSpace(string(text))))
	}
	return out
}

// hookListen is the listener of webhooks, as the command line or else the host file
// says; "" if there is none.
func (m *machine) hookListen() string {
	if m.set != nil {
		if f := m.set.Lookup("hook-listen"); f != nil && f.Value.String() != "" {
			return f.Value.String()
		}
	}
	var said struct{ Hook struct{ Listen string } }
	if len(m.file.Config) == 0 || json.Unmarshal(m.file.Config, &said) != nil {
		return ""
	}
	return said.Hook.Listen
}

// readPolicy takes from the host file what has no flag.
func (m *machine) readPolicy() error {
	var said struct{ KeepCapabilities []string }
	if err := json.Unmarshal(m.file.Config, &said); err != nil {
		return err
	}
	m.keepCapabilities = said.KeepCapabilities
	var err error
	m.limits, err = m.file.Limits()
	return err
}

// readRetention takes from the host file, or the defaults, how long images stay.
func (m *machine) readRetention() (err error) {
	m.retention.Keep, m.retention.Size, err = m.file.Images()
	return err
}

// checkPolicy checks what is allowed to specs.
func (m *machine) checkPolicy() error {
	for i, name := range m.allowCapability {
		m.allowCapability[i] = strings.TrimPrefix(name, "CAP_")
		if err := spec.CheckCapability(m.allowCapability[i]); err != nil {
			return fmt.Errorf("--allow-capability: %w", err)
		}
	}
	for _, entry := range m.allowPublish {
		if err := spec.CheckPublish(entry); err != nil {
			return fmt.Errorf("--allow-publish: %w", err)
		}
	}
	return m.checkBinds()
}

// checkBinds makes the directories that may be mounted absolute, each as it was named
// and, if links lead to another place, as that.
func (m *machine) checkBinds() error {
	var dirs []string
	for _, dir := range m.allowBind {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return fmt.Errorf("--allow-bind: %w", err)
		}
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return fmt.Errorf("--allow-bind: %w", err)
		}
		dirs = append(dirs, dir)
		if real != dir {
			dirs = append(dirs, real)
		}
	}
	m.allowBind = dirs
	return nil
}
