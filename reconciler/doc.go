// Package reconciler is the loop: observe the host, plan, begin the plan's
// steps, and look again when something happens or a time the plan named has come.
//
// [Reconciler.Deliver] takes the newest site; a [Reconciler.Pass] asks Docker,
// nginx, the probes and the journal, has plan.Make compare, and begins its steps in
// the background, where package apply carries them out. README tells the life of a
// commit through all of it, file by file.
//
// Rule of the package: it holds no rollout state. What it remembers between passes
// may be lost at any moment and costs at most a repeated health gate.
package reconciler
