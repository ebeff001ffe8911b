//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"havn.internal/e2e/host"
	"havn.internal/e2e/images"
)

// A classroom has the machines of the tutorial: a VPS as it is handed over, with
// systemd and sshd and without Docker; the laptop of somebody who programs; and a
// forge, of which all that matters is sshd with one bare repository.
type classroom struct {
	t                  *testing.T
	vps, laptop, forge *host.Host
	visitor            *visitor
}

// The names of the machines in the tutorial.
const (
	vpsName   = "vps.example.no"
	forgeName = "forge.example.no"
)

// TestTutorial does what the README's tutorial says, line by line and as it is
// written, and compares what is printed with what the tutorial shows. What a person
// does in a browser, and what no registry is there for, the test does itself.
func TestTutorial(t *testing.T) {
	before := hierarchies(t)
	c := openClassroom(t)
	acts := map[string]func(){
		"the forge takes the deploy key":      c.addDeployKey,
		"the images are there":                c.loadImages,
		"from here on no request may be lost": func() { c.visitor = visit(c.vps.Addr.String()+":80", vpsName) },
	}
	for _, l := range lessons(t) {
		if l.act == "" {
			c.follow(l)
			continue
		}
		act := acts[l.act]
		if act == nil {
			t.Fatalf("%s: there is nothing to do for %q; there is for %q", l, l.act, slices.Sorted(maps.Keys(acts)))
		}
		act()
	}
	c.stops()
	requests, lost := c.visitor.leave()
	t.Logf("%d requests, %d lost", requests, len(lost))
	if requests == 0 || len(lost) > 0 {
		t.Errorf("lost requests: %q", lost)
	}
	c.must(c.vps.Reboot(t.Context()))
	c.until(c.laptop, "curl -fsS http://"+vpsName+"/")
	c.until(c.vps, "havn status | grep ': converged (pid'")
	if after := hierarchies(t); after != before {
		t.Errorf("the kernel that all machines share has other control groups than before:\n%s\nand not\n%s", after, before)
	}
}

// hierarchies says in which of them each controller is. A machine that makes new ones
// has the outer engine lose track of its containers.
func hierarchies(t *testing.T) (text string) {
	t.Helper()
	all, err := os.ReadFile("/proc/cgroups")
	if err != nil {
		return "" // not a kernel with the old ones
	}
	for line := range strings.Lines(string(all)) {
		if f := strings.Fields(line); len(f) == 4 {
			text += f[0] + " " + f[1] + "\n"
		}
	}
	return text
}

// stops: the unit ends havn at once and cleanly, starts it again when it was killed,
// and touches nothing that serves; what is in the journal is for people.
func (c *classroom) stops() {
	c.t.Helper()
	c.until(c.vps, "havn status | grep ': converged (pid'")
	const serving = "docker ps --no-trunc --format '{{.ID}} {{.Names}}' | sort"
	before := c.run(c.vps, serving)
	c.run(c.vps, "systemctl stop havn && systemctl show havn -p Result,ExecMainStatus | sort | tr '\n' ' ' | grep -x 'ExecMainStatus=0 Result=success '")
	c.run(c.vps, "systemctl start havn")
	c.until(c.vps, "havn status | grep ': converged (pid'")
	c.run(c.vps, "systemctl kill --signal KILL havn")
	c.until(c.vps, "systemctl show havn -p NRestarts | grep -x NRestarts=1 && havn status | grep ': converged (pid'")
	if after := c.run(c.vps, serving); after != before {
		c.t.Errorf("havn was stopped and killed, and containers changed\nfrom %s\n  to %s", before, after)
	}
	c.run(c.vps, "! journalctl -u havn -o cat | grep -P '[\\x1b{]'")
	c.run(c.vps, "journalctl -u havn -p err -o cat | grep .")
}

// openClassroom switches the machines on, and gives them what people have before
// they begin: the laptop's key is let in everywhere, and the servers' are known.
func openClassroom(t *testing.T) *classroom {
	t.Helper()
	t.Parallel()
	image, err := images.VPS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	number := takeLease(t)
	c := &classroom{t: t}
	subnet := netip.MustParsePrefix(fmt.Sprintf("10.204.%d.0/24", number))
	first := subnet.Addr().Next().Next()
	names := map[string]netip.Addr{vpsName: first, forgeName: first.Next()}
	start := func(name string, o host.Options) *host.Host {
		o.Name, o.Image, o.Init, o.Names = fmt.Sprintf("hm-%d-%s", number, name), image, true, names
		h, err := host.Start(t.Context(), o)
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		c.must(err)
		return h
	}
	c.vps = start("vps", host.Options{Subnet: subnet})
	t.Cleanup(c.testify)
	c.forge = start("forge", host.Options{Beside: c.vps})
	c.laptop = start("laptop", host.Options{Beside: c.forge, Mounts: goMounts(t)})
	t.Cleanup(c.giveBack)
	var g errgroup.Group
	g.Go(func() error { return c.bash(c.vps, archive+ownHostKeys) })
	g.Go(func() error { return c.bash(c.forge, archive+ownHostKeys+apt+"git\n"+forgeSetup) })
	g.Go(func() error { return c.bash(c.laptop, archive+apt+"git openssh-client make sudo\n"+laptopSetup) })
	c.must(g.Wait())
	c.must(c.laptop.Put(t.Context(), checkout(t), "/root/havn"))
	c.introduce()
	return c
}

const (
	apt = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "
	// archive has apt bear what images bears with when it makes a machine.
	archive     = `printf 'Acquire::Retries "3";\nAcquire::Check-Valid-Until "false";\n' > /etc/apt/apt.conf.d/90archive` + "\n"
	ownHostKeys = "rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -A; systemctl restart ssh\n"
	forgeSetup  = `useradd --create-home --shell /usr/bin/git-shell git
git init -q --bare -b main /home/git/acme/site.git
install -d -m 700 /home/git/.ssh
touch /home/git/.ssh/authorized_keys
chown -R git: /home/git`
	laptopSetup = `ln -s /usr/local/go/bin/go /usr/local/bin/
mkdir -pm 700 ~/.ssh
ssh-keygen -q -t ed25519 -N "" -C ada@laptop -f ~/.ssh/id_ed25519
git config --global user.name Ada
git config --global user.email ada@example.no
git config --global init.defaultBranch main`
)

// introduce makes the laptop known to the servers, and the servers to the laptop.
func (c *classroom) introduce() {
	c.t.Helper()
	key := c.run(c.laptop, "cat ~/.ssh/id_ed25519.pub")
	c.run(c.vps, fmt.Sprintf("mkdir -pm 700 ~/.ssh; echo '%s' >> ~/.ssh/authorized_keys", key))
	c.run(c.forge, fmt.Sprintf("echo '%s' >> /home/git/.ssh/authorized_keys", key))
	for name, h := range map[string]*host.Host{vpsName: c.vps, forgeName: c.forge} {
		c.run(c.laptop, fmt.Sprintf("echo '%s %s' >> ~/.ssh/known_hosts", name, c.run(h, "cat /etc/ssh/ssh_host_ed25519_key.pub")))
	}
}

// addDeployKey lets the VPS read the repository, and nothing else.
func (c *classroom) addDeployKey() {
	key := c.run(c.vps, "cat /etc/havn/deploy-key.pub")
	c.run(c.forge, "cat >> /home/git/.ssh/authorized_keys <<'END'\n"+`restrict,command="git-upload-pack 'acme/site.git'" `+key+"\nEND")
}

// loadImages stands in for a registry.
func (c *classroom) loadImages() { c.must(c.vps.LoadImage(c.t.Context(), "nginx:1.30")) }

// follow does what a step says. Commands whose output is shown only look, so they
// are given again until they print that.
func (c *classroom) follow(l lesson) {
	c.t.Helper()
	h := map[string]*host.Host{"laptop": c.laptop, "vps": c.vps}[l.place]
	deadline := time.Now().Add(patience)
	for {
		// A shell in which somebody types goes on in the directory it is in.
		shell := h.Command(c.t.Context(), "bash", "-c", "cd; cd \"$(cat .at 2>/dev/null || pwd)\"; set -e\n"+l.commands+"\npwd > ~/.at")
		out, err := shell.Output()
		if l.shown == nil && err == nil || l.shown != nil && fits(l.shown, string(out)) {
			c.t.Logf("%s, %s:\n%s", l, l.place, out)
			return
		}
		if l.shown == nil || time.Now().After(deadline) {
			complaint := ""
			if exit, ok := err.(*exec.ExitError); ok {
				complaint = string(exit.Stderr)
			}
			c.t.Fatalf("%s, %s: %s\n-> %v\n%s%s\nshown there:\n%s", l, l.place, l.commands, err, out, complaint, strings.Join(l.shown, "\n"))
		}
	}
}

// testify keeps the log of a VPS that failed.
func (c *classroom) testify() {
	if c.t.Failed() {
		out, _ := c.vps.Run(context.Background(), "journalctl", "--no-pager", "-n", "60", "-u", "havn")
		c.t.Logf("journal of havn:\n%s", out)
	}
}

func (c *classroom) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *classroom) bash(h *host.Host, script string) error {
	_, err := h.Run(c.t.Context(), "bash", "-ec", script)
	return err
}

// run runs a script that has to succeed.
func (c *classroom) run(h *host.Host, script string) string {
	c.t.Helper()
	out, err := h.Run(c.t.Context(), "bash", "-ec", script)
	c.must(err)
	return out
}

// until runs a script until it succeeds.
func (c *classroom) until(h *host.Host, script string) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		_, err := h.Run(c.t.Context(), "bash", "-ec", script)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("not within %s: %s: %v", patience, script, err)
		}
	}
}

// laptopCache is where the laptop's Go keeps what it has compiled.
const laptopCache = "/root/.cache/go-build"

// giveBack leaves what the laptop compiled to whom the cache belongs.
func (c *classroom) giveBack() {
	if _, err := c.laptop.Run(context.Background(), "chown", "-R", "--reference", laptopCache, laptopCache); err != nil {
		c.t.Error(err)
	}
}

// goMounts lend the laptop the Go that runs this test, and what it has compiled.
func goMounts(t *testing.T) []string {
	t.Helper()
	var mounts []string
	for name, inside := range map[string]string{"GOROOT": "/usr/local/go:ro", "GOMODCACHE": "/root/go/pkg/mod:ro", "GOCACHE": laptopCache} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		mounts = append(mounts, strings.TrimSpace(string(out))+":"+inside)
	}
	return mounts
}

// checkout is a copy of this repository without its history.
func checkout(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "havn")
	for _, part := range []string{"cmd", "confine", "gitops", "reconciler", "schemas", "spec", "e2e"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS("../"+part)); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum", "Makefile"} {
		text, err := os.ReadFile("../" + file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
