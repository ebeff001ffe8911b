package gitops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"havn.internal/gitops/git"
	"havn.internal/gitops/origin"
	"havn.internal/gitops/trust"
)

func site(n int) map[string]string {
	return map[string]string{"site.cue": fmt.Sprintf("package site\nn: %d\n", n)}
}

func TestRewrittenHistoryIsHeldUntilAccepted(t *testing.T) {
	r := origin.New(t)
	base := r.Commit(site(0))
	first := r.Commit(site(1))
	f := follow(t, options(t, r.URL()))
	f.accepts(first)
	r.Git("reset", "-q", "--hard", base)
	forced := r.Commit(site(2))
	held := f.holds("does not descend", "havn accept "+forced[:12])
	if held.Commit != forced {
		t.Errorf("held %s", held.Commit)
	}
	// It is still held after a restart, and what was accepted is delivered.
	f = f.again()
	if len(f.got) != 1 || f.got[0].Commit != first {
		t.Fatalf("after a restart: %v", f.got)
	}
	f.holds("does not descend")
	if err := f.Accept(first); err == nil {
		t.Error("something else than what is held can be accepted")
	}
	if err := f.Accept(forced[:8]); err != nil {
		t.Fatal(err)
	}
	f.accepts(forced)
	if err := f.Accept(forced); err == nil {
		t.Error("what is not held can be accepted")
	}
	f.accepts(r.Commit(site(3)))
}

// A release from main after one from a maintenance branch is held, and not called
// rewritten.
func TestAReleaseOfAnotherBranchIsHeldAsThat(t *testing.T) {
	r := origin.New(t)
	r.Commit(site(0))
	r.Git("tag", "v1.2.0")
	main := r.Commit(site(1))
	r.Git("checkout", "-q", "-b", "maintenance", "v1.2.0")
	fix := r.Commit(site(2))
	r.Git("tag", "v1.2.1")
	o := options(t, r.URL())
	o.Ref = git.Ref{Semver: "^1"}
	f := follow(t, o)
	f.accepts(fix)
	r.Git("tag", "v1.3.0", main)
	held := f.holds("v1.3.0 is a release of another branch", "maintenance release", "havn accept "+main[:12])
	if strings.Contains(held.Why, "rewritten") {
		t.Error(held.Why)
	}
	check(t, f.Accept(main))
	f.accepts(main)
	r.Git("tag", "-d", "v1.3.0")
	r.Git("tag", "-f", "v1.2.1", "v1.2.0")
	f.holds("a newer tag was removed or moved")
}

func TestOlderRevisionIsHeld(t *testing.T) {
	r := origin.New(t)
	r.Commit(site(0))
	older := r.Commit(site(1))
	f := follow(t, options(t, r.URL()))
	f.accepts(older)
	newer := r.Commit(site(2))
	f.accepts(newer)
	r.Git("reset", "-q", "--hard", older)
	f.holds("older than the accepted revision")
	r.Git("reset", "-q", "--hard", newer)
	if err := f.ask(); err != nil {
		t.Fatalf("the accepted revision is back: %v", err)
	}
	if f.Status().Held != nil {
		t.Error("still shown as held")
	}
}

func TestUnrelatedHistoryIsHeld(t *testing.T) {
	r := origin.New(t)
	f := follow(t, options(t, r.URL()))
	r.Commit(site(0))
	f.accepts(r.Commit(site(1)))
	r.Git("checkout", "-q", "--orphan", "other")
	r.Commit(site(2))
	r.Git("branch", "-M", "other", "main")
	f.holds("does not descend")
}

func TestWhatIsGoneIsHeld(t *testing.T) {
	r := origin.New(t)
	o := options(t, r.URL())
	o.Path = "hosts/web1"
	f := follow(t, o)
	f.holds("no branch main") // nothing was ever pushed
	f.accepts(r.Commit(map[string]string{"hosts/web1/site.cue": "package site\n", "README": "x"}))
	r.Commit(map[string]string{"hosts/web1/site.cue": ""})
	f.holds("no directory hosts/web1", "push it again")
	if err := os.Remove(filepath.Join(r.Dir, "hosts/web1")); err != nil {
		t.Fatal(err)
	}
	r.Commit(map[string]string{"hosts/web1": "a file"})
	f.holds("is a file where the spec's directory should be")
	r.Commit(map[string]string{"hosts/web1": ""})
	r.Commit(map[string]string{"hosts/web1/README": "x"})
	f.holds("no .cue files")
	last := r.Commit(map[string]string{"hosts/web1/site.cue": "package back\n"})
	f.accepts(last)
	r.Git("checkout", "-q", "--detach")
	r.Git("branch", "-q", "-D", "main")
	f.holds("no branch main", "push it again")
	r.Git("branch", "main")
	if err := f.ask(); err != nil {
		t.Fatal(err)
	}
	if f.memory.accepted.Commit != last {
		t.Errorf("accepted is %v", f.memory.accepted)
	}
}

func TestAnotherSourceStartsAnew(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(site(0))
	o := options(t, r.URL())
	f := follow(t, o)
	f.accepts(first)
	r.Git("checkout", "-q", "--orphan", "release")
	second := r.Commit(site(1))
	f.Ref = git.Ref{Branch: "release"}
	f = f.again()
	if len(f.got) != 0 {
		t.Errorf("the revision of another branch was delivered: %v", f.got)
	}
	f.accepts(second)
}

func TestForgottenRevisionIsNotDelivered(t *testing.T) {
	r := origin.New(t)
	first := r.Commit(site(0))
	f := follow(t, options(t, r.URL()))
	rev := f.accepts(first)
	// A power cut left a file empty.
	path := filepath.Join(rev.Dir, "site.cue")
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	f = f.again()
	if len(f.got) != 0 {
		t.Fatalf("a damaged revision was delivered: %v", f.got)
	}
	if rev = f.accepts(first); contentOf(t, rev, "site.cue") != "package site\nn: 0\n" {
		t.Error("the revision was not written again")
	}
	f.memory.fault = errors.New("the disk is full")
	r.Commit(site(1))
	f.fails("the disk is full")
}

func TestEveryCommitMustBeSigned(t *testing.T) {
	r := origin.New(t)
	anna, eve := origin.NewKey(t), origin.NewKey(t)
	o := options(t, r.URL())
	o.Trust = trust.Policy{Mode: trust.Every, Keys: git.Keys{AllowedSigners: tempFile(t, "signers", "anna@x "+anna.Public+"\n")}}
	f := follow(t, o)
	r.Commit(site(0)) // what was before the first revision is not asked about
	first := r.CommitSigned(anna, site(1))
	if rev := f.accepts(first); rev.Signer != "anna@x" {
		t.Errorf("signer %q", rev.Signer)
	}
	r.CommitSigned(anna, site(2))
	f.accepts(r.CommitSigned(anna, site(3)))

	unsigned := r.Commit(site(4))
	top := r.CommitSigned(anna, site(5))
	f.holds("commit "+unsigned[:12]+" is not signed", "add the key")
	if err := f.Accept(top); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Errorf("an unsigned commit can be accepted: %v", err)
	}
	v, err := f.Explain(t.Context(), unsigned[:10])
	if err != nil || v.Trusted || !strings.Contains(v.String(), "is not signed") {
		t.Errorf("Explain: %v, %v", v, err)
	}
	// The same history is good enough for the tip.
	f.Trust.Mode = trust.Tip
	f = f.again()
	f.accepts(top)

	f.Trust.Mode = trust.Every
	f = f.again()
	r.Git("checkout", "-q", "-b", "side")
	side := r.CommitSigned(eve, map[string]string{"side.cue": "package site\n"})
	r.Git("checkout", "-q", "main")
	r.CommitSigned(anna, site(6))
	r.Git(append(anna.Signing(), "merge", "-q", "--no-ff", "-m", "merge", "-S", "side")...)
	merge := r.Head()
	f.holds("commit "+side[:12], "not in")
	// The key is added on the host: that is enough, without another push.
	both := "anna@x " + anna.Public + "\neve@x " + eve.Public + "\n"
	if err := os.WriteFile(o.Trust.Keys.AllowedSigners, []byte(both), 0o600); err != nil {
		t.Fatal(err)
	}
	f.accepts(merge)
	// It is rotated away again, and new commits with it are held.
	if err := os.WriteFile(o.Trust.Keys.AllowedSigners, []byte("anna@x "+anna.Public+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.CommitSigned(eve, site(7))
	f.holds("not in")
}

func TestSignedTipOnUnsignedMerge(t *testing.T) {
	r := origin.New(t)
	anna := origin.NewKey(t)
	o := options(t, r.URL())
	o.Trust = trust.Policy{Mode: trust.Tip, Keys: git.Keys{AllowedSigners: tempFile(t, "signers", "anna@x "+anna.Public+"\n")}}
	f := follow(t, o)
	first := r.CommitSigned(anna, site(0))
	f.accepts(first)
	r.Git("checkout", "-q", "-b", "side")
	r.CommitSigned(anna, map[string]string{"side.cue": "package site\n"})
	r.Git("checkout", "-q", "main")
	r.CommitSigned(anna, site(1))
	r.Git("merge", "-q", "--no-ff", "-m", "merge", "side")
	f.holds("is not signed")
	// A signed revision from before, pushed again, is no newer for being signed.
	r.Git("reset", "-q", "--hard", first)
	f.accepts(r.CommitSigned(anna, site(2)))
	r.Git("reset", "-q", "--hard", first)
	f.holds("older than the accepted revision")
}
