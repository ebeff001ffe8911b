// Command build ensures all images of the tests and the demo.
//
// Rule of the package: it names the images, and decides nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"havn.internal/e2e/images"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	hello := func(ctx context.Context) (string, error) { return images.Hello(ctx, "1") }
	for _, ensure := range []func(context.Context) (string, error){
		hello, images.Nginx, images.NginxOld, images.Redis, images.Node, images.Host, images.VPS,
	} {
		start := time.Now()
		tag, err := ensure(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			stop()
			os.Exit(1)
		}
		fmt.Printf("%-16s %.1fs\n", tag, time.Since(start).Seconds())
	}
}
