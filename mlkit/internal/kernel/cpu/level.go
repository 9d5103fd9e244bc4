package cpu

import "os"

// Level is a set of instructions that kernels are written for. A higher level
// includes the lower ones.
type Level uint8

const (
	Portable Level = iota
	AVX2           // AVX2 and FMA
	AVX512         // AVX-512 F, BW, DQ and VL
)

func (l Level) String() string {
	return [...]string{"portable", "avx2", "avx512"}[l]
}

// cpu is the level in use. It changes only in tests, through setLevel.
var Current = min(Best, wanted())

// Best is the highest level that this machine and this build can run.
var Best = detect()

// wanted reads MLKIT_CPU (portable, avx2 or avx512), which lowers the level
// for a comparison or to rule out a fault in the assembly.
func wanted() Level {
	switch os.Getenv("MLKIT_CPU") {
	case "portable":
		return Portable
	case "avx2":
		return AVX2
	}
	return AVX512
}

// SetLevel switches the kernels to level l, or to the best one below it that
// can run here, and returns the level before. Tests and benchmarks only: no
// kernel may be running.
func SetLevel(l Level) (before Level) {
	before, Current = Current, min(l, Best)
	return before
}
