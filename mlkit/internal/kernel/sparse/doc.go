// Package sparse multiplies matrices most of whose elements are zero.
//
// The zeros lie anywhere: what makes the product quick is the batch, not blocks
// of zeros. Samples are taken [panel] at a time and turned, so that a feature
// of all of them is one run of numbers. A weight that is not zero then
// multiplies that run, several vectors long, and the zeros are never looked at.
package sparse

//go:generate go run ../gen -family sparse
