// Package probe finds out which replicas are ready, for the checks that Docker
// does not run itself: HTTP, TCP, and "has run for a while". It probes from this
// machine at the address nginx uses.
//
// Rule of the package: it reports, it never acts. A replica that is not probed,
// or not yet, is not ready.
package probe
