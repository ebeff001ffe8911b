package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"havn.internal/spec"
)

// An identity is what `on` in a spec is compared with: this host's name and labels.
type identity struct {
	name   string
	labels map[string]string
	// given: the name was, and is not the machine's own.
	given bool
}

func (i *identity) flags(f *pflag.FlagSet, otherwise string) {
	f.StringVar(&i.name, "name", "", "the host's `NAME`, as 'on' in specs knows it ("+otherwise+")")
	f.StringToStringVar(&i.labels, "label", nil, "a label of the host, `KEY=VALUE`, as 'on' in specs asks for it; may be given several times")
	f.Lookup("label").DefValue = ""
}

var (
	nameForm  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)
	notInName = regexp.MustCompile(`[^-a-z0-9.]`)
	labelForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$`)
)

// complete fills in the name and checks both.
func (i *identity) complete() error {
	if i.given = i.name != ""; !i.given {
		hostname, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("--name is missing, and the machine does not know its own: %w", err)
		}
		i.name = nameOf(hostname)
	}
	if !nameForm.MatchString(i.name) {
		return fmt.Errorf("--name %q: want small letters, digits, - and dots", i.name)
	}
	for key, value := range i.labels {
		if !labelForm.MatchString(key) {
			return fmt.Errorf("--label %s: want a key of up to 40 small letters, digits and -", key)
		}
		if strings.ContainsAny(value, ",\"\n\r*") {
			return fmt.Errorf("--label %s=%q: want a value without commas, quotes, line ends and *", key, value)
		}
	}
	return nil
}

// nameOf makes a name of the machine's own, whatever that has in it.
func nameOf(hostname string) string {
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(hostname), "-"), "-.")
	if name == "" {
		return "localhost"
	}
	return name
}

// host is the identity as spec takes it.
func (i *identity) host() *spec.Host { return &spec.Host{Name: i.name, Labels: i.labels} }

// asked is the host that was named on the command line, nil if none was: then a spec
// is looked at as a whole.
func (i *identity) asked() (*spec.Host, error) {
	if i.name == "" && len(i.labels) == 0 {
		return nil, nil
	}
	return i.host(), i.complete()
}

// labelText writes the labels as --label takes them.
func (i *identity) labelText() string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(i.labels)) {
		all = append(all, key+"="+i.labels[key])
	}
	return strings.Join(all, ",")
}
