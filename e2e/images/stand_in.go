package images

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
)

// shell is what the entry points and the users of an image take for granted.
var shell = []string{"dash", "coreutils"}

// logs sends nginx's logs where the published images send them.
const logs = `ln -sf /dev/stdout "$1/var/log/nginx/access.log" && ln -sf /dev/stderr "$1/var/log/nginx/error.log"`

// sh is the link that dash's script would have made.
const sh = `[ -e "$1/bin/sh" ] || ln -s dash "$1/bin/sh"`

// Nginx ensures nginx 1.30 and returns its tag.
func Nginx(ctx context.Context) (string, error) { return nginx(ctx, "nginx:1.30", "forky") }

// NginxOld ensures nginx 1.22, which loses requests at a reload, and returns its
// tag.
func NginxOld(ctx context.Context) (string, error) { return nginx(ctx, "nginx:1.22", "bookworm") }

func nginx(ctx context.Context, tag, suite string) (string, error) {
	return ensure(ctx, tag, func(ctx context.Context) error {
		return system{
			suite: suite, packages: []string{"nginx", "nginx-common"}, hooks: []string{logs},
			config: []string{`CMD ["nginx", "-g", "daemon off;"]`, "EXPOSE 80"},
		}.build(ctx, tag)
	})
}

// Redis ensures redis 8 and returns its tag.
func Redis(ctx context.Context) (string, error) {
	const tag = "redis:8"
	return ensure(ctx, tag, func(ctx context.Context) error {
		return system{
			suite: "forky", packages: append([]string{"redis-server", "redis-tools"}, shell...),
			hooks: []string{sh, `mkdir -p "$1/data"`},
			config: []string{
				`CMD ["redis-server", "--protected-mode", "no"]`, "WORKDIR /data", "VOLUME /data", "EXPOSE 6379",
			},
		}.build(ctx, tag)
	})
}

// Node ensures Node.js 24 with the redis client, and returns its tag.
func Node(ctx context.Context) (string, error) {
	const tag = "node:24-slim"
	return ensure(ctx, tag, func(ctx context.Context) error {
		return system{
			suite: "forky", packages: append([]string{"nodejs", "node-redis"}, shell...), hooks: []string{sh},
			config: []string{`CMD ["node"]`, "ENV NODE_PATH=/usr/share/nodejs"},
		}.build(ctx, tag)
	})
}

// Host ensures an image that is a machine with Docker, git and all that it fetches
// and verifies with, and nginx, and returns its tag, which is another one when the
// packages are. Nothing like it is published.
func Host(ctx context.Context) (string, error) {
	machine := system{
		suite: "forky", whole: true, packages: []string{
			"docker.io", "docker-cli", "iptables", "iproute2", "procps", "ca-certificates",
			"git", "openssh-client", "gpg", "nginx", "curl",
		},
		config: []string{`CMD ["dockerd"]`, "VOLUME /var/lib/docker"},
	}
	tag := fmt.Sprintf("havn-host:28-%.4x", sha256.Sum256([]byte(strings.Join(machine.packages, " "))))
	return ensure(ctx, tag, func(ctx context.Context) error { return machine.build(ctx, tag) })
}

// VPS ensures an image that is a rented machine as it is handed over, with systemd
// and sshd and no Docker, and returns its tag. Nothing like it is published.
func VPS(ctx context.Context) (string, error) {
	const tag = "havn-vps:13"
	return ensure(ctx, tag, func(ctx context.Context) error {
		return system{
			suite: "trixie", whole: true, packages: []string{
				"systemd-sysv", "dbus", "openssh-server", "ca-certificates", "curl", "iproute2", "procps",
			},
			config: []string{`CMD ["/sbin/init"]`},
		}.build(ctx, tag)
	})
}
