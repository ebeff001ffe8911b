// Package traffic sends the requests that a rollout must not lose, and counts
// those it lost.
//
// Rule of the package: nothing is ever sent twice. A client that retries hides the
// very loss that is looked for.
package traffic
