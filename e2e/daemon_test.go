//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"havn.internal/reconciler/console"
)

// A daemon is one `havn run`.
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

func (d *daemon) ended() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// machineFlags are those that every command of the scenario's site has.
func (s *scenario) machineFlags() []string {
	return []string{"--state", s.state, "--site", s.site(), "--http", s.http(), "--subnet", s.subnet()}
}

// start starts havn and waits until it can be asked.
func (s *scenario) start() {
	s.t.Helper()
	s.launch()
	s.await("havn answers", func(st console.Status) bool { return st.Running })
}

// launch starts havn and waits for nothing.
func (s *scenario) launch() {
	s.t.Helper()
	log, err := os.OpenFile(s.havnLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	source := s.source
	if source == nil {
		source = []string{"--spec", s.dir}
	}
	cmd := exec.Command(havnBinary, slices.Concat([]string{"run"}, source, s.machineFlags())...)
	cmd.Stdout, cmd.Stderr = log, log
	// A run that is killed leaves no havn behind, which would go on to heal its site.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	d := &daemon{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		d.err = cmd.Wait()
	}()
	s.daemon = d
}

func (s *scenario) havnLog() string { return filepath.Join(s.logs, "havn.log") }

// signal sends havn a signal and waits for its end.
func (s *scenario) signal(sig syscall.Signal) error {
	if s.daemon == nil {
		return nil
	}
	_ = s.daemon.cmd.Process.Signal(sig)
	<-s.daemon.done
	err := s.daemon.err
	s.daemon = nil
	return err
}

// stop ends havn as a service manager does.
func (s *scenario) stop() {
	s.t.Helper()
	if err := s.signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("havn stopped: %v", err)
	}
}

// crash ends havn as a power cut does.
func (s *scenario) crash() { _ = s.signal(syscall.SIGKILL) }

// havn runs a command on the scenario's site and returns what it printed.
func (s *scenario) havn(args ...string) (string, error) {
	out, err := exec.Command(havnBinary, append(args, s.machineFlags()...)...).CombinedOutput()
	return string(out), err
}
