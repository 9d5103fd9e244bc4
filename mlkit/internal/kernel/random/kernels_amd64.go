//go:build !noasm

package random

import "descent/mlkit/internal/kernel/cpu"

func init() {
	randTable[cpu.AVX2] = randKernels{
		dropout:     dropoutAVX2,
		dropoutGrad: dropoutGradAVX2,
		uniform:     uniformAVX2,
		normal:      normalAVX2,
	}
	randTable[cpu.AVX512] = randKernels{
		dropout:     dropoutAVX512,
		dropoutGrad: dropoutGradAVX512,
		uniform:     uniformAVX512,
		normal:      normalAVX512,
	}
}
