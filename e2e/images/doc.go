// Package images makes sure that the images of the tests and the demo are there.
// On a machine that reaches a registry they are pulled; where none can be reached
// they are put together from Debian's packages, under the names that people pull,
// so that the same specs serve in both places.
//
// Rule of the package: an image that is present is never touched.
package images
