package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"havn.internal/gitops"
	"havn.internal/reconciler/console"
)

// sourceStatus says where the source stands.
func (d *daemon) sourceStatus() *console.Source {
	s := &console.Source{Address: d.source.dir}
	if d.git != nil {
		now := d.git.Status()
		s.Address, s.Following, s.Path = d.git.Remote.URL, d.git.Ref.String(), d.git.Path
		s.Contact, s.Next, s.Accepted = now.Contact, now.Next, commitOf(now.Accepted)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Problem = d.trouble
	return s
}

// sourceBefore is what the state directory knows of the git remote that the last
// run followed; nil if it followed none.
func (m *machine) sourceBefore() *console.Source {
	accepted, known, err := gitops.FileMemory{Path: filepath.Join(m.state, acceptedFile)}.Accepted()
	if err != nil {
		return &console.Source{Problem: err.Error()}
	}
	if !known {
		return nil
	}
	address, following, _ := strings.Cut(accepted.Source, " ")
	return &console.Source{
		Address: address, Following: following, Path: accepted.Path,
		Accepted: commitOf(accepted), Contact: gitops.LastContact(filepath.Join(m.state, gitDir)),
	}
}

func commitOf(a gitops.Accepted) *console.Commit {
	if a.Commit == "" {
		return nil
	}
	return &console.Commit{ID: a.Commit, Subject: a.Subject, Author: a.Author, Signer: a.Signer, At: a.At}
}

// printSource prints a source: what is followed, what was accepted, how stale it is.
func printSource(b *strings.Builder, s *console.Source, now time.Time) {
	if s == nil {
		return
	}
	fmt.Fprintf(b, "source    %s", s.Address)
	if s.Following != "" {
		fmt.Fprintf(b, ", %s", s.Following)
	}
	if s.Path != "" {
		fmt.Fprintf(b, ", in %s", s.Path)
	}
	if !s.Contact.IsZero() && s.Problem == "" {
		fmt.Fprintf(b, "; answered %s", ago(s.Contact, now))
	}
	b.WriteString("\n")
	if a := s.Accepted; a != nil {
		fmt.Fprintf(b, "          accepted %.12s %q by %s, %s", a.ID, a.Subject, a.Author, ago(a.At, now))
		if a.Signer != "" {
			fmt.Fprintf(b, ", signed by %s", a.Signer)
		}
		b.WriteString("\n")
	}
	switch {
	case s.Problem != "" && s.Contact.IsZero():
		fmt.Fprintf(b, "          nothing comes from it: %s\n", indent(s.Problem))
	case s.Problem != "":
		fmt.Fprintf(b, "          stale: it answered last %s (%s): %s\n", ago(s.Contact, now), s.Contact.UTC().Format(time.RFC3339), indent(s.Problem))
	}
}
