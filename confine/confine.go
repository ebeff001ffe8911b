// Package confine starts processes that may do little: git and ssh, which read what others
// have written, and the evaluation of a spec.
package confine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights are what a process may do; everything else is denied to it, and to what it
// starts. Files are denied where the kernel has Landlock (5.13), sockets where it has
// seccomp filters. Capabilities it has none.
type Rights struct {
	// Read and Write are files and directories; what is not there is left out.
	Read, Write []string
	// Others: it may read files of other users, as a repository on this host is.
	Others  bool
	Sockets Sockets
	// Apart: it runs as a user of its own if this one is root. That needs a program that
	// everybody may execute.
	Apart bool
}

// Sockets are those that a process may make.
type Sockets int

const (
	NoSockets Sockets = iota
	// NetworkSockets are not those of this machine, such as Docker's.
	NetworkSockets
	AllSockets
)

// apart is the user and the group of a process that runs apart: no name has the number.
const apart = 65533

// Start starts a process by a thread that has given up its rights for good. The
// thread lives until the returned function is called, as the death of a child's
// parent thread is the death of the child.
func Start(r Rights, begin func() error) (release func(), err error) {
	started, ended := make(chan error), make(chan struct{})
	go ownThread(func() {
		err := r.giveUp()
		if err == nil {
			err = begin()
		}
		started <- err
		if err == nil {
			<-ended
		}
	})
	return func() { close(ended) }, <-started
}

// ownThread runs f on a thread that ends with it, and that nobody else gets. The
// first thread of a process can't end, and is what others see of the process: it is
// held meanwhile, so that f gets another one.
func ownThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return // never unlocked
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ownThread(f)
	}()
	<-done
	runtime.UnlockOSThread()
}

// giveUp leaves the thread with what the rights name.
func (r Rights) giveUp() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up rights: %w", err)
	}
	if err := r.landlock(); err != nil {
		return fmt.Errorf("give up rights to files: %w", err)
	}
	if err := r.dropCapabilities(); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	if r.Sockets == AllSockets {
		return nil
	}
	if err := filterSockets(r.Sockets); err != nil {
		return fmt.Errorf("give up sockets: %w", err)
	}
	return nil
}

// dropCapabilities makes root a user like others, who owns root's files, or another user.
func (r Rights) dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if r.Others && c == unix.CAP_DAC_READ_SEARCH {
			continue
		}
		// Who may not drop one from the bounding set has no use for it there either.
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	if r.Apart && unix.Geteuid() == 0 {
		if err := changeUser(); err != nil {
			return err
		}
	}
	keep := uint32(0)
	if r.Others {
		keep = data[0].Permitted & (1 << unix.CAP_DAC_READ_SEARCH)
	}
	data = [2]unix.CapUserData{{Effective: keep, Permitted: keep}}
	return unix.Capset(&header, &data[0])
}

// changeUser makes this thread another user's. In a container, or a user namespace, there
// may be no other one, or no right to become it.
func changeUser() error {
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, 0, 0, 0}, {unix.SYS_SETRESGID, apart, apart, apart}, {unix.SYS_SETRESUID, apart, apart, apart},
	} {
		_, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3])
		if errno != 0 && errno != unix.EPERM && errno != unix.EINVAL {
			return errno
		}
	}
	return nil
}

const (
	mayRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	mayWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_REFER |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
	// ofFile are the rights that a file can have, and not only a directory.
	ofFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// landlock denies all but the rights (landlock(7)). A kernel without it is no error.
func (r Rights) landlock() error {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	// Docker before 23 answers EPERM to what its filter of system calls does not know.
	if errno == unix.ENOSYS || errno == unix.EOPNOTSUPP || errno == unix.EPERM {
		return nil
	}
	if errno != 0 {
		return errno
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: mayRead | mayWrite}
	if abi < 2 {
		attr.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi < 3 {
		attr.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return errno
	}
	defer func() { _ = unix.Close(int(set)) }()
	for _, path := range r.Read {
		if err := allow(set, path, mayRead&attr.Handled_access_fs); err != nil {
			return err
		}
	}
	for _, path := range append(r.Write, os.DevNull) {
		if err := allow(set, path, attr.Handled_access_fs); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// allow adds a rule for what is at the path; what is not there needs none.
func allow(set uintptr, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= ofFile
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, set, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("%s: %w", path, errno)
	}
	return nil
}
