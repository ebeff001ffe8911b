package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"havn.internal/e2e/images"
)

// A demo knows where everything of it lies: below the user's state directory, so
// that it outlives the terminal it was started in.
type demo struct {
	havn   string // the binary
	source string // the example site as the source tree has it
	state  string // havn's own directory; its last part names the site
	site   string // the checkout that havn watches
	clone  string // where the developer works
	log    string // havn's log
	name   string // of the site: of its network, and in its containers' labels
	http   string // address of the gateway

	chapters int // of the story, so far
}

// newDemo is the demo of this user, of the source tree that it is started in.
func newDemo() (*demo, error) {
	tree, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	home := os.Getenv("XDG_STATE_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		home = filepath.Join(user, ".local", "state")
	}
	return demoIn(tree, filepath.Join(home, "havn-demo"), "havn-demo"), nil
}

func demoIn(tree, base, name string) *demo {
	return &demo{
		havn: filepath.Join(tree, "bin", "havn"), source: filepath.Join(tree, "e2e", "site"),
		state: filepath.Join(base, name), site: filepath.Join(base, "site"), clone: filepath.Join(base, "clone"),
		log: filepath.Join(base, "havn.log"), name: name,
	}
}

// prepare sees to an engine and the images.
func (d *demo) prepare(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "docker", "version").CombinedOutput(); err != nil {
		return fmt.Errorf("Docker does not answer; start it with `systemctl start docker` (or `service docker start`), and run this as root or in the group docker: %s", lastLine(out))
	}
	return images.Example(ctx, filepath.Join(d.source, "apps"))
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// choose picks the first free port, so that the demo disturbs nobody.
func (d *demo) choose() error {
	for port := 8080; port < 8180; port++ {
		d.http = fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", d.http); err == nil {
			return l.Close()
		}
	}
	return fmt.Errorf("no port from 8080 to 8179 is free")
}

// command runs a program to its end and returns what it printed.
func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, args[0], err, strings.TrimSpace(string(out)))
	}
	return strings.TrimSpace(string(out)), nil
}
