// Package e2e holds the scenarios: the real havn with real Docker and real nginx,
// under constant load by a client that never retries. They have the build tag e2e:
//
//	go test -tags e2e ./e2e/...
//
// Rule of the package: unless a scenario declares what may be lost, it may lose
// nothing, leaves nothing behind, and touches nothing that is not its own.
package e2e
