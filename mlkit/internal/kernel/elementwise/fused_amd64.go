//go:build !noasm

package elementwise

import "descent/mlkit/internal/kernel/cpu"

func init() {
	fusedTable[cpu.AVX2] = fusedKernels{
		maxAbs:        maxAbsAVX2,
		geluSlope:     geluSlopeAVX2,
		adam:          adamAVX2,
		momentum:      momentumAVX2,
		nesterov:      nesterovAVX2,
		bytesToFloats: bytesToFloatsAVX2,
		rmsProp:       rmsPropAVX2,
		lion:          lionAVX2,
	}
	fusedTable[cpu.AVX512] = fusedKernels{
		maxAbs:        maxAbsAVX512,
		geluSlope:     geluSlopeAVX512,
		adam:          adamAVX512,
		momentum:      momentumAVX512,
		nesterov:      nesterovAVX512,
		bytesToFloats: bytesToFloatsAVX512,
		rmsProp:       rmsPropAVX512,
		lion:          lionAVX512,
	}
}
