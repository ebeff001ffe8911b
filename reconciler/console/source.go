package console

import "time"

// Source is where revisions come from, and how stale what is known of it is.
type Source struct {
	// Address is a directory, or a git remote.
	Address string `json:"address"`
	// Following is what is followed of a git remote: a branch, a tag, a range of
	// versions or a commit. Path is the directory in it.
	Following string `json:"following,omitempty"`
	Path      string `json:"path,omitempty"`
	// Accepted is the newest commit that this host took.
	Accepted *Commit `json:"accepted,omitempty"`
	// Contact is when a git remote answered last, zero if never. Next is when it is
	// asked again.
	Contact time.Time `json:"contact,omitzero"`
	Next    time.Time `json:"next,omitzero"`
	// Problem is why nothing comes from the source. What runs keeps running, and is
	// healed from what was accepted.
	Problem string `json:"problem,omitempty"`
}

// Commit is a commit as people know it.
type Commit struct {
	ID      string `json:"id"`
	Subject string `json:"subject,omitempty"`
	Author  string `json:"author,omitempty"`
	// Signer is who signed it, where that is asked for.
	Signer string    `json:"signer,omitempty"`
	At     time.Time `json:"at"`
}
