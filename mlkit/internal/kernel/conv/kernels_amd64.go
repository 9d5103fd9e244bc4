//go:build !noasm

package conv

import (
	"unsafe"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
)

// The assembly knows where the fields are.
var (
	_ = [1]int{}[unsafe.Offsetof(poolRows{}.stride)-48]
	_ = [1]int{}[unsafe.Offsetof(poolRows{}.count)-80]
	_ = [1]int{}[unsafe.Offsetof(winTiles{}.dstTile)-56]
	_ = [1]int{}[unsafe.Offsetof(winTiles{}.relu)-88]
	_ = [1]int{}[unsafe.Offsetof(quads{}.relu)-24]
)

func maxPoolCPU(y []float32, idx []int32, x []float32, r *poolRows) {
	switch cpu.Current {
	case cpu.AVX512:
		maxPoolAVX512(&y[0], unsafe.SliceData(idx), &x[0], (*byte)(unsafe.Pointer(r)))
	case cpu.AVX2:
		maxPoolAVX2(&y[0], unsafe.SliceData(idx), &x[0], (*byte)(unsafe.Pointer(r)))
	default:
		maxPoolGo(y, idx, x, r)
	}
}

func avgPoolCPU(y, x []float32, r *poolRows) {
	switch cpu.Current {
	case cpu.AVX512:
		avgPoolAVX512(&y[0], nil, &x[0], (*byte)(unsafe.Pointer(r)))
	case cpu.AVX2:
		avgPoolAVX2(&y[0], nil, &x[0], (*byte)(unsafe.Pointer(r)))
	default:
		avgPoolGo(y, x, r)
	}
}

func winInputCPU(dst, src, tmp []float32, p *winTiles) {
	t := *p
	t.vectors /= gemm.TileShapes[cpu.Current].Lanes
	switch cpu.Current {
	case cpu.AVX512:
		winInputAVX512(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case cpu.AVX2:
		winInputAVX2(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, 0, 6, 6)
	}
}

func winWeightCPU(dst, src, tmp []float32, p *winTiles, start int) {
	t := *p
	t.vectors /= gemm.TileShapes[cpu.Current].Lanes
	switch cpu.Current {
	case cpu.AVX512:
		winWeightAVX512(&dst[0], &src[start], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case cpu.AVX2:
		winWeightAVX2(&dst[0], &src[start], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, start, 3, 6)
	}
}

func winGradCPU(dst, src, tmp []float32, p *winTiles) {
	t := *p
	t.vectors /= gemm.TileShapes[cpu.Current].Lanes
	switch cpu.Current {
	case cpu.AVX512:
		winGradAVX512(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case cpu.AVX2:
		winGradAVX2(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, 0, 4, 6)
	}
}

func winOutputCPU(dst, src, tmp []float32, p *winTiles) {
	t := *p
	t.vectors /= gemm.TileShapes[cpu.Current].Lanes
	switch cpu.Current {
	case cpu.AVX512:
		winOutputAVX512(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case cpu.AVX2:
		winOutputAVX2(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, 0, 6, 4)
	}
}

func winWeightGradCPU(dst, src, tmp []float32, p *winTiles) {
	t := *p
	t.vectors /= gemm.TileShapes[cpu.Current].Lanes
	switch cpu.Current {
	case cpu.AVX512:
		winWeightGradAVX512(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	case cpu.AVX2:
		winWeightGradAVX2(&dst[0], &src[0], &tmp[0], (*byte)(unsafe.Pointer(&t)))
	default:
		winGo(dst, src, p, 0, 6, 3)
	}
}

func maxQuadsCPU(y []float32, arg []byte, x []float32, q *quads) {
	p := *q
	p.vectors /= gemm.TileShapes[cpu.Current].Lanes
	switch cpu.Current {
	case cpu.AVX512:
		maxQuadsAVX512(&y[0], unsafe.SliceData(arg), &x[0], (*byte)(unsafe.Pointer(&p)))
	case cpu.AVX2:
		maxQuadsAVX2(&y[0], unsafe.SliceData(arg), &x[0], (*byte)(unsafe.Pointer(&p)))
	default:
		maxQuadsGo(y, arg, x, q)
	}
}

func spreadQuadsCPU(dst, dy []float32, arg []byte, row int, q *quads) {
	p := *q
	p.vectors /= gemm.TileShapes[cpu.Current].Lanes
	switch cpu.Current {
	case cpu.AVX512:
		spreadQuadsAVX512(&dst[0], &dy[0], &arg[0], row, (*byte)(unsafe.Pointer(&p)))
	case cpu.AVX2:
		spreadQuadsAVX2(&dst[0], &dy[0], &arg[0], row, (*byte)(unsafe.Pointer(&p)))
	default:
		spreadQuadsGo(dst, dy, arg, row, q)
	}
}
