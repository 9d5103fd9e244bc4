// Package cpu is what all families of kernels stand on: the level of
// instructions in use, the resident workers, jobs that carry a kernel's
// arguments to them, free lists, scratch memory, and checks of lengths. It
// knows no kernel.
package cpu
