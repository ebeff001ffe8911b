//go:build race

package spec

// raceEnabled: the race detector maps more address space than the limit allows.
const raceEnabled = true
