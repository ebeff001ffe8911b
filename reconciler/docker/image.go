package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/go-units"

	"havn.internal/reconciler/plan"
)

// reportEvery is how often a pull under way is logged.
const reportEvery = 5 * time.Second

// observeImage says what a reference stands for on this host.
func (e *Engine) observeImage(ctx context.Context, ref string) (plan.Image, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectDeadline)
	defer cancel()
	i, err := e.cli.ImageInspect(ctx, ref)
	if cerrdefs.IsNotFound(err) {
		return plan.Image{}, nil
	}
	if err != nil {
		return plan.Image{}, err
	}
	out := plan.Image{ID: i.ID}
	word := e.keepWord(i)
	out.Word, out.HasHealthcheck = &word, word.Check != plan.Check{}
	if p := i.Os + "/" + i.Architecture; i.Os != "" && i.Architecture != "" && p != e.platform {
		out.Problem = fmt.Sprintf("image %s is for %s, this engine is %s", ref, p, e.platform)
	}
	return out, nil
}

// Pull fetches an image with the credentials of the Docker configuration
// (~/.docker/config.json and its credential helpers).
func (e *Engine) Pull(ctx context.Context, a plan.Pull) error {
	_, err, _ := e.pulls.Do(a.Image, func() (any, error) { return nil, e.pull(ctx, a) })
	e.putDirt(dirt{images: true})
	return err
}

func (e *Engine) pull(ctx context.Context, a plan.Pull) error {
	ctx, cancel := context.WithTimeoutCause(ctx, a.Deadline, fmt.Errorf("not done within the pull deadline of %s", a.Deadline))
	defer cancel()
	ref, err := reference.ParseDockerRef(a.Image)
	if err != nil {
		return err
	}
	auth, authErr := credentials(ref)
	before := e.imageIDs(ctx)
	progress, err := e.cli.ImagePull(ctx, ref.String(), image.PullOptions{RegistryAuth: auth})
	if err == nil {
		err = e.follow(a.Image, progress)
		_ = progress.Close()
	}
	if err == nil {
		e.noteFetched(ctx, ref, before)
		return nil
	}
	err = explainPull(ctx, ref, err)
	if authErr != nil {
		// Many images need no credentials: that there are none is a reason only now.
		return fmt.Errorf("%w; %w", err, authErr)
	}
	return err
}

// credentials are what the Docker configuration has for the reference's registry.
func credentials(ref reference.Named) (string, error) {
	domain := reference.Domain(ref)
	if domain == "docker.io" {
		domain = "https://index.docker.io/v1/"
	}
	file, err := config.Load(config.Dir())
	if err != nil {
		return "", fmt.Errorf("registry credentials: %w", err)
	}
	auth, err := file.GetAuthConfig(domain)
	if err != nil {
		return "", fmt.Errorf("registry credentials for %s: %w", domain, err)
	}
	return registry.EncodeAuthConfig(registry.AuthConfig{
		Username: auth.Username, Password: auth.Password, Auth: auth.Auth,
		ServerAddress: auth.ServerAddress, IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken,
	})
}

// A pullMessage is one line of the engine's progress
// (POST /images/create, application/json stream).
type pullMessage struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Error    string `json:"error"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
}

// follow reads the progress to its end and logs it now and then. A registry may pause
// for as long as it likes: only the pull's deadline ends it, since another try would
// begin at the first byte.
func (e *Engine) follow(ref string, progress io.Reader) error {
	done := map[string]int64{}
	total := map[string]int64{}
	reported := time.Now()
	for lines := json.NewDecoder(progress); ; {
		var m pullMessage
		if err := lines.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
		if m.Progress.Total > 0 {
			done[m.ID], total[m.ID] = m.Progress.Current, m.Progress.Total
		}
		if time.Since(reported) >= reportEvery {
			reported = time.Now()
			e.Log.Info("pulling", "image", ref, "fetched", units.BytesSize(sum(done)), "of", units.BytesSize(sum(total)))
		}
	}
}

func sum(m map[string]int64) float64 {
	var n int64
	for _, v := range m {
		n += v
	}
	return float64(n)
}

// explainPull says which registry would not give the image, and what to do.
func explainPull(ctx context.Context, ref reference.Named, err error) error {
	// The engine is only who passes it on.
	domain, text := reference.Domain(ref), strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	switch {
	case context.Cause(ctx) != nil && ctx.Err() != nil:
		return fmt.Errorf("registry %s: %w", domain, context.Cause(ctx))
	case has("toomanyrequests", "429"):
		return fmt.Errorf("registry %s limits the rate of pulls: log in (`docker login %s`) or wait", domain, domain)
	case has("unauthorized", "authentication required", "no basic auth credentials", "access to the resource is denied"):
		return fmt.Errorf("registry %s refuses the image, or it does not exist: check its name, or `docker login %s`", domain, domain)
	case has("manifest unknown", "not found", "name unknown"):
		return fmt.Errorf("registry %s has no %s", domain, reference.FamiliarString(ref))
	case has("no matching manifest"):
		return fmt.Errorf("%s has no variant for this machine", reference.FamiliarString(ref))
	case has("no such host", "connection refused", "i/o timeout", "network is unreachable", "TLS", "Client.Timeout", "server misbehaving"):
		return fmt.Errorf("registry %s can't be reached: %s", domain, text)
	}
	return fmt.Errorf("registry %s: %s", domain, text)
}
