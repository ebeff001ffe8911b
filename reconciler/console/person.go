package console

import (
	"context"
	"net"
	"net/http"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"havn.internal/gitops/hold"
)

// sudoHeader is the user that sudo was called by, as the command says. It counts
// only from root, who may say anything.
const sudoHeader = "Havn-Sudo-User"

type peerKey struct{}

// withPeer notes who is at the other end of a unix socket: the kernel knows.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	u, isUnix := c.(*net.UnixConn)
	if !isUnix {
		return ctx
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ctx
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			ctx = context.WithValue(ctx, peerKey{}, int(cred.Uid))
		}
	})
	return ctx
}

// by is who asks, and why.
func by(r *http.Request) hold.By {
	b := hold.By{Who: "unknown", Why: plain(r.URL.Query().Get("why"))}
	if uid, known := r.Context().Value(peerKey{}).(int); known {
		b.Who = Person(uid, r.Header.Get(sudoHeader))
	}
	return b
}

var userForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$`)

// Person names a user of this machine; sudo is the user that sudo was called by, if
// it was.
func Person(uid int, sudo string) string {
	if uid == 0 && sudo != "root" && userForm.MatchString(sudo) {
		return sudo + " (sudo)"
	}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil || !userForm.MatchString(u.Username) {
		return "uid " + strconv.Itoa(uid)
	}
	return u.Username
}

// mostReason bounds a reason that is given.
const mostReason = 500

// plain is one line of printable text: it is shown on terminals.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if runes := []rune(text); len(runes) > mostReason {
		text = string(runes[:mostReason])
	}
	return strings.TrimSpace(text)
}
