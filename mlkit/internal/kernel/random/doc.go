// Package random draws numbers, and drops elements at random.
package random

//go:generate go run ../gen -family random -out kernels_amd64.s -stubs stubs_amd64.go -pkg random
