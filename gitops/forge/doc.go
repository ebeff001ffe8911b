// Package forge tells the forge that a commit came from what became of it: a commit
// status of GitHub, GitLab, Gitea or Forgejo.
//
// Rule of the package: it only tells. Nothing that a forge answers changes what
// runs, and a forge that is away holds nothing up.
package forge
