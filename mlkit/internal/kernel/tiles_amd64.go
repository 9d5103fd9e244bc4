//go:build !noasm

package kernel

import "unsafe"

// The assembly knows where the fields of tiles and blocks are.
var (
	_ = [1]int{}[unsafe.Offsetof(tiles{}.biasRows)-96]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.k)-120]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.rows)-160]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.nextA)-184]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.alpha)-208]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.row)-224]
	_ = [1]int{}[unsafe.Offsetof(blocks{}.planes)-16]
	_ = [1]int{}[unsafe.Offsetof(blocks{}.dstPlane)-48]
)

func (t *tiles) run() {
	switch cpu {
	case avx512:
		tilesAVX512((*byte)(unsafe.Pointer(t)))
	case avx2:
		tilesAVX2((*byte)(unsafe.Pointer(t)))
	default:
		tilesGo(t)
	}
}

func (t *tiles) dots() {
	switch cpu {
	case avx512:
		dotsAVX512((*byte)(unsafe.Pointer(t)))
	case avx2:
		dotsAVX2((*byte)(unsafe.Pointer(t)))
	default:
		dotsGo(t)
	}
}

func transposeBlock(dst, src []float32, ld, rows, n, stride int) {
	switch cpu {
	case avx512:
		transposeAVX512(&dst[0], &src[0], ld, rows, n, stride)
	case avx2:
		transposeAVX2(&dst[0], &src[0], ld, rows, n, stride)
	default:
		transposeGo(dst, src, ld, rows, n, stride)
	}
}

func copyBlocksCPU(dst, src []float32, b *blocks) {
	switch cpu {
	case avx512:
		copyBlocksAVX512(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	case avx2:
		copyBlocksAVX2(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	default:
		copyBlocksGo(dst, src, b)
	}
}

func addBlocksCPU(dst, src []float32, b *blocks) {
	switch cpu {
	case avx512:
		addBlocksAVX512(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	case avx2:
		addBlocksAVX2(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	default:
		addBlocksGo(dst, src, b)
	}
}
