package kernel

import "os"

// level is a set of instructions that kernels are written for. A higher level
// includes the lower ones.
type level uint8

const (
	portable level = iota
	avx2           // AVX2 and FMA
	avx512         // AVX-512 F, BW, DQ and VL
)

func (l level) String() string {
	return [...]string{"portable", "avx2", "avx512"}[l]
}

// cpu is the level in use. It changes only in tests, through setLevel.
var cpu = min(best, wanted())

// best is the highest level that this machine and this build can run.
var best = detect()

// wanted reads MLKIT_CPU (portable, avx2 or avx512), which lowers the level
// for a comparison or to rule out a fault in the assembly.
func wanted() level {
	switch os.Getenv("MLKIT_CPU") {
	case "portable":
		return portable
	case "avx2":
		return avx2
	}
	return avx512
}

// setLevel switches the kernels to level l, or to the best one below it that
// can run here, and returns the level before. Tests and benchmarks only: no
// kernel may be running.
func setLevel(l level) (before level) {
	before, cpu = cpu, min(l, best)
	return before
}
