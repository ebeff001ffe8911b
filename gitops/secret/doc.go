// Package secret reads what must never be shown, and takes it out of what is
// shown.
//
// Rule of the package: a secret lives in a file that not everyone can read; it is
// read when it is used, and no error says what the file holds.
package secret
