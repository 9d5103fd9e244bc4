//go:build !noasm

package gemm

import (
	"unsafe"

	"descent/mlkit/internal/kernel/cpu"
)

// The assembly knows where the fields are.
var (
	_ = [1]int{}[unsafe.Offsetof(tiles{}.biasRows)-96]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.k)-120]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.rows)-160]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.nextA)-184]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.alpha)-208]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.row)-224]
	_ = [1]int{}[unsafe.Offsetof(Blocks{}.Planes)-16]
	_ = [1]int{}[unsafe.Offsetof(Blocks{}.DstPlane)-48]
)

func (t *tiles) run() {
	switch cpu.Current {
	case cpu.AVX512:
		tilesAVX512((*byte)(unsafe.Pointer(t)))
	case cpu.AVX2:
		tilesAVX2((*byte)(unsafe.Pointer(t)))
	default:
		tilesGo(t)
	}
}

func (t *tiles) dots() {
	switch cpu.Current {
	case cpu.AVX512:
		dotsAVX512((*byte)(unsafe.Pointer(t)))
	case cpu.AVX2:
		dotsAVX2((*byte)(unsafe.Pointer(t)))
	default:
		dotsGo(t)
	}
}

func transposeBlock(dst, src []float32, ld, rows, n, stride int) {
	switch cpu.Current {
	case cpu.AVX512:
		transposeAVX512(&dst[0], &src[0], ld, rows, n, stride)
	case cpu.AVX2:
		transposeAVX2(&dst[0], &src[0], ld, rows, n, stride)
	default:
		transposeGo(dst, src, ld, rows, n, stride)
	}
}

func copyBlocksCPU(dst, src []float32, b *Blocks) {
	switch cpu.Current {
	case cpu.AVX512:
		copyBlocksAVX512(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	case cpu.AVX2:
		copyBlocksAVX2(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	default:
		copyBlocksGo(dst, src, b)
	}
}

func addBlocksCPU(dst, src []float32, b *Blocks) {
	switch cpu.Current {
	case cpu.AVX512:
		addBlocksAVX512(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	case cpu.AVX2:
		addBlocksAVX2(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	default:
		addBlocksGo(dst, src, b)
	}
}

func copyEvenCPU(dst, src []float32, b *Blocks) {
	switch cpu.Current {
	case cpu.AVX512:
		copyEvenAVX512(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	case cpu.AVX2:
		copyEvenAVX2(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	default:
		copyEvenGo(dst, src, b)
	}
}

func addEvenCPU(dst, src []float32, b *Blocks) {
	switch cpu.Current {
	case cpu.AVX512:
		addEvenAVX512(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	case cpu.AVX2:
		addEvenAVX2(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	default:
		addEvenGo(dst, src, b)
	}
}
