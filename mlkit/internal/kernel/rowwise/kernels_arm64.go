//go:build !noasm

package rowwise

import "descent/mlkit/internal/kernel/cpu"

// Every processor of this architecture has NEON: its kernels stand at the lowest level, and the
// loops in plain Go are for the build tag noasm.
func init() {
	rowTable[cpu.Portable] = rowKernels{
		sum:               sumNEON,
		dot:               dotVecNEON,
		squares:           squaresNEON,
		softmaxRow:        softmaxRowNEON,
		logSumExpRow:      logSumExpRowNEON,
		layerNormRow:      layerNormRowNEON,
		layerNormGradSums: layerNormGradSumsNEON,
		layerNormGradRow:  layerNormGradRowNEON,
		planeAffine:       planeAffineNEON,
		planeGradSums:     planeGradSumsNEON,
		planeGrad:         planeGradNEON,
		planeGradAdd:      planeGradAddNEON,
		rowAffine:         rowAffineNEON,
		rowGrad:           rowGradNEON,
		lstmRow:           lstmRowNEON,
		gruRow:            gruRowNEON,
	}
}
