package docker_test

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"havn.internal/reconciler/plan"
)

// The registry of the tests knows one user, "reader" with the password "secret".
const htpasswd = "reader:$2y$05$D1GmqfH/cQ.7ZbEyVt6jt.9kjtkS.vdHT1Tzf3ZiLjowB9gf1/hJi\n"

var (
	registryAddr = freeAddr()
	privateImage = registryAddr + "/team/app:1"
)

// startRegistry runs a registry with one private image until the test ends.
func startRegistry(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "htpasswd"), htpasswd)
	write(t, filepath.Join(dir, "config.yml"), "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"+
		"storage: {filesystem: {rootdirectory: "+dir+"}}\nhttp: {addr: \""+registryAddr+"\"}\n"+
		"auth: {htpasswd: {realm: test, path: "+filepath.Join(dir, "htpasswd")+"}}\n")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "docker-registry", "serve", filepath.Join(dir, "config.yml"))
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	wait(t, "the registry answers", func() bool {
		resp, err := http.Get("http://" + registryAddr + "/v2/")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	})
	if err := api.ImageTag(t.Context(), replicaImage, privateImage); err != nil {
		t.Fatal(err)
	}
	push(t, privateImage)
	removeImages(t, privateImage)
}

func push(t *testing.T, ref string) {
	t.Helper()
	ctx := t.Context()
	auth, err := registry.EncodeAuthConfig(registry.AuthConfig{Username: "reader", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	done, err := api.ImagePush(ctx, ref, image.PushOptions{RegistryAuth: auth})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = done.Close() }()
	if _, err := io.Copy(io.Discard, done); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// dockerConfig is what ~/.docker/config.json holds.
func dockerConfig(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json")
	write(t, path, text)
	t.Cleanup(func() { _ = os.Remove(path) })
}

func TestPullFromAPrivateRegistry(t *testing.T) {
	startRegistry(t)
	s := newSite(t)
	t.Cleanup(func() { removeImages(t, privateImage) })
	helpers := t.TempDir()
	t.Setenv("PATH", helpers+":"+os.Getenv("PATH"))
	write(t, filepath.Join(helpers, "docker-credential-hd"), "#!/bin/sh\nread server\n"+
		`[ "$server" = `+registryAddr+` ] && echo '{"ServerURL":"x","Username":"reader","Secret":"secret"}'`)
	write(t, filepath.Join(helpers, "docker-credential-hdbroken"), "#!/bin/sh\necho the keyring is locked\nexit 1\n")
	basic := func(login string) string {
		return `{"auths":{"` + registryAddr + `":{"auth":"` + base64.StdEncoding.EncodeToString([]byte(login)) + `"}}}`
	}
	for _, c := range []struct {
		name, config string
		says         []string
	}{
		{"no credentials", `{}`, []string{"refuses the image", "docker login " + registryAddr}},
		{"wrong password", basic("reader:wrong"), []string{"refuses the image", "docker login " + registryAddr}},
		{"a file that can't be read", `{"auths":`, []string{"refuses the image", "registry credentials", "config.json"}},
		{"a helper that fails", `{"credHelpers":{"` + registryAddr + `":"hdbroken"}}`, []string{"refuses the image", "the keyring is locked"}},
		{"a helper that is not there", `{"credsStore":"hdmissing"}`, []string{"refuses the image", "docker-credential-hdmissing"}},
		{"a password in the file", basic("reader:secret"), nil},
		{"a helper", `{"credHelpers":{"` + registryAddr + `":"hd"}}`, nil},
		{"a store", `{"credsStore":"hd"}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dockerConfig(t, c.config)
			err := s.Pull(s.ctx, plan.Pull{Image: privateImage, Deadline: time.Minute})
			if c.says != nil {
				wantError(t, err, c.says...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			service := service()
			service.Image = privateImage
			if i := s.observe(want(service)).Images[privateImage]; i.ID != replicaID {
				t.Errorf("pulled %+v, want %s", i, replicaID)
			}
			removeImages(t, privateImage)
		})
	}
	dockerConfig(t, basic("reader:secret"))
	for _, ref := range []string{registryAddr + "/team/app:2", registryAddr + "/team/none:1"} {
		wantError(t, s.Pull(s.ctx, plan.Pull{Image: ref, Deadline: time.Minute}), "registry "+registryAddr+" has no "+ref)
	}
}

func TestPullWithoutARegistry(t *testing.T) {
	s := newSite(t)
	nobody := freeAddr()
	wantError(t, s.Pull(s.ctx, plan.Pull{Image: nobody + "/app:1", Deadline: time.Minute}), "registry "+nobody+" can't be reached")
	wantError(t, s.Pull(s.ctx, plan.Pull{Image: "no//name", Deadline: time.Minute}), "invalid reference format")
}

func TestPullEndsAtItsDeadline(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	s := newSite(t)
	err = s.Pull(s.ctx, plan.Pull{Image: silent.Addr().String() + "/app:1", Deadline: 500 * time.Millisecond})
	wantError(t, err, "registry "+silent.Addr().String(), "not done within the pull deadline of 500ms")
}
