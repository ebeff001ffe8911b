package git

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"havn.internal/confine"
)

// A call is one run of the program.
type call struct {
	// program is git unless it is named.
	program string
	args    []string
	name    string // of the call in messages; the first argument if empty
	stdin   string
	// remote: the call talks to the remote; others are cut off from it.
	remote bool
	// apart: the call does not look at the mirror, which may be damaged.
	apart bool
	env   []string
	// reads are files that the call needs beside the mirror, and home a directory it
	// may write to.
	reads []string
	home  string
	// sockets: it may have those of this machine. gpg takes it for an error when it
	// can't even ask for an agent.
	sockets bool
	max     int // of standard output, in bytes; 1 MiB if 0
	// beside, if it is not nil, gets what was printed to standard error.
	beside *string
}

// called is how messages name the call.
func (c call) called() string { return cmp.Or(c.name, c.args[0]) }

// output runs git and returns what it printed.
func (m *Mirror) output(ctx context.Context, c call) ([]byte, error) {
	var out []byte
	if c.max == 0 {
		c.max = 1 << 20
	}
	err := m.stream(ctx, c, func(r io.Reader) (err error) {
		out, err = io.ReadAll(io.LimitReader(r, int64(c.max)+1))
		if err == nil && len(out) > c.max {
			f := &Failure{Call: c.called(), What: fmt.Sprintf("the answer is longer than %d bytes", c.max), Fault: OfCommit}
			if c.remote {
				f.Fault = OfServer
			}
			err = f
		}
		return err
	})
	return out, err
}

// stream runs git and hands its output to read. When read returns an error, git
// and whatever it started are killed, and that error is the result.
func (m *Mirror) stream(ctx context.Context, c call, read func(io.Reader) error) error {
	limit := m.Limits.Local
	if c.remote {
		limit = m.Limits.Remote
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it takes longer than %s", limit))
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", m.argv(c)...)
	secrets, err := m.environment(cmd, c)
	if err != nil {
		return err
	}
	defer closeAll(cmd.ExtraFiles)
	stderr := &capped{max: 64 << 10}
	cmd.Stderr = stderr
	cmd.Stdin = strings.NewReader(c.stdin)
	cmd.Dir = "/"
	// A group of its own, so that helpers end with it, and with this process.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("git: %w", err)
	}
	release, err := confine.Start(m.rights(c), cmd.Start)
	if err != nil {
		return fmt.Errorf("git: %w", err)
	}
	defer release()
	readErr := read(stdout)
	short := errors.Is(readErr, io.EOF) || errors.Is(readErr, io.ErrUnexpectedEOF) || errors.Is(readErr, os.ErrClosed)
	if readErr != nil && !short {
		// What else git has to say is of no interest.
		cancel()
		_ = cmd.Wait()
		return readErr
	}
	err = cmd.Wait()
	printed := secrets.hide(stderr.String())
	if c.beside != nil {
		*c.beside = printed
	}
	if err != nil {
		return m.failure(ctx, c, cmd.ProcessState, printed)
	}
	return readErr
}

// rights are what git may do with files for the call: read itself, and write to the
// mirror.
func (m *Mirror) rights(c call) confine.Rights {
	r := confine.Rights{
		Read:  slices.Concat(programs, []string{m.configFile(), m.dir()}, c.reads),
		Write: []string{m.dir(), m.temporary()},
	}
	r.Sockets = confine.NetworkSockets
	if c.sockets {
		r.Sockets = confine.AllSockets
	}
	if c.home != "" {
		r.Write = append(r.Write, c.home)
	}
	if c.remote {
		r.Read = slices.Concat(r.Read, network, []string{m.Remote.KeyFile, m.Remote.KnownHostsFile, m.Remote.CAFile})
		if dirs := m.Remote.local(); dirs != nil {
			r.Read = append(r.Read, dirs...)
			r.Others = true
		}
	}
	return r
}

// programs is where git, ssh and gpg are. Of /etc it is what they and the C library need:
// the rest is the host's, with the forge's token and others' keys.
var programs = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/opt", "/proc", "/dev/urandom", "/dev/random",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/alternatives",
	"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/localtime", "/etc/gnutls", "/etc/gcrypt", "/etc/crypto-policies",
	"/etc/gnupg",
}

// network is what it takes to find a host and to trust its certificate.
var network = []string{
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/networks",
	"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/openssl.cnf", "/etc/ca-certificates",
	"/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust", "/etc/static", "/var/lib/ca-certificates",
	"/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
}

// launch sets the limits before git begins (setrlimit(2)); git and its helpers
// inherit them. A write beyond the limit fails with EFBIG, which git reports, and not by
// a signal, of which it reports nothing. The shell stays: told by the kernel that this
// process has died, and when git has failed, it ends the whole group, as git's helpers
// would wait on for an answer. It ends as git did, by the same signal too; 129 is git's
// own exit for wrong usage.
const launch = `ulimit -c 0; ulimit -f "$1" && ulimit -v "$2" && ulimit -t "$3" && ulimit -n "$4" || exit
shift 4
trap '' XFSZ
trap 'kill -KILL 0' TERM
{ "$@" <&9 9<&- & } 9<&0
wait $!
code=$?
if [ $code -ne 0 ]; then
	trap : TERM
	kill -TERM 0
	trap - TERM
fi
[ $code -le 129 ] || kill -$((code - 128)) $$
exit $code`

func (m *Mirror) argv(c call) []string {
	seconds := uint64(m.processorTime() / time.Second)
	args := []string{
		"-c", launch, "sh",
		// In the shell's units: 512 bytes, and KiB.
		bound(unix.RLIMIT_FSIZE, uint64(m.Limits.Pack), 512),
		bound(unix.RLIMIT_AS, uint64(m.Limits.Memory), 1024),
		bound(unix.RLIMIT_CPU, seconds, 1),
		bound(unix.RLIMIT_NOFILE, 1024, 1),
	}
	if c.program != "" {
		return append(append(args, c.program), c.args...)
	}
	dir := m.dir()
	if c.apart {
		dir = "/nonexistent"
	}
	return append(append(args, "git", "--git-dir="+dir, "--no-replace-objects", "--literal-pathspecs"), c.args...)
}

// processorTime bounds what one call may use of a processor.
func (m *Mirror) processorTime() time.Duration {
	return max((m.Limits.Remote + m.Limits.Local).Truncate(time.Second), time.Second)
}

// bound is the limit for the shell: never above what this process has itself.
func bound(which int, want, unit uint64) string {
	var have unix.Rlimit
	if unix.Getrlimit(which, &have) == nil {
		want = min(want, have.Max)
	}
	return strconv.FormatUint(want/unit, 10)
}

// environment is all that git gets to see of ours.
func (m *Mirror) environment(cmd *exec.Cmd, c call) (secrets, error) {
	cmd.Env = append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/nonexistent",
		"LC_ALL=C",
		"TMPDIR=" + m.temporary(),
		"TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + m.configFile(),
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_ASKPASS=/bin/false",
		"SSH_ASKPASS=/bin/false",
		"SSH_ASKPASS_REQUIRE=never",
		"GIT_PROTOCOL_FROM_USER=0",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_NO_LAZY_FETCH=1",
		"GIT_OPTIONAL_LOCKS=0",
	}, c.env...)
	if !c.remote {
		cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL=none")
		return secrets{}, nil
	}
	s, err := m.Remote.secrets()
	if err != nil {
		return s, &Failure{Call: c.called(), What: err.Error(), Fault: OfAccess}
	}
	cmd.Env = append(cmd.Env, m.Remote.environment()...)
	if s.empty() {
		return s, nil
	}
	f, err := s.file()
	if err != nil {
		return s, err
	}
	cmd.ExtraFiles = []*os.File{f}
	return s, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// capped keeps the first max bytes written to it.
type capped struct {
	bytes.Buffer
	max int
}

func (c *capped) Write(p []byte) (int, error) {
	c.Buffer.Write(p[:min(len(p), c.max-c.Len())])
	return len(p), nil
}
