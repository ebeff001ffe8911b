// Package reconciler is the loop: observe the host, plan, begin the plan's
// steps, and look again when something happens or a time the plan named has come.
//
// The life of a commit, one file a step, always downward:
//
//  1. gitops/directory.go sees that the spec changed and delivers a revision.
//  2. cmd/havn/run.go loads it: spec/load.go takes a snapshot, a child process
//     evaluates the CUE, and Site or Problems come back. With Problems the site
//     that was wanted before stays wanted.
//  3. reconciler.go Deliver: the newest site wins, and the loop wakes.
//  4. observe.go asks Docker, nginx, the probes and the journal, and puts it
//     together as plan.Observed.
//  5. plan/make.go compares: the fingerprint is another, so a fresh replica has
//     to start.
//  6. apply/acts.go begins the step in the background; docker/start.go creates
//     and starts the container.
//  7. probe/ finds it ready and wakes the loop. The plan says: route fresh,
//     un-route stale, in one table.
//  8. nginx/swap.go renders, tests, switches, and returns when nginx has confirmed
//     the new generation.
//  9. The watch window passes; the stale replica is drained, stopped and removed.
//     The next pass finds nothing to do.
//
// If the fresh replica is not ready in time, or fails in the watch window, step 7
// or 9 is a verdict instead: the release is condemned, and the stale replicas,
// still warm, take the traffic with the next table.
//
// Rule of the package: it holds no rollout state. What it remembers between passes
// may be lost at any moment and costs at most a repeated health gate.
package reconciler
