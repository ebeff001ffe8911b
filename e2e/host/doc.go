// Package host makes machines for tests: containers with a Docker Engine and a
// process table, a network and a disk of their own, that can be rebooted or have
// the plug pulled while somebody outside sends them requests.
//
// Rule of the package: what it makes, it removes; and it ends only processes
// inside the machines it made.
package host
