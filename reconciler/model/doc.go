// Package model is Docker and nginx in memory, with their rules: names and
// addresses that conflict, restarts with backoff, images that are or are not
// there, generations of the gateway whose old workers linger. `havn plan` runs the
// planner on it to show the whole road, and the tests of the planner and the loop
// run on it with faults at every call.
//
// Rule of the package: it is deterministic. Time is its [Clock]'s, and nothing in
// it is left to chance or to the order of a map.
package model
