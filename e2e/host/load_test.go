package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An image that the machine refuses ends the copying, however much of it is still to
// come.
func TestAnImageThatIsRefused(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\n[ $1 = exec ] && { echo no space left >&2; exit 1; }\nexec head -c 10000000 /dev/zero\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	ended := make(chan error, 1)
	go func() { ended <- (&Host{Options: Options{Name: "m"}}).LoadImage(t.Context(), "image") }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the image is still being copied")
	}
}
