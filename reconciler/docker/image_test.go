package docker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// archive is a tar of files, those in etc without the right to execute.
func archive(files map[string]string) *bytes.Buffer {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode := int64(0o755)
		if strings.HasPrefix(name, "etc/") {
			mode = 0o644
		}
		h := &tar.Header{Name: name, Mode: mode, Size: int64(len(files[name])), ModTime: time.Unix(0, 0)}
		if w.WriteHeader(h) == nil {
			_, _ = io.WriteString(w, files[name])
		}
	}
	_ = w.Close()
	return &out
}

// makeImage makes an image of files and returns its ID.
func makeImage(ref string, files map[string]string, changes ...string) (string, error) {
	ctx := context.Background()
	source := image.ImportSource{Source: archive(files), SourceName: "-"}
	done, err := api.ImageImport(ctx, source, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		return "", err
	}
	defer func() { _ = done.Close() }()
	if _, err := io.Copy(io.Discard, done); err != nil {
		return "", err
	}
	i, err := api.ImageInspect(ctx, ref)
	return i.ID, err
}

// loadForeignImage loads an image of another architecture, with a HEALTHCHECK.
func loadForeignImage(ref, architecture string) error {
	layer := archive(map[string]string{"etc/x": "x"}).String()
	config := fmt.Sprintf(`{"architecture":%q,"os":"linux","config":{"Healthcheck":{"Test":["CMD","/x"]}},`+
		`"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{}]}`, architecture, sha256Hex(layer))
	manifest := fmt.Sprintf(`[{"Config":"config.json","RepoTags":[%q],"Layers":["layer.tar"]}]`, ref)
	whole := archive(map[string]string{"config.json": config, "layer.tar": layer, "manifest.json": manifest})
	done, err := api.ImageLoad(context.Background(), whole)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, done.Body)
	_ = done.Body.Close()
	return err
}

// removeImages removes the images a test made.
func removeImages(t *testing.T, refs ...string) {
	t.Helper()
	for _, ref := range refs {
		_, err := api.ImageRemove(context.Background(), ref, image.RemoveOptions{Force: true})
		if err != nil && !client.IsErrNotFound(err) {
			t.Error(err)
		}
	}
}

func sha256Hex(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
