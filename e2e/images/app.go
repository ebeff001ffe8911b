package images

import (
	"context"
	"fmt"
)

// App builds an image of a directory with a Dockerfile. If nothing has changed,
// it comes from the engine's cache.
func App(ctx context.Context, tag, dir string) (string, error) {
	if _, err := run(ctx, nil, "docker", "build", "--quiet", "--tag", tag, dir); err != nil {
		return "", fmt.Errorf("image %s: %w", tag, err)
	}
	return tag, nil
}

// Example ensures the images of the example site, whose applications lie in apps.
func Example(ctx context.Context, apps string) error {
	for _, ensure := range []func(context.Context) (string, error){
		Nginx, Redis, Node,
		func(ctx context.Context) (string, error) {
			return App(ctx, "havn-example/inventory:1", apps+"/inventory")
		},
		func(ctx context.Context) (string, error) { return App(ctx, "havn-example/auth:1", apps+"/auth") },
	} {
		if _, err := ensure(ctx); err != nil {
			return err
		}
	}
	return nil
}
