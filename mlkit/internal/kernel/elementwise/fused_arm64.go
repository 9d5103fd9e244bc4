//go:build !noasm

package elementwise

import "descent/mlkit/internal/kernel/cpu"

// Every processor of this architecture has NEON: its kernels stand at the lowest level, and the
// loops in plain Go are for the build tag noasm.
func init() {
	fusedTable[cpu.Portable] = fusedKernels{
		maxAbs:    maxAbsNEON,
		geluSlope: geluSlopeNEON,
		adam:      adamNEON,
		momentum:  momentumNEON,
		nesterov:  nesterovNEON,
		rmsProp:   rmsPropNEON,
		lion:      lionNEON,
	}
}
