// Package notice tells people what happened: on Slack and what takes the same
// messages, Matrix, ntfy, and signed webhooks. An event is put into an outbox first
// and sent then, in order for each target, until the target has taken it: at least
// once, also over restarts.
//
// Rule of the package: nothing waits for a target, and no secret is in a message,
// in the outbox or in the log.
package notice
