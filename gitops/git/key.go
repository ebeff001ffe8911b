package git

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// maxKey bounds a key file and a known_hosts file.
const maxKey = 1 << 20

// CheckKey says why ssh can't use a deploy key, and what to do about it. For most of
// that ssh's own words are "error in libcrypto".
func CheckKey(file string) error {
	text, info, err := readPlain(file)
	if err != nil {
		return fmt.Errorf("the deploy key %s: %w", file, err)
	}
	if what := keyProblem(file, text, info); what != "" {
		return fmt.Errorf("the deploy key %s %s", file, what)
	}
	return nil
}

const openSSH = "OPENSSH PRIVATE KEY-----"

func keyProblem(file string, text []byte, info fs.FileInfo) string {
	owner, _ := info.Sys().(*syscall.Stat_t)
	first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	switch {
	case owner != nil && int(owner.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 != 0:
		return "can be read by other users, so ssh ignores it; chmod 600 it"
	case owner != nil && int(owner.Uid) != os.Geteuid() && info.Mode().Perm()&0o004 == 0:
		return fmt.Sprintf("belongs to another user (uid %d); chown it to the user that havn runs as", owner.Uid)
	case len(bytes.TrimSpace(text)) == 0:
		return "is empty"
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return "begins with a byte order mark, which ssh cannot read; remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' " + file
	case isUTF16(text):
		return "is UTF-16 text, which ssh can't read; write it as plain text (iconv -f UTF-16 -t UTF-8)"
	case strings.HasPrefix(first, "PuTTY-User-Key-File"):
		return "is in PuTTY's format; convert it: puttygen KEY.ppk -O private-openssh -o " + file
	case isPublic(first):
		return "is the public key; the private one is the file of that name without .pub"
	case !strings.Contains(first, "PRIVATE KEY-----"):
		return "is not a private key, which begins with -----BEGIN"
	case hasPassphrase(string(text)):
		return "has a passphrase, which havn cannot enter; remove it (ssh-keygen -p -N '' -f FILE), or make a key without one"
	case strings.Contains(first, openSSH):
		return formProblem(file, string(text))
	}
	return ""
}

// formProblem is what ssh minds in the lines of its own format, and not in others.
func formProblem(file, text string) string {
	switch end := "-----END " + openSSH; {
	case strings.Contains(text, "\r"):
		return "has Windows line ends (CRLF), which ssh cannot read in this format; remove them: sed -i 's/\\r$//' " + file
	case !strings.Contains(text, end):
		return "is cut short: its last line, " + end + ", is missing"
	case !strings.Contains(text, end+"\n"):
		return "has no line break at its end, without which ssh cannot read it; add one: echo >> " + file
	case !strings.HasPrefix(text, "-----BEGIN "+openSSH+"\n"):
		return "has something before, or in, its first line -----BEGIN " + openSSH
	}
	return ""
}

func isPublic(line string) bool {
	kind, _, _ := strings.Cut(line, " ")
	return strings.HasPrefix(kind, "ssh-") || strings.HasPrefix(kind, "ecdsa-") || strings.HasPrefix(kind, "sk-")
}

func isUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) || bytes.IndexByte(text, 0) >= 0
}

// hasPassphrase reads what PEM says in a header, and OpenSSH's format as the name of the
// cipher (PROTOCOL.key in OpenSSH's sources).
func hasPassphrase(text string) bool {
	if strings.Contains(text, "ENCRYPTED") {
		return true
	}
	_, body, _ := strings.Cut(text, openSSH)
	body, _, _ = strings.Cut(body, "-----END")
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	raw, is := bytes.CutPrefix(raw, []byte("openssh-key-v1\x00"))
	if err != nil || !is || len(raw) < 4 {
		return false
	}
	length := binary.BigEndian.Uint32(raw)
	return uint64(length) <= uint64(len(raw)-4) && string(raw[4:4+length]) != "none"
}

// CheckKnownHosts says why ssh finds no host's key in a file.
func CheckKnownHosts(file string) error {
	if what := knownHostsProblem(file); what != "" {
		return fmt.Errorf("the known hosts %s: %s", file, what)
	}
	return nil
}

// knownHostsProblem is what keeps every line of a known_hosts file from being found.
func knownHostsProblem(file string) string {
	text, _, err := readPlain(file)
	switch {
	case err != nil:
		return err.Error()
	case len(bytes.TrimSpace(text)) == 0:
		return "it is empty; ssh-keyscan HOST writes a line for it, to be compared with what the forge publishes"
	case isUTF16(text):
		return "it is UTF-16 text, which ssh can't read; write it as plain text (iconv -f UTF-16 -t UTF-8)"
	}
	return ""
}

// readPlain reads a plain file that a person wrote.
func readPlain(file string) ([]byte, fs.FileInfo, error) {
	// A pipe that nobody writes to is not waited for.
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("not a plain file")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKey))
	return text, info, err
}

// explainAccess says what of this host's files is why a server can't be trusted, or does
// not trust this host.
func (m *Mirror) explainAccess(f *Failure) {
	if f.Fault != OfAccess || m.Remote.Protocol() != "ssh" {
		return
	}
	if err := CheckKey(m.Remote.KeyFile); err != nil {
		f.What = err.Error()
		return
	}
	if what := knownHostsProblem(m.Remote.KnownHostsFile); what != "" {
		f.What = fmt.Sprintf("the server's host key can't be looked up in %s: %s; nothing was sent to the server", m.Remote.KnownHostsFile, what)
	}
}
