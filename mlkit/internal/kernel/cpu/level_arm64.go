//go:build !noasm

package cpu

// Every processor of this architecture has NEON.
func detect() []Level { return []Level{Portable, NEON} }
