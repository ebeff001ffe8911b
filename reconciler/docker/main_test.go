package docker_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// replicaImage is what the tests' containers are made of: testdata/replica as
// the entrypoint, and a user named app.
var replicaImage = tag("replica")

// tag is a reference that no other run of the tests uses.
func tag(name string) string { return fmt.Sprintf("hd-%s:%d", name, os.Getpid()) }

// freeAddr is an address of this machine that nobody listens on.
func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // a machine without a port left
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

var (
	api       *client.Client
	replicaID string
	// replicaFiles are the files of replicaImage.
	replicaFiles map[string]string
)

func TestMain(m *testing.M) {
	if os.Getenv("HD_TEST_SOCKET") != "" {
		os.Exit(m.Run()) // a test's own child
	}
	dir, err := os.MkdirTemp("", "hd-docker-")
	if err == nil {
		err = os.Setenv("DOCKER_CONFIG", dir)
	}
	if err == nil {
		err = setUp(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "set up the tests of package docker:", err)
		os.Exit(1)
	}
	code := m.Run()
	tearDown()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func setUp(dir string) error {
	var err error
	if api, err = client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation()); err != nil {
		return err
	}
	binary := filepath.Join(dir, "replica")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "./testdata/replica")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the replica: %w\n%s", err, out)
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	replicaFiles = map[string]string{
		"replica": string(text), "etc/passwd": "app:x:1234:5678::/:/none\n", "etc/group": "app:x:5678:\n",
		"etc/not-a-program": "#", "broken": "not an executable of any kind",
	}
	replicaID, err = makeImage(replicaImage, replicaFiles, `ENTRYPOINT ["/replica"]`)
	return err
}

func tearDown() {
	ctx := context.Background()
	_, _ = api.ImageRemove(ctx, replicaImage, image.RemoveOptions{PruneChildren: true})
	_ = api.Close()
}

// remove ends and removes a container that a test made beside havn.
func remove(t *testing.T, name string) {
	t.Helper()
	err := api.ContainerRemove(context.Background(), name, container.RemoveOptions{Force: true})
	if err != nil && !client.IsErrNotFound(err) {
		t.Error(err)
	}
}
