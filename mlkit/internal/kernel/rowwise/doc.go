// Package rowwise holds the kernels that look at a row, a column or a plane as
// a whole: sums, softmax, cross-entropy, normalisation, recurrent cells.
package rowwise

//go:generate go run ../gen -family rowwise
