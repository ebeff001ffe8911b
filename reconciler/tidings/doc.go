// Package tidings says what of all that a running havn sees is news to others: the
// statuses of commits, for their forge, and events, for people.
//
// Rule of the package: it sends nothing and reads no clock. The same facts in the same
// order are the same news.
package tidings
