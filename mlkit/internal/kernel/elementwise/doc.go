// Package elementwise holds the kernels that compute each element of their
// output from the elements at the same place: arithmetic, elementary functions,
// activations, the updates of optimizers.
package elementwise

//go:generate go run ../gen -family elementwise
