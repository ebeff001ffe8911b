package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"havn.internal/gitops/durable"
	"havn.internal/reconciler/model"
)

// recalled are the flags that commands for the site of the last run or apply on the same
// state directory take over from that. Only run does not, which says what the machine is
// told: but for the host's name ([machine.keepName]) it follows from its command line and
// the host file alone.
var recalled = []string{
	"site", "http", "https", "docker", "subnet", "gateway", "nginx-binary", "nginx-image", "access-log", "allow-bind", "allow-capability",
	"allow-publish", "adopt-volume", "name", "label",
}

const flagsFile = "flags.json"

// claim makes the state directory that of the site, with these flags.
func (h *host) claim(ctx context.Context, m *machine) error {
	if err := h.engine.CheckState(ctx); err != nil {
		return err
	}
	if err := h.engine.Claim(ctx); err != nil {
		return err
	}
	return m.remember()
}

// remember records the flags the host is driven with.
func (m *machine) remember() error {
	known := m.told()
	known["name"], known["label"] = m.self.name, m.self.labelText()
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(m.state, flagsFile), text, 0o644)
}

// told is what the machine is told, by the names of the flags. Its name and labels are
// not in it: they choose what of a spec is wanted, and show there.
func (m *machine) told() model.Told {
	return model.Told{
		"site": m.site, "http": m.http, "https": m.https, "docker": m.docker, "subnet": m.subnet, "gateway": m.gateway,
		"nginx-binary": m.nginxBinary, "nginx-image": m.nginxImage, "access-log": strconv.FormatBool(m.accessLog), "allow-bind": strings.Join(m.allowBind, ","),
		"allow-capability": strings.Join(m.allowCapability, ","), "allow-publish": strings.Join(m.allowPublish, ","),
		"adopt-volume": strings.Join(m.adoptVolume, ","),
	}
}

// remembered are the flags of the last run or apply; none if they can't be read, as
// the next run writes them anew.
func (m *machine) remembered() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(m.state, flagsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var known map[string]string
	if json.Unmarshal(text, &known) != nil {
		return nil, nil
	}
	return known, nil
}

// recall fills in the named flags that were not given as they were last remembered.
func (m *machine) recall(f *pflag.FlagSet, names ...string) error {
	known, err := m.remembered()
	if err != nil {
		return err
	}
	m.taken = map[string]string{}
	for _, name := range names {
		if value, ok := known[name]; ok && value != "" && !f.Changed(name) {
			if err := f.Set(name, value); err != nil {
				return fmt.Errorf("%s: %s: %w", flagsFile, name, err)
			}
			// It was not given, whatever [pflag.FlagSet.Changed] says.
			f.Lookup(name).Changed = false
			m.taken[name] = value
		}
	}
	return nil
}

// keepName keeps the host's name while its hostname changes: that says nothing of
// what it should run, and entries chosen by name would go.
func (m *machine) keepName(log *slog.Logger) {
	known, err := m.remembered()
	if err != nil || m.self.given || known["name"] == "" || known["name"] == m.self.name {
		return
	}
	log.Warn("the hostname is another than before; the name stays", "name", known["name"], "hostname", m.self.name, "help", "--name "+m.self.name+" takes the new one")
	m.self.name = known["name"]
}
