//go:build !noasm

package rowwise

import "descent/mlkit/internal/kernel/cpu"

func init() {
	rowTable[cpu.AVX2] = rowKernels{
		sum:               sumAVX2,
		dot:               dotVecAVX2,
		squares:           squaresAVX2,
		softmaxRow:        softmaxRowAVX2,
		logSumExpRow:      logSumExpRowAVX2,
		addRows:           addRowsAVX2,
		layerNormRow:      layerNormRowAVX2,
		layerNormGradSums: layerNormGradSumsAVX2,
		layerNormGradRow:  layerNormGradRowAVX2,
		layerNormParams:   layerNormParamsAVX2,
		lstmRow:           lstmRowAVX2,
		lstmGradRow:       lstmGradRowAVX2,
		gruRow:            gruRowAVX2,
		gruGradRow:        gruGradRowAVX2,
		planeAffine:       planeAffineAVX2,
		planeGradSums:     planeGradSumsAVX2,
		planeGrad:         planeGradAVX2,
		planeGradAdd:      planeGradAddAVX2,
		rowAffine:         rowAffineAVX2,
		rowGrad:           rowGradAVX2,
		columnSquares:     columnSquaresAVX2,
		columnGradSums:    columnGradSumsAVX2,
	}
	rowTable[cpu.AVX512] = rowKernels{
		sum:               sumAVX512,
		dot:               dotVecAVX512,
		squares:           squaresAVX512,
		softmaxRow:        softmaxRowAVX512,
		logSumExpRow:      logSumExpRowAVX512,
		addRows:           addRowsAVX512,
		layerNormRow:      layerNormRowAVX512,
		layerNormGradSums: layerNormGradSumsAVX512,
		layerNormGradRow:  layerNormGradRowAVX512,
		layerNormParams:   layerNormParamsAVX512,
		lstmRow:           lstmRowAVX512,
		lstmGradRow:       lstmGradRowAVX512,
		gruRow:            gruRowAVX512,
		gruGradRow:        gruGradRowAVX512,
		planeAffine:       planeAffineAVX512,
		planeGradSums:     planeGradSumsAVX512,
		planeGrad:         planeGradAVX512,
		planeGradAdd:      planeGradAddAVX512,
		rowAffine:         rowAffineAVX512,
		rowGrad:           rowGradAVX512,
		columnSquares:     columnSquaresAVX512,
		columnGradSums:    columnGradSumsAVX512,
	}
}
