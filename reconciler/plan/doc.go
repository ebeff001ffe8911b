// Package plan decides. [Make] compares the wanted [spec.Site] with the
// [Observed] host and says what is safe to do now. It is pure: the same three
// values give the same plan, and time is one of them.
//
// There is no rollout state anywhere. Where a rollout is follows from which
// replicas run, are ready, are routed and since when; so after a crash of havn,
// or when a newer revision arrives, the same function looks at the same host and
// goes on.
//
// Rule of the package: it never does anything. It must not import net, os,
// os/exec, log/slog, math/rand or any client; a test enforces it.
package plan
