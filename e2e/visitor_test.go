//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// A visitor loads a page over and over, from outside, and counts. It never tries
// twice.
type visitor struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	answered int
	lost     []string
}

// visitEvery is the pause between two requests.
const visitEvery = 10 * time.Millisecond

// visit starts a visitor of an address under a host name.
func visit(addr, name string) *visitor {
	ctx, cancel := context.WithCancel(context.Background())
	v := &visitor{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(v.done)
		tick := time.NewTicker(visitEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				v.count(load(addr, name))
			}
		}
	}()
	return v
}

// load asks for the page, on a connection of its own so that nothing is tried again.
func load(addr, name string) error {
	transport := &http.Transport{DisableKeepAlives: true}
	client := http.Client{Timeout: 20 * time.Second, Transport: transport}
	r, err := http.NewRequest(http.MethodGet, "http://"+addr+"/", nil)
	if err != nil {
		return err
	}
	r.Host = name
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", answer.Status)
	}
	return nil
}

func (v *visitor) count(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answered++
	if err != nil {
		v.lost = append(v.lost, err.Error())
	}
}

// leave ends the visit.
func (v *visitor) leave() (requests int, lost []string) {
	v.cancel()
	<-v.done
	return v.answered, v.lost
}
