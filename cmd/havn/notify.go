package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"havn.internal/gitops/notice"
	"havn.internal/gitops/secret"
)

// targets are those who are told what happens: a flag that is given once for each.
type targets []notice.Target

func (t *targets) flags(set *pflag.FlagSet) {
	set.Var(t, "notify", "tell somebody what happens: NAME=KIND:ADDRESSFILE, once for each; KIND is slack (also Mattermost), matrix, ntfy or webhook, and "+
		"token=FILE, secret=FILE, room=ID, least=warning, service=NAME may follow, with commas between them")
}

// Type implements [pflag.Value].
func (t *targets) Type() string { return "target" }

// String implements [pflag.Value].
func (t *targets) String() string {
	var names []string
	for _, one := range *t {
		names = append(names, one.Name+"="+string(one.Kind)+":"+string(one.Address))
	}
	return strings.Join(names, " ")
}

var targetName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Set implements [pflag.Value].
func (t *targets) Set(text string) error {
	name, rest, ok := strings.Cut(text, "=")
	if !ok || !targetName.MatchString(name) {
		return errors.New("want NAME=KIND:ADDRESSFILE, such as ops=slack:/etc/havn/slack")
	}
	parse := fromWords
	if strings.HasPrefix(rest, "{") {
		parse = fromJSON
	}
	one, err := parse(rest)
	if err != nil {
		return err
	}
	one.Name = name
	if err := one.Check(); err != nil {
		return err
	}
	for _, other := range *t {
		if other.Name == name {
			return fmt.Errorf("there are two targets %s", name)
		}
	}
	*t = append(*t, one)
	return nil
}

// fromWords reads KIND:ADDRESSFILE and what may follow.
func fromWords(text string) (notice.Target, error) {
	words := strings.Split(text, ",")
	kind, address, _ := strings.Cut(words[0], ":")
	one := notice.Target{Kind: notice.Kind(kind), Address: secret.File(address)}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "token":
			one.Token = secret.File(value)
		case "secret":
			one.Secrets = secret.File(value)
		case "room":
			one.Room = value
		case "least":
			one.Least = notice.Severity(value)
		case "service":
			one.Services = append(one.Services, value)
		default:
			return one, fmt.Errorf("%q: there are token=FILE, secret=FILE, room=ID, least=SEVERITY and service=NAME", word)
		}
	}
	return one, nil
}

// fromJSON reads a target as a host file has it.
func fromJSON(text string) (notice.Target, error) {
	var f struct {
		Kind        notice.Kind
		AddressFile secret.File
		TokenFile   secret.File
		SecretFile  secret.File
		Room        string
		Least       notice.Severity
		Services    []string
		Template    string
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	err := d.Decode(&f)
	return notice.Target{
		Kind: f.Kind, Address: f.AddressFile, Token: f.TokenFile, Secrets: f.SecretFile,
		Room: f.Room, Least: f.Least, Services: f.Services, Template: f.Template,
	}, err
}
