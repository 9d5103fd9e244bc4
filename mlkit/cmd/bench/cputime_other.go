//go:build !unix

package main

// processorTime is nil where the system does not tell it in a way we know.
var processorTime func() float64
