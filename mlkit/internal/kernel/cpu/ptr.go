package cpu

import "unsafe"

// Ptr returns where x begins, nil for nil.
func Ptr(x []float32) *float32 { return unsafe.SliceData(x) }
