// Package snapshot writes down what the planner needs of a host, for a plan where
// the host can't be reached: in the CI of a spec repository.
//
// The file is JSON, of one version; a havn reads its own version and no other. It
// is complete: for the same spec, a plan against it has the changes, the road and
// the hash that a plan on the host would have had when it was written.
//
// It may be committed or lie about as an artifact, so it holds no value that may be
// secret. Of releases and routes, the values of environment, labels, headers,
// commands, files and queries are hidden (see [spec.Release.Hide]: 16 bits of a hash
// tell that a value changed), as is what programs have said: the output of health
// checks and nginx's own words. Fingerprints are cut to the eight digits that the
// containers' names have. In clear are names, images, ports, paths, addresses on the
// site's network, mounts, sizes and times, and of containers that are not havn's
// the names that a replica might want.
//
// Rule of the package: nothing of a file is believed before all of it has been
// checked; a plan against a file that was made up is wrong, and does no harm.
package snapshot
