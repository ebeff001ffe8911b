package confine

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Docker's socket, and that of any other service of this machine, is a file that
// Landlock does not guard: to connect to it is no act on a file. So a child gets no
// socket but those of the network (seccomp(2)).

// families are the sockets of the network. Netlink is how a name's addresses are put in
// order.
var families = []uint32{unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}

// ways are the calls that lead around the filter, or into another process.
var ways = []uint32{
	unix.SYS_IO_URING_SETUP, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_PIDFD_GETFD, unix.SYS_BPF, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
}

var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64, "riscv64": unix.AUDIT_ARCH_RISCV64}

// Where a call's parts lie in struct seccomp_data. All of the architectures are
// little-endian, so the low half of an argument comes first.
const (
	offsetNumber       = 0
	offsetArchitecture = 4
	offsetFirst        = 16
	// otherABI marks the calls of amd64's x32, which have numbers of their own.
	otherABI = 0x40000000
)

// filterSockets takes the right to other sockets from the thread and what it starts.
// An architecture, or a kernel, without such filters is no error.
func filterSockets(left Sockets) error {
	architecture, known := architectures[runtime.GOARCH]
	if !known {
		return nil
	}
	var allowed []uint32
	if left == NetworkSockets {
		allowed = families
	}
	filter := socketFilter(architecture, allowed)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 && errno != unix.ENOSYS && errno != unix.EINVAL {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

func socketFilter(architecture uint32, families []uint32) []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	answer := func(with uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: with}
	}
	// unless jumps over the next one.
	unless := func(compare uint16, with uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | compare | unix.BPF_K, K: with, Jf: 1}
	}
	when := func(with uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: with, Jt: 1}
	}
	denied := answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES))
	f := []unix.SockFilter{
		load(offsetArchitecture), when(architecture), answer(unix.SECCOMP_RET_KILL_PROCESS),
		load(offsetNumber), unless(unix.BPF_JGE, otherABI), denied,
	}
	for _, way := range ways {
		f = append(f, unless(unix.BPF_JEQ, way), denied)
	}
	f = append(f, when(unix.SYS_SOCKET), answer(unix.SECCOMP_RET_ALLOW), load(offsetFirst))
	for _, family := range families {
		f = append(f, unless(unix.BPF_JEQ, family), answer(unix.SECCOMP_RET_ALLOW))
	}
	return append(f, denied)
}
