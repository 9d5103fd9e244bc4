// Package random draws numbers, and drops elements at random.
package random

//go:generate go run ../gen -family random
