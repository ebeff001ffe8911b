package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unicode"
)

// A Failure is a call of git that went wrong.
type Failure struct {
	// Call is what git was asked, What is why it refused, in one line.
	Call, What string
	// Content: what the remote holds is at fault, so asking again is of no use.
	Content bool
	// Exit is git's exit code, if it got that far.
	Exit int
	// Signal ended it, if it is not 0.
	Signal syscall.Signal
	// Doubt: the mirror itself may be damaged; see [Mirror.Doubted].
	Doubt bool
}

func (f *Failure) Error() string { return "git " + f.Call + ": " + f.What }

// causes are git's words and their meaning, the most telling first.
var causes = []struct {
	text    string
	what    string // git's own line if empty
	content bool
}{
	{"Host key verification failed", "the server's host key is not among the known hosts; nothing was sent to it", false},
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "the server's host key has changed; nothing was sent to it", false},
	{"Permission denied (publickey", "the server does not accept the deploy key", false},
	{"Load key", "", false},
	{"Authentication failed", "the server does not accept the credentials", false},
	{"could not read Username", "the server asks for credentials, or the repository does not exist", false},
	{"could not read Password", "the server asks for credentials", false},
	{"server certificate verification failed", "the server's certificate is not trusted (name a CA file if it is your own)", false},
	{"SSL certificate problem", "", false},
	{"Could not resolve host", "", false},
	{"transport '", "", false},
	{"unable to update url base from redirection", "the server redirects to another address; name that one", false},
	{"The requested URL returned error: 30", "the server redirects to another address; name that one", false},
	// upload-pack's own words, and those it may or may not get to pass on of its child's.
	{"empty filename in tree entry", damagedThere, false},
	{"possible repository corruption", damagedThere, false},
	{"not our ref", "the server does not have that commit, or does not hand it out", false},
	{"couldn't find remote ref", "", false},
	{"died of signal 25", "the server sends more than a repository of specs may hold", true},
	{"File too large", "the server sends more than a repository of specs may hold", true},
	{"out of memory", "the objects take more memory than git may use", true},
	{"memory exhausted", "the objects take more memory than git may use", true},
	{"Cannot allocate memory", "the objects take more memory than git may use", true},
	{"error: object ", "", true},
	{"fsck error", "", true},
	{"expected commit type", "what is followed is not a commit", true},
	{"error in object", "", true},
	{"error in tag", "", true},
	{"invalid index-pack output", "the server sends more than a repository of specs may hold, or what git can't read", true},
	{"index-pack failed", "", true},
	{"did not send all necessary objects", "the server does not send all objects of the commit", true},
}

const damagedThere = "the server can't read what it should send: the repository is damaged there (git fsck)"

// failure turns the end of a process into one line.
func (m *Mirror) failure(ctx context.Context, c call, state *os.ProcessState, stderr string) error {
	name := c.called()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Failure{Call: name, What: context.Cause(ctx).Error()}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &Failure{Call: name, What: fmt.Sprintf("ended by signal %d (%s); the repository asks for too much", status.Signal(), status.Signal()), Content: true, Doubt: true, Signal: status.Signal()}
	}
	for _, cause := range causes {
		if strings.Contains(stderr, cause.text) {
			what := cause.what
			if what == "" {
				what = telling(stderr, cause.text)
			}
			return &Failure{Call: name, What: what, Content: cause.content, Exit: state.ExitCode(), Doubt: cause.content}
		}
	}
	return &Failure{Call: name, What: telling(stderr, "fatal:"), Exit: state.ExitCode(), Doubt: true}
}

// telling is the first line with the text in it, or else the last one, without
// what a terminal would act on. The lines may be the server's.
func telling(stderr, text string) string {
	var line string
	for l := range strings.Lines(stderr) {
		if l = strings.TrimSpace(l); l != "" {
			line = l
		}
		if strings.Contains(l, text) {
			break
		}
	}
	line = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, line)
	line = strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: ")
	if line == "" {
		return "it failed without a word"
	}
	if len(line) > 300 {
		line = strings.ToValidUTF8(line[:300], "") + "..."
	}
	return line
}
