package git

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A cause is a text of git, ssh or curl, and what it means.
type cause struct {
	text  string
	not   string // says something else, if it is there
	what  string // git's own line if empty
	fault Fault
	// quote: git's own line follows the meaning.
	quote bool
	// server: the text is looked for in what the server said, too.
	server bool
	// doubt: a damaged mirror may be why.
	doubt bool
	// limit looks closer at a limit that was reached: ours, or the machine's.
	limit func(m *Mirror, f *Failure, line string)
}

// causes are the most telling first: one failure makes each program on the way print
// its own consequence of it, the last of which is the least of use.
var causes = concat(objectCauses, machineCauses, accessCauses, networkCauses, serverCauses, vagueCauses)

func concat(lists ...[]cause) (all []cause) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// objectCauses are the verdicts of git's own check of objects (fsck.<msg-id> of
// git-config(1)), and what is not a commit at all.
var objectCauses = []cause{
	{text: "error: object ", not: "error: object file ", fault: OfCommit, doubt: true},
	{text: "fsck error", fault: OfCommit, doubt: true},
	{text: "error in object", fault: OfCommit, doubt: true},
	{text: "error in tag", fault: OfCommit, doubt: true},
	{text: "expected commit type", what: "what is followed is not a commit", fault: OfCommit, doubt: true},
}

const (
	noSpace  = "the file system of the state directory has no space left; free some"
	noMemory = "this machine has no memory left for git"
)

// machineCauses are errors of the kernel (errno(3)), and programs that are missing.
var machineCauses = []cause{
	{text: "File too large", fault: OfCommit, limit: fileLimit, doubt: true},
	{text: "out of memory", fault: OfMachine, limit: memoryLimit, doubt: true},
	{text: "memory exhausted", fault: OfMachine, limit: memoryLimit, doubt: true},
	{text: "No space left on device", what: noSpace, fault: OfMachine, quote: true},
	{text: "Disk quota exceeded",
		what: "the disk quota of the state directory is used up; raise it or free some", fault: OfMachine, quote: true},
	{text: "Read-only file system",
		what: "the file system of the state directory is read-only", fault: OfMachine, quote: true},
	{text: "Input/output error", what: "the disk of the state directory has errors", fault: OfMachine, quote: true},
	{text: "Structure needs cleaning",
		what: "the file system of the state directory is damaged; check it (fsck)", fault: OfMachine, quote: true},
	{text: "Stale file handle",
		what: "the file system of the state directory went away", fault: OfMachine, quote: true},
	{text: "Too many open files",
		what: "this machine has no open files left for git; " +
			"raise the limit (LimitNOFILE, fs.file-max)", fault: OfMachine, quote: true},
	{text: "Cannot allocate memory", fault: OfMachine, limit: memoryLimit, doubt: true},
	{text: "Cannot fork", what: noFork, fault: OfMachine, quote: true},
	{text: "unable to fork", what: noFork, fault: OfMachine, quote: true},
	{text: "unable to create thread", what: noFork, fault: OfMachine, quote: true},
	{text: "cannot create async", what: noFork, fault: OfMachine, quote: true},
	{text: "Resource temporarily unavailable", what: noFork, fault: OfMachine, quote: true},
	{text: "git: not found", what: "git is not installed on this machine; install git", fault: OfMachine},
	{text: "remote helper 'http",
		what: "git can't speak https on this machine; " +
			"install git with its https helper", fault: OfMachine, quote: true},
	{text: "cannot run ssh:", what: "ssh is not installed on this machine; install openssh-client", fault: OfMachine},
	{text: "cannot run ssh-keygen", what: "ssh-keygen is not installed on this machine; install openssh-client", fault: OfMachine},
	{text: "cannot run gpg", what: "gpg is not installed on this machine; install gnupg", fault: OfMachine},
	{text: "gpg: not found", what: "gpg is not installed on this machine; install gnupg", fault: OfMachine},
	{text: "ssh: not found", what: "ssh is not installed on this machine; install openssh-client", fault: OfMachine},
	{text: ".lock': File exists",
		what: "another git works on the mirror, or one that was killed left its lock", fault: OfMachine, quote: true, doubt: true},
	{text: "shallow file has changed", what: "another git works on the mirror", fault: OfMachine, quote: true},
	{text: "died of signal",
		what: "a program of git was ended: " + killedBy, fault: OfMachine, quote: true, doubt: true},
}

const noFork = "this machine cannot start another process for git; raise the limit of processes (TasksMax, pids.max)"

// accessCauses are keys, tokens, certificates and known hosts.
var accessCauses = []cause{
	{text: "REMOTE HOST IDENTIFICATION HAS CHANGED",
		what: "the server's host key has changed; nothing was sent to it; " +
			"if that is meant, put the new key into the known_hosts file", fault: OfAccess},
	{text: "Host key verification failed",
		what: "the server's host key is not among the known hosts; nothing was sent to it", fault: OfAccess},
	{text: "no matching host key type",
		what: "the server has no host key of a type that ssh takes", fault: OfAccess, quote: true},
	{text: "bad permissions",
		what: "ssh ignores the deploy key, since others can read it; chmod 600 it", fault: OfAccess},
	{text: "incorrect passphrase",
		what: "the deploy key has a passphrase; remove it (ssh-keygen -p -N '' -f FILE)", fault: OfAccess},
	{text: "Load key", what: "ssh can't read the deploy key", fault: OfAccess, quote: true},
	{text: "Permission denied (publickey", what: "the server does not accept the deploy key", fault: OfAccess},
	{text: "Too many authentication failures", what: "the server does not accept the deploy key", fault: OfAccess},
	{text: "Authentication failed", what: "the server does not accept the credentials", fault: OfAccess},
	{text: "could not read Username",
		what: "the server asks for credentials, or the repository does not exist", fault: OfAccess},
	{text: "could not read Password", what: "the server asks for credentials", fault: OfAccess},
	{text: "returned error: 407", what: "the proxy does not accept the credentials (407)", fault: OfAccess},
	{text: "response 407", what: "the proxy does not accept the credentials (407)", fault: OfAccess},
	{text: "Received HTTP code 407", what: "the proxy does not accept the credentials (407)", fault: OfAccess},
	{text: "returned error: 401", what: "the server does not accept the credentials (401)", fault: OfAccess},
	{text: "returned error: 403",
		what: "the server refuses access (403): the credentials may not read this repository, or a limit of requests is used up", fault: OfAccess},
	{text: "certificate is not yet valid",
		what: "the server's certificate is not valid yet by this machine's clock; " +
			"look at the clock", fault: OfAccess, quote: true},
	{text: "certificate is not activated",
		what: "the server's certificate is not valid yet by this machine's clock; " +
			"look at the clock", fault: OfAccess, quote: true},
	{text: "certificate has expired",
		what: "the server's certificate has expired by this machine's clock", fault: OfAccess, quote: true},
	{text: "server certificate verification failed",
		what: "the server's certificate is not trusted (name a CA file if it is your own); " +
			"a wrong clock has the same effect", fault: OfAccess},
	{text: "SSL certificate problem", fault: OfAccess},
	{text: "error setting certificate verify locations",
		what: "the CA file can't be read", fault: OfAccess, quote: true},
	{text: "Problem with the SSL CA cert", what: "the CA file can't be read", fault: OfAccess, quote: true},
}

// networkCauses are connections that do not come about, or end early. What the program
// at the other end of the connection says of it follows from that.
var networkCauses = []cause{
	{text: "Could not resolve", what: "the server's name can't be looked up (DNS)", fault: OfNetwork, quote: true},
	{text: "Temporary failure in name resolution",
		what: "the server's name can't be looked up (DNS)", fault: OfNetwork, quote: true},
	{text: "Name or service not known", what: "the server's name is not known (DNS)", fault: OfNetwork, quote: true},
	{text: "unable to look up", what: "the server's name can't be looked up (DNS)", fault: OfNetwork, quote: true},
	{text: "Connection refused", fault: OfNetwork},
	{text: "Connection timed out", fault: OfNetwork},
	{text: "Operation timed out", fault: OfNetwork},
	{text: "Failed to connect", fault: OfNetwork},
	{text: "Couldn't connect", fault: OfNetwork},
	{text: "No route to host", fault: OfNetwork},
	{text: "Network is unreachable", fault: OfNetwork},
	{text: "kex_exchange_identification",
		what: "the server closed the connection before ssh began", fault: OfNetwork, quote: true},
	{text: "transfer closed", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "Connection reset", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "Connection closed", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "Broken pipe", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "Empty reply from server", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "Recv failure", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "Operation too slow", what: "the connection to the server is too slow", fault: OfNetwork, quote: true},
	{text: "gnutls_handshake() failed", what: noTLS, fault: OfNetwork, quote: true},
	{text: "GnuTLS", what: noTLS, fault: OfNetwork, quote: true},
	{text: "SSL connect error", what: noTLS, fault: OfNetwork, quote: true},
	{text: "SSL_ERROR", what: noTLS, fault: OfNetwork, quote: true},
	{text: "error:0A", what: noTLS, fault: OfNetwork, quote: true},
	{text: "CONNECT tunnel failed", what: "the proxy does not connect to the server", fault: OfNetwork, quote: true},
	{text: "Received HTTP code", what: "the proxy does not connect to the server", fault: OfNetwork, quote: true},
	{text: "HTTP/2 stream", what: connectionLost, fault: OfNetwork, quote: true},
}

const (
	connectionLost = "the connection to the server was lost"
	noTLS          = "no TLS connection to the server"
)

const damagedThere = "the server can't read what it should send: the repository is damaged there (git fsck)"

// serverCauses are answers that are not what was asked for.
var serverCauses = []cause{
	{text: "transport '", fault: OfServer},
	{text: "unable to update url base from redirection", what: redirects, fault: OfServer},
	{text: "returned error: 30", what: redirects, fault: OfServer},
	{text: "returned error: 404", what: notFound, fault: OfServer},
	{text: "repository '", what: notFound, fault: OfServer},
	{text: "Repository not found", what: notFound, fault: OfServer},
	{text: "could not be found", what: notFound, fault: OfServer},
	{text: "returned error: 429", what: "the server limits requests (429)", fault: OfServer},
	{text: "returned error: 5", what: "the server failed", fault: OfServer, quote: true},
	{text: "returned error", what: "the server refuses the request", fault: OfServer, quote: true},
	// upload-pack's own words, and those it may or may not get to pass on of its child's.
	{text: "empty filename in tree entry", what: damagedThere, fault: OfServer, server: true},
	{text: "possible repository corruption", what: damagedThere, fault: OfServer, server: true},
	{text: "not our ref",
		what: "the server does not have that commit, or does not hand it out", fault: OfServer, server: true},
	{text: "couldn't find remote ref", fault: OfServer},
	{text: "remote error:", fault: OfServer, server: true},
	{text: "does not appear to be a git repository", what: "the server has no such repository", fault: OfServer},
	{text: "not valid: is this a git repository?", what: notGit, fault: OfServer},
	{text: "bad line length character", what: notGit, fault: OfServer, quote: true},
	{text: "invalid server response", what: notGit, fault: OfServer, quote: true},
	{text: "did not send all necessary objects",
		what: "the server does not send all objects of the commit", fault: OfServer, doubt: true},
	{text: "does not support shallow", fault: OfServer},
}

const (
	notFound  = "the repository is not found: the server has none at this URL, or does not show it to these credentials (404)"
	redirects = "the server redirects to another address; name that one"
	notGit    = "the server answers, but not as a git server does; look at the URL"
)

// vagueCauses follow from others, of which nothing was said.
var vagueCauses = []cause{
	{text: "remote: fatal:",
		what: "the server failed while it sent the objects", fault: OfServer, quote: true, server: true},
	{text: "unexpected disconnect", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "early EOF", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "hung up", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "Could not read from remote repository",
		what: "the server does not serve the repository to this key", fault: OfServer},
	{text: "RPC failed", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "expected packfile", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "bad pack header", what: connectionLost, fault: OfNetwork, quote: true},
	{text: "pack is corrupted", what: badPack, fault: OfServer, quote: true, doubt: true},
	{text: "pack has", what: badPack, fault: OfServer, quote: true, doubt: true},
	{text: "inflate", what: badPack, fault: OfServer, quote: true, doubt: true},
	{text: "pack signature mismatch", what: badPack, fault: OfServer, quote: true, doubt: true},
	{text: "index-pack failed", what: badPack, fault: OfServer, quote: true, doubt: true},
	{text: "fatal: expected '", what: notGit, fault: OfServer, quote: true},
	{text: "protocol error", what: badPack, fault: OfServer, quote: true, doubt: true},
	{text: "invalid index-pack output",
		what: "git's index-pack ended without an answer: " + killedBy, fault: OfMachine, doubt: true},
}

const badPack = "what the server sent was damaged on the way or there"

// fileLimit tells the limit of [Limits.Pack] from a lower one of this process, or of the
// file system.
func fileLimit(m *Mirror, f *Failure, line string) {
	if inForce(unix.RLIMIT_FSIZE, uint64(m.Limits.Pack)) {
		f.What = fmt.Sprintf("the server sends more than a repository of specs may hold: %d MiB", m.Limits.Pack>>20)
		return
	}
	f.What, f.Fault = "this process may write no file as large as git's (LimitFSIZE) ("+line+")", OfMachine
}

// memoryLimit tells the limit of [Limits.Memory] from a machine without memory. The
// kernel refuses address space for no other reason than the limit, unless it is told
// never to promise more than it has (proc(5), overcommit_memory).
func memoryLimit(m *Mirror, f *Failure, line string) {
	if inForce(unix.RLIMIT_AS, uint64(m.Limits.Memory)) && !strings.Contains(line, "fork") && m.machineHas(line) {
		f.What, f.Fault = fmt.Sprintf("the objects take more memory than git may use: %d MiB", m.Limits.Memory>>20), OfCommit
		return
	}
	f.What = noMemory + " (" + line + ")"
}

var allocation = regexp.MustCompile(`tried to (?:m|re)?alloc(?:ate)? ([0-9]+) bytes`)

// machineHas: the machine would have had the memory.
func (m *Mirror) machineHas(line string) bool {
	strict, err := os.ReadFile("/proc/sys/vm/overcommit_memory")
	if err != nil || strings.TrimSpace(string(strict)) == "2" {
		return false
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return false
	}
	want := uint64(m.Limits.Memory)
	if found := allocation.FindStringSubmatch(line); found != nil {
		want, _ = strconv.ParseUint(found[1], 10, 64)
	}
	total := (uint64(info.Totalram) + uint64(info.Totalswap)) * uint64(info.Unit)
	return want >= uint64(m.Limits.Memory) || want <= total
}

// inForce: the limit is ours, and not a lower one that this process has.
func inForce(which int, ours uint64) bool {
	var have unix.Rlimit
	return unix.Getrlimit(which, &have) == nil && have.Max >= ours
}
