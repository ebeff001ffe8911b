package docker

import (
	"fmt"
	"regexp"
	"strings"

	"havn.internal/reconciler/apply"
)

// The engine reports what lies with the image or the spec in words of its own or
// of the OCI runtime, under several status codes. What is not listed lies with
// the host: a condemned release stays condemned, a host is tried again.
var releaseFaults = regexp.MustCompile(`(?i)` + strings.Join([]string{
	`exec: ".*": (stat .*: )?(executable file not found|no such file or directory|permission denied|is a directory|not a directory)`,
	`exec format error`,
	`unable to find (user|group) `, `no matching entries in (passwd|group)`,
	`no command specified`,
	`trying to mount a directory onto a file`,
	`(invalid|unknown) (CapAdd|CapDrop|capability)`,
	`invalid signal`,
	`duplicate mount point`, `invalid mount (path|target)`,
	`minimum memory limit allowed`, `range of CPUs is from`,
}, "|"))

// classify marks the failures that lie with the release, and shortens the OCI
// runtime's wording to its last part. docker-init is the engine's own part.
func classify(err error) error {
	if !releaseFaults.MatchString(err.Error()) || strings.Contains(err.Error(), `"docker-init"`) {
		return err
	}
	return fmt.Errorf("%w: %s", apply.ErrRelease, runtimeError(err.Error()))
}

func runtimeError(text string) string {
	text = strings.TrimSuffix(text, ": unknown")
	for _, prefix := range []string{"unable to start container process: ", "container_linux.go", "starting container process caused: "} {
		if i := strings.LastIndex(text, prefix); i >= 0 {
			text = strings.TrimPrefix(text[i:], prefix)
		}
	}
	return strings.TrimPrefix(text, "Error response from daemon: ")
}
