// Package trust says whether a commit may decide what this host runs: who signed
// it, with which key, and whether this host knows that key now. The keys are files
// of the host, read for each question, so that a key is added, replaced or revoked
// by writing a file.
//
// Git's own word is not enough: it prints "Good signature" for unknown keys, and
// dates a signature by the commit's own clock. So git's exit code, its verdict, and
// the fingerprint in the file as it is now must all agree.
//
// Rule of the package: what can't be verified is not trusted, and the verdict says
// why in words.
package trust
