package images

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// helloLabel marks an image with the digest of the server in it, so that a changed
// server makes new images.
const helloLabel = "hello.digest"

// Hello ensures havn-hello:VERSION, the server of e2e/hello, and returns its tag.
// It is the one image that is made anew when its source changes.
func Hello(ctx context.Context, version string) (string, error) {
	binary, err := helloBinary()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(binary)
	tag, digest := "havn-hello:"+version, hex.EncodeToString(sum[:])
	if helloDigest(ctx, tag) == digest {
		return tag, nil
	}
	unlock, err := lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if helloDigest(ctx, tag) == digest {
		return tag, nil
	}
	dockerfile := fmt.Sprintf("FROM scratch\nCOPY hello /hello\nLABEL %s=%s\nENV VERSION=%s\nEXPOSE 8080\nENTRYPOINT [\"/hello\"]\n",
		helloLabel, digest, version)
	build, err := archive(map[string][]byte{"Dockerfile": []byte(dockerfile), "hello": binary})
	if err != nil {
		return "", err
	}
	if _, err := run(ctx, build, "docker", "build", "--quiet", "--tag", tag, "-"); err != nil {
		return "", fmt.Errorf("image %s: %w", tag, err)
	}
	return tag, nil
}

func helloDigest(ctx context.Context, tag string) string {
	out, err := run(ctx, nil, "docker", "image", "inspect", "--format", `{{index .Config.Labels "`+helloLabel+`"}}`, tag)
	if err != nil {
		return ""
	}
	return out
}

// helloBinary is the server, static and small, built once in a process.
var helloBinary = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "havn-hello-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "hello")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "havn.internal/e2e/hello")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build hello: %w: %s", err, tail(string(out)))
	}
	return os.ReadFile(file)
})

// archive packs files as a build context.
func archive(files map[string][]byte) (*bytes.Buffer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	return &b, w.Close()
}
