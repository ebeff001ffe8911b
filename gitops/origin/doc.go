// Package origin makes git remotes for tests: repositories, the servers that serve
// them over https and ssh, and the keys that sign and open them. It runs the real
// programs.
//
// Rule of the package: everything it makes is below the test's own directory, and
// ends with the test.
package origin
