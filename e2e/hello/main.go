// Command hello is the server that the tests deploy. It says who answers, and its
// environment makes it misbehave as a bad release would:
//
//	VERSION      what it calls itself; the image sets it
//	SERVICE      the service it says it belongs to
//	PORT         where it listens (8080)
//	READY        when /healthz turns good after the start: a duration, or never
//	FLIP         /healthz turns bad and good again at this interval
//	DIE          exits this long after the start
//	DIE_ROUTED   exits this long after the first request that is no health check
//	STUBBORN     ignores SIGTERM if set
//	DATA         the directory that /store writes to (/data)
//
// Rule of the package: one binary without dependencies on its image.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

func run() error {
	b, err := behaviourFrom(os.Getenv)
	if err != nil {
		return err
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, os.Interrupt)
	h := newHello(b, time.Now())
	server := &http.Server{Addr: ":" + b.port, Handler: h, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.ListenAndServe() }()
	fmt.Printf("hello %s on port %s\n", b.version, b.port)
	for {
		select {
		case err := <-done:
			return err
		case <-after(b.die):
			return errors.New("dies as told")
		case <-h.doomed:
			return errors.New("dies as told, after a request")
		case <-term:
			if b.stubborn {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			return server.Shutdown(ctx)
		}
	}
}

// after is time.After that for 0 never comes.
func after(d time.Duration) <-chan time.Time {
	if d == 0 {
		return nil
	}
	return time.After(d)
}
