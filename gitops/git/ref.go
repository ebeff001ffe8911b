package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Ref says which commit of the remote is wanted. Exactly one field is set.
type Ref struct {
	Branch string
	Tag    string
	// Semver is a range; the newest tag in it is wanted.
	Semver string
	Commit string
}

var (
	objectID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	refName  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+@/-]*$`)
)

// ErrNoRef: the remote is there, what is wanted of it is not.
var ErrNoRef = errors.New("not in the repository")

// IsID: the text is the full id of an object.
func IsID(text string) bool { return objectID.MatchString(text) }

// String is the ref in words.
func (r Ref) String() string {
	switch {
	case r.Branch != "":
		return "branch " + r.Branch
	case r.Tag != "":
		return "tag " + r.Tag
	case r.Semver != "":
		return "tags " + r.Semver
	}
	return "commit " + r.Commit
}

// Check says what is wrong with the ref.
func (r Ref) Check() error {
	set := 0
	for _, field := range []string{r.Branch, r.Tag, r.Semver, r.Commit} {
		if field != "" {
			set++
		}
	}
	if set != 1 {
		return errors.New("exactly one of branch, tag, semver range and commit")
	}
	for _, name := range []string{r.Branch, r.Tag} {
		if name != "" && !properName(name) {
			return fmt.Errorf("%q is no name of a branch or tag", name)
		}
	}
	if r.Commit != "" && !IsID(r.Commit) {
		return fmt.Errorf("%q is no commit: its full id is wanted, 40 or 64 lower-case hex digits", r.Commit)
	}
	if r.Semver != "" {
		_, err := ParseRange(r.Semver)
		return err
	}
	return nil
}

// properName is git check-ref-format, and stricter.
func properName(name string) bool {
	return refName.MatchString(name) && len(name) <= 200 && !strings.Contains(name, "..") && !strings.Contains(name, "//") &&
		!strings.Contains(name, "/.") && !strings.Contains(name, "@{") && !strings.HasSuffix(name, "/") &&
		!strings.HasSuffix(name, ".") && !strings.HasSuffix(name, ".lock") && !strings.Contains(name, ".lock/")
}

// Resolve asks the remote what the ref is now: the name to fetch, and the id of
// its object, that changes when the ref does.
func (m *Mirror) Resolve(ctx context.Context, r Ref) (name, id string, err error) {
	switch {
	case r.Commit != "":
		return r.Commit, r.Commit, nil
	case r.Branch != "":
		name = "refs/heads/" + r.Branch
	case r.Tag != "":
		name = "refs/tags/" + r.Tag
	default:
		return m.newest(ctx, r.Semver)
	}
	refs, err := m.list(ctx, name)
	if err != nil {
		return "", "", err
	}
	if refs[name] == "" {
		return "", "", fmt.Errorf("%s: %w", r, ErrNoRef)
	}
	return name, refs[name], nil
}

// maxRefs bounds what a remote may answer about its refs.
const maxRefs = 8 << 20

// list asks for the refs of a pattern.
func (m *Mirror) list(ctx context.Context, pattern string) (map[string]string, error) {
	out, err := m.output(ctx, call{args: []string{"ls-remote", "--refs", "--end-of-options", "origin", pattern}, remote: true, apart: true, max: maxRefs})
	if err != nil {
		return nil, err
	}
	refs := ParseRefs(out)
	if p := m.Remote.Protocol(); len(refs) == 0 && (p == "https" || p == "http") {
		return refs, m.speaksGit(ctx, pattern)
	}
	return refs, nil
}

// speaksGit tells a repository without refs from a page of a portal or a login: what is no
// answer of git's protocol, git reads as the list of refs of a plain web server. In
// GIT_TRACE_PACKET it shows the packets it got (git(1)).
func (m *Mirror) speaksGit(ctx context.Context, pattern string) error {
	var trace string
	args := []string{"ls-remote", "--refs", "--end-of-options", "origin", pattern}
	_, err := m.output(ctx, call{args: args, remote: true, apart: true, max: maxRefs, env: []string{"GIT_TRACE_PACKET=1"}, beside: &trace})
	if err == nil && !strings.Contains(trace, "< ") {
		err = &Failure{Call: "ls-remote", What: notGit, Fault: OfServer}
	}
	return err
}

// ParseRefs reads what ls-remote prints; what is no ref is left out.
func ParseRefs(out []byte) map[string]string {
	refs := map[string]string{}
	for line := range bytes.Lines(out) {
		id, name, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), "\t")
		if ok && IsID(id) && strings.HasPrefix(name, "refs/") {
			refs[name] = id
		}
	}
	return refs
}

// newest is the highest tag in a semver range.
func (m *Mirror) newest(ctx context.Context, text string) (name, id string, err error) {
	r, err := ParseRange(text)
	if err != nil {
		return "", "", err
	}
	refs, err := m.list(ctx, "refs/tags/*")
	if err != nil {
		return "", "", err
	}
	var best Version
	for ref := range refs {
		tag := strings.TrimPrefix(ref, "refs/tags/")
		v, ok := ParseVersion(tag)
		if !ok || !properName(tag) || !r.Has(v) {
			continue
		}
		if c := v.Compare(best); name == "" || c > 0 || c == 0 && ref < name {
			name, best = ref, v
		}
	}
	if name == "" {
		return "", "", fmt.Errorf("a tag in the range %s: %w", text, ErrNoRef)
	}
	return name, refs[name], nil
}
