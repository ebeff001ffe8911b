package git

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What git, ssh and curl print, recorded, and whose fault that is. The failures that a
// test can bring about are in the tests of package gitops.
func TestFaults(t *testing.T) {
	for stderr, want := range map[string]Fault{
		"error: object 1f3c: duplicateEntries: contains duplicate file entries\n" +
			"fatal: fsck error in packed object\nfatal: fetch-pack: invalid index-pack output\n": OfCommit,
		"error: object file objects/1f/3c is empty\nfatal: loose object 1f3c is corrupt\n":        Unknown,
		"fatal: write error: File too large\nfatal: fetch-pack: invalid index-pack output\n":      OfCommit,
		"fatal: Out of memory, malloc failed (tried to allocate 9000000000 bytes)\n":              OfCommit,
		"fatal: write error: Disk quota exceeded\nfatal: fetch-pack: invalid index-pack output\n": OfMachine,
		"error: cannot open 'shallow.lock': Read-only file system\n":                              OfMachine,
		"fatal: read error: Input/output error\nfatal: fetch-pack: invalid index-pack output\n":   OfMachine,
		"error: cannot create standard output pipe for git-upload-pack '/x': Too many open files\n" +
			"fatal: unable to fork\n": OfMachine,
		"sh: 1: Cannot fork\n": OfMachine,
		"error: cannot fork() for ssh: Resource temporarily unavailable\nfatal: unable to fork\n": OfMachine,
		"error: cannot fork() for ssh: Cannot allocate memory\nfatal: unable to fork\n":           OfMachine,
		"sh: 1: git: not found\n": OfMachine,
		"error: cannot run ssh: No such file or directory\nfatal: unable to fork\n": OfMachine,
		"fatal: Unable to create '/x/mirror.git/shallow.lock': File exists.\n\n" +
			"Another git process seems to be running\nremove the file manually to continue.\n": OfMachine,
		"remote: fatal: Out of memory, malloc failed (tried to allocate 3000001 bytes)\n" +
			"remote: aborting due to possible repository corruption\nfatal: protocol error: bad pack header": OfServer,
		"fatal: remote error: upload-pack: not our ref 1f3c\n":                          OfServer,
		"fatal: remote error: Disk quota exceeded\n":                                    OfServer,
		"ERROR: Repository not found.\nfatal: Could not read from remote repository.\n": OfServer,
		"fatal: unable to access 'https://x/': The requested URL returned error: 503\n": OfServer,
		"fatal: unable to access 'https://x/': Could not resolve host: x\n":             OfNetwork,
		"ssh: Could not resolve hostname x: Temporary failure in name resolution\r\n" +
			"fatal: Could not read from remote repository.\n": OfNetwork,
		"ssh: connect to host x port 22: Connection refused\r\n" +
			"fatal: Could not read from remote repository.\n": OfNetwork,
		"kex_exchange_identification: Connection closed by remote host\r\n" +
			"fatal: Could not read from remote repository.\n": OfNetwork,
		"client_loop: send disconnect: Broken pipe\r\n" +
			"fetch-pack: unexpected disconnect while reading sideband packet\nfatal: early EOF\n": OfNetwork,
		"Timeout, server x not responding.\nfatal: the remote end hung up unexpectedly\n":                                    OfNetwork,
		"fatal: unable to access 'https://x/': gnutls_handshake() failed: The TLS connection was non-properly terminated.\n": OfNetwork,
		"fatal: unable to access 'https://x/': OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to x:443\n":              OfNetwork,
		"fatal: unable to access 'https://x/': CONNECT tunnel failed, response 502\n":                                        OfNetwork,
		"fatal: unable to access 'https://x/': CONNECT tunnel failed, response 407\n":                                        OfAccess,
		"fatal: unable to access 'https://x/': SSL certificate problem: certificate is not yet valid\n":                      OfAccess,
		"fatal: unable to access 'https://x/': server certificate verification failed. CAfile: none CRLfile: none\n":         OfAccess,
		"git@x: Permission denied (publickey).\r\nfatal: Could not read from remote repository.\n":                           OfAccess,
		"Load key \"/etc/havn/key\": bad permissions\r\ngit@x: Permission denied (publickey).\r\n":                           OfAccess,
		"@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nHost key verification failed.\r\n":                          OfAccess,
		"fatal: something new\n": Unknown,
	} {
		m := &Mirror{State: "/var/lib/havn/git", Limits: DefaultLimits()}
		f := &Failure{Call: "fetch"}
		m.explain(f, stderr)
		if f.Fault != want {
			t.Errorf("%q: %s: blamed on %q, not on %q", stderr, f, f.Fault, want)
		}
	}
}

// A limit is the commit's fault only where it is ours, and not a lower one of this process.
func TestALimitOfThisProcessIsTheMachines(t *testing.T) {
	var have unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &have); err != nil {
		t.Fatal(err)
	}
	m := &Mirror{Limits: DefaultLimits()}
	if have.Max != unix.RLIM_INFINITY {
		t.Fatalf("the test needs no limit of its own: %d", have.Max)
	}
	if !inForce(unix.RLIMIT_FSIZE, uint64(m.Limits.Pack)) || inForce(unix.RLIMIT_NOFILE, 1<<40) {
		t.Error("a limit that is beyond the one of this process is taken for the one in force")
	}
}
