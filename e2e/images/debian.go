package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// A system is a root file system of Debian's packages, made an image.
type system struct {
	suite    string
	packages []string
	// whole runs the packages' scripts; without it they are only unpacked, which is
	// quick and enough for a program and its libraries.
	whole  bool
	hooks  []string // commands run on the root, which is $1
	config []string // Dockerfile instructions for the image's configuration
}

// keyring is the archive's key as Debian installs it.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// base is what any program needs: the lib directories, users, and the C library.
var base = []string{"base-files", "base-passwd", "libc6"}

// lay writes the users and groups that base-passwd's script would have written,
// and the user that the published nginx images have.
const lay = `cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd" && ` +
	`cp "$1/usr/share/base-passwd/group.master" "$1/etc/group" && ` +
	`echo 'nginx:x:101:101::/nonexistent:/bin/false' >>"$1/etc/passwd" && ` +
	`echo 'nginx:x:101:' >>"$1/etc/group"`

// build makes the file system and imports it as tag.
func (s system) build(ctx context.Context, tag string) error {
	if err := tools(ctx); err != nil {
		return err
	}
	mirror, err := mirror(ctx)
	if err != nil {
		return err
	}
	variant, packages, hooks := "extract", append(base, s.packages...), append([]string{lay}, s.hooks...)
	if s.whole {
		variant, packages, hooks = "minbase", s.packages, s.hooks
	}
	args := []string{
		"--quiet", "--mode=root", "--variant=" + variant, "--include=" + strings.Join(packages, ","),
		`--aptopt=Acquire::Check-Valid-Until "false"`, `--aptopt=Acquire::Retries "3"`,
	}
	for _, h := range hooks {
		args = append(args, "--extract-hook="+h)
	}
	args = append(args, s.suite, "-", fmt.Sprintf("deb [signed-by=%s] %s %s main", keyring, mirror, s.suite))
	imported := []string{"import"}
	for _, c := range s.config {
		imported = append(imported, "--change", c)
	}
	return pipe(exec.CommandContext(ctx, "mmdebstrap", args...), exec.CommandContext(ctx, "docker", append(imported, "-", tag)...))
}

// pipe runs two programs, the output of the first into the second.
func pipe(from, to *exec.Cmd) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	var fromErr, toErr bytes.Buffer
	// mmdebstrap signals its whole process group when it fails.
	from.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	from.Stdout, from.Stderr, to.Stdin, to.Stderr = w, &fromErr, r, &toErr
	err = to.Start()
	_ = r.Close()
	if err != nil {
		_ = w.Close()
		return err
	}
	failed := from.Run()
	_ = w.Close()
	if err := to.Wait(); err != nil {
		return fmt.Errorf("docker import: %w: %s", err, tail(toErr.String()))
	}
	if failed != nil {
		return fmt.Errorf("mmdebstrap: %w: %s", failed, tail(fromErr.String()))
	}
	return nil
}

// mirror returns the archive this machine itself installs from. A machine that
// never updated its lists knows none.
func mirror(ctx context.Context) (string, error) {
	if uri, err := listed(ctx); err != nil || uri != "" {
		return uri, err
	}
	if _, err := run(ctx, nil, "apt-get", "-o", "DPkg::Lock::Timeout=300", "update"); err != nil {
		return "", err
	}
	uri, err := listed(ctx)
	if err == nil && uri == "" {
		err = errors.New("apt's sources name no Debian archive")
	}
	return uri, err
}

func listed(ctx context.Context) (string, error) {
	out, err := run(ctx, nil, "apt-get", "indextargets", "--format", "$(REPO_URI)",
		"Created-By: Packages", "Origin: Debian", "Component: main")
	if err != nil {
		return "", err
	}
	for _, uri := range strings.Fields(out) {
		if !strings.Contains(uri, "security") {
			return strings.TrimSuffix(uri, "/"), nil
		}
	}
	return "", nil
}

// tools installs what the building needs and the machine lacks.
func tools(ctx context.Context) error {
	if _, err := exec.LookPath("mmdebstrap"); err == nil {
		return nil
	}
	// A cache of its own: hooks of other runs of apt-get may empty the shared one.
	cache, err := os.MkdirTemp("", "havn-apt-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	options := []string{"-o", "DPkg::Lock::Timeout=300", "-o", "Dir::Cache::archives=" + cache}
	if _, err := run(ctx, nil, "apt-get", append(options, "update")...); err != nil {
		return err
	}
	_, err = run(ctx, nil, "apt-get", append(options, "install", "--yes", "--no-install-recommends", "mmdebstrap")...)
	return err
}
