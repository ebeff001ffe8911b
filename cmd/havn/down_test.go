package main

import (
	"context"
	"io"
	"testing"
	"time"
)

// Who stops the command while it asks is not kept, and nothing is removed.
func TestTheQuestionEndsWithTheCommand(t *testing.T) {
	in, _ := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() { answered <- confirm(ctx, in, io.Discard, "remove?", "nothing was removed") }()
	cancel()
	select {
	case err := <-answered:
		if err == nil {
			t.Error("it is taken as a yes")
		}
	case <-time.After(2 * time.Minute):
		t.Error("the question outlives the command")
	}
}
