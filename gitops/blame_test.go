package gitops

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
)

// noisy is a spec of 512 KiB that takes half of that in a pack, more than one packet of
// git's protocol.
var noisy = func() map[string]string {
	files, source := map[string]string{}, rand.NewChaCha8([32]byte{})
	for i := range 8 {
		b := make([]byte, 32<<10)
		_, _ = source.Read(b)
		files[fmt.Sprintf("noise%d.cue", i)] = fmt.Sprintf("package site\n// %x\n", b)
	}
	return files
}()

// An injury is a failure that really happens while the second commit is fetched.
type injury struct {
	name string
	// do begins it, and returns what ends it.
	do    func(t *testing.T, i *injured) (undo func())
	fault git.Fault
	says  string
	// state makes the state directory, if it is a special one.
	state func(*testing.T) string
}

// An injured is a source, and what stands between it and the second commit.
type injured struct {
	*follower
	repo *origin.Repo
	web  *origin.Web
}

// run wants the blame where it belongs, the commit not held for it, and the commit taken
// as soon as the failure is over.
func (i injury) run(t *testing.T) {
	t.Parallel()
	r := origin.New(t)
	web := r.Serve()
	o := options(t, web.Address())
	o.Remote.CAFile = web.CAFile
	if i.state != nil {
		o.State = i.state(t)
	}
	in := &injured{follow(t, o), r, web}
	in.accepts(r.Commit(site(1)))
	second := r.Commit(noisy)
	undo := i.do(t, in)
	err := in.ask()
	undo()
	in.blames(err, i.fault, i.says)
	in.accepts(second)
}

// blames wants a failure that is not the commit's, or one that is and holds it.
func (f *follower) blames(err error, fault git.Fault, says string) {
	f.t.Helper()
	var failure *git.Failure
	var held *Held
	isHeld := errors.As(err, &held)
	switch {
	case err == nil:
		f.t.Fatal("nothing failed")
	case fault == git.OfCommit:
		if !isHeld {
			f.t.Errorf("%v: the commit is not held", err)
		}
	case isHeld:
		f.t.Errorf("the commit is held: %v", err)
	case fault == git.Unknown:
	case !errors.As(err, &failure) || failure.Fault != fault:
		f.t.Errorf("%v: blamed on %+v, not on the %s", err, failure, fault)
	}
	if !strings.Contains(err.Error(), says) {
		f.t.Errorf("%q does not say %q", err, says)
	}
}

// served has the server answer so until undo.
func served(a answer) func(*testing.T, *injured) func() {
	return func(_ *testing.T, i *injured) func() {
		before := func(out http.ResponseWriter, in *http.Request) bool {
			return in.Header.Get("X-Altered") == "" && a(out, in)
		}
		i.web.Before.Store(&before)
		return func() { i.web.Before.Store(nil) }
	}
}

// cutAt sends so many bytes of what the repository answers, in hundredths of it, and
// then resets the connection or ends it.
func cutAt(hundredths int, reset bool) answer {
	return packs(func(out http.ResponseWriter, in *http.Request) bool {
		whole := recorded(in)
		conn, buffered, err := out.(http.Hijacker).Hijack()
		if err != nil {
			return false
		}
		defer func() { _ = conn.Close() }()
		_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n")
		_, _ = buffered.Write(whole[:len(whole)*hundredths/100])
		_ = buffered.Flush()
		if tcp, is := conn.(interface{ NetConn() net.Conn }); is && reset {
			_ = tcp.NetConn().(*net.TCPConn).SetLinger(0)
		}
		return true
	})
}

var injuries = []injury{
	{name: "the connection ends at once", do: served(cutAt(0, false)), fault: git.OfNetwork, says: "lost"},
	{name: "the connection ends after a tenth", do: served(cutAt(10, false)), fault: git.OfNetwork, says: "lost"},
	{name: "the connection ends in the middle", do: served(cutAt(50, false)), fault: git.OfNetwork, says: "lost"},
	{name: "the connection ends before the last bytes", do: served(cutAt(97, false)), fault: git.OfNetwork, says: "lost"},
	{name: "the connection is reset in the middle", do: served(cutAt(50, true)), fault: git.OfNetwork, says: "lost"},
	{name: "a proxy ends the answer in the middle", do: served(packs(altered(func(b []byte) []byte { return b[:len(b)/2] }))), fault: git.OfNetwork, says: "lost"},
	{name: "a gateway that is full", do: served(status(502, "<html>bad gateway")), fault: git.OfServer, says: "502"},
	{name: "a server that starts", do: served(status(503, "starting")), fault: git.OfServer, says: "503"},
	{name: "a gateway in the middle", do: served(packs(status(504, "late"))), fault: git.OfServer, says: "504"},
	{name: "too many requests", do: served(status(429, "slow down")), fault: git.OfServer, says: "429"},
	{name: "a repository that is gone", do: served(status(404, "no")), fault: git.OfServer, says: "404"},
	{name: "a right that is gone", do: served(status(403, "no")), fault: git.OfAccess, says: "403"},
	{name: "a login page", do: served(status(200, "<html>log in</html>")), fault: git.OfServer, says: "not as a git server"},
	{name: "a login page of many lines", do: served(status(200, "<html>\n<body>log in</body>\n</html>\n")), fault: git.OfServer, says: "not as a git server"},
	{name: "a portal that takes the place of the pack", do: served(packs(status(200, "<html>pay</html>"))), fault: git.OfServer, says: ""},
	{name: "a server short of disk", do: served(packs(status(200, line("packfile\n")+line("\x02fatal: No space left on device\n")+line("\x03no space left on device")))), fault: git.OfServer, says: ""},
	{name: "a server that says why", do: served(advertised(line("# service=git-upload-pack\n") + "0000" + line("ERR write error: No space left on device"))), fault: git.OfServer, says: "No space left"},
	{name: "a pack with bits turned", do: served(packs(altered(turned))), fault: git.OfServer, says: ""},
}

func TestWhatFailedIsBlamedOnWhomItWas(t *testing.T) {
	for _, i := range injuries {
		t.Run(i.name, i.run)
	}
}
