//go:build !noasm

package kernel

import "unsafe"

// The assembly knows where the fields are.
var (
	_ = [1]int{}[unsafe.Offsetof(tiles{}.biasRows)-96]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.k)-120]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.rows)-160]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.nextA)-184]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.alpha)-208]
	_ = [1]int{}[unsafe.Offsetof(tiles{}.row)-224]
	_ = [1]int{}[unsafe.Offsetof(blocks{}.planes)-16]
	_ = [1]int{}[unsafe.Offsetof(blocks{}.dstPlane)-48]
	_ = [1]int{}[unsafe.Offsetof(poolRows{}.stride)-48]
	_ = [1]int{}[unsafe.Offsetof(poolRows{}.count)-80]
	_ = [1]int{}[unsafe.Offsetof(winTiles{}.dstTile)-56]
	_ = [1]int{}[unsafe.Offsetof(winTiles{}.relu)-88]
	_ = [1]int{}[unsafe.Offsetof(quads{}.relu)-24]
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

func maxPoolCPU(y []float32, idx []int32, x []float32, r *poolRows) {
	switch cpu {
	case avx512:
		maxPoolAVX512(&y[0], unsafe.SliceData(idx), &x[0], (*byte)(unsafe.Pointer(r)))
	case avx2:
		maxPoolAVX2(&y[0], unsafe.SliceData(idx), &x[0], (*byte)(unsafe.Pointer(r)))
	default:
		maxPoolGo(y, idx, x, r)
	}
}

func avgPoolCPU(y, x []float32, r *poolRows) {
	switch cpu {
	case avx512:
		avgPoolAVX512(&y[0], nil, &x[0], (*byte)(unsafe.Pointer(r)))
	case avx2:
		avgPoolAVX2(&y[0], nil, &x[0], (*byte)(unsafe.Pointer(r)))
	default:
		avgPoolGo(y, x, r)
	}
}

func winInputCPU(dst, src, tmp []float32, p *winTiles) {
	t := *p
	t.vectors /= tileShapes[cpu].lanes
	switch cpu {
	case avx512:
		winInputAVX512(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case avx2:
		winInputAVX2(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, 0, 6, 6)
	}
}

func winWeightCPU(dst, src, tmp []float32, p *winTiles, start int) {
	t := *p
	t.vectors /= tileShapes[cpu].lanes
	switch cpu {
	case avx512:
		winWeightAVX512(&dst[0], &src[start], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case avx2:
		winWeightAVX2(&dst[0], &src[start], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, start, 3, 6)
	}
}

func winGradCPU(dst, src, tmp []float32, p *winTiles) {
	t := *p
	t.vectors /= tileShapes[cpu].lanes
	switch cpu {
	case avx512:
		winGradAVX512(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case avx2:
		winGradAVX2(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, 0, 4, 6)
	}
}

func winOutputCPU(dst, src, tmp []float32, p *winTiles) {
	t := *p
	t.vectors /= tileShapes[cpu].lanes
	switch cpu {
	case avx512:
		winOutputAVX512(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case avx2:
		winOutputAVX2(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, 0, 6, 4)
	}
}

func winWeightGradCPU(dst, src, tmp []float32, p *winTiles) {
	t := *p
	t.vectors /= tileShapes[cpu].lanes
	switch cpu {
	case avx512:
		winWeightGradAVX512(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case avx2:
		winWeightGradAVX2(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, 0, 6, 3)
	}
}

func copyEvenCPU(dst, src []float32, b *blocks) {
	switch cpu {
	case avx512:
		copyEvenAVX512(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	case avx2:
		copyEvenAVX2(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	default:
		copyEvenGo(dst, src, b)
	}
}

func addEvenCPU(dst, src []float32, b *blocks) {
	switch cpu {
	case avx512:
		addEvenAVX512(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	case avx2:
		addEvenAVX2(&dst[0], &src[0], (*byte)(unsafe.Pointer(b)))
	default:
		addEvenGo(dst, src, b)
	}
}

func maxQuadsCPU(y []float32, arg []byte, x []float32, q *quads) {
	p := *q
	p.vectors /= tileShapes[cpu].lanes
	switch cpu {
	case avx512:
		maxQuadsAVX512(&y[0], unsafe.SliceData(arg), &x[0], (*byte)(unsafe.Pointer(&p)))
	case avx2:
		maxQuadsAVX2(&y[0], unsafe.SliceData(arg), &x[0], (*byte)(unsafe.Pointer(&p)))
	default:
		maxQuadsGo(y, arg, x, q)
	}
}

func spreadQuadsCPU(dst, dy []float32, arg []byte, row int, q *quads) {
	p := *q
	p.vectors /= tileShapes[cpu].lanes
	switch cpu {
	case avx512:
		spreadQuadsAVX512(&dst[0], &dy[0], &arg[0], row, (*byte)(unsafe.Pointer(&p)))
	case avx2:
		spreadQuadsAVX2(&dst[0], &dy[0], &arg[0], row, (*byte)(unsafe.Pointer(&p)))
	default:
		spreadQuadsGo(dst, dy, arg, row, q)
	}
}
