package conv

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
)

// span returns the output positions in [first, last) at which a tap, offset
// from the window's start, lies inside an axis of n elements.
func span(n, stride, pad, offset, first, last int) (lo, hi int) {
	lo = first
	if d := pad - offset; d > lo*stride {
		lo = (d + stride - 1) / stride
	}
	hi = last
	if room := n - 1 + pad - offset; room < 0 {
		hi = lo
	} else {
		hi = min(hi, room/stride+1)
	}
	return min(lo, last), max(hi, min(lo, last))
}

// columns returns the matrix of columns of planes lo to hi of a group of an
// image, for rows first to last of the output, and the distance of its rows.
func (j *convJob) columns(s *cpu.Workspace, image []float32, lo, hi, first, last int) (col []float32, ld int) {
	if j.direct() {
		return image[(lo*j.H+first)*j.W:], j.H * j.W
	}
	if ow := j.OutW(); first < last && lo < hi && ow > 0 && j.hasShortRows() {
		return j.shortColumns(s, image[lo*j.H*j.W:], hi-lo, first, last)
	}
	return j.tapColumns(s, image, lo, hi, first, last)
}

// tapColumns is columns, one tap of the windows after the other.
func (j *convJob) tapColumns(s *cpu.Workspace, image []float32, lo, hi, first, last int) (col []float32, ld int) {
	ow, window, plane := j.OutW(), j.KH*j.KW, j.H*j.W
	n := (last - first) * ow
	col = cpu.Floats(&s.C, (hi-lo)*window*n)
	for kh := range j.KH {
		top, bottom := span(j.H, j.StrideH, j.PadH, kh*j.DilH, first, last)
		for kw := range j.KW {
			left, right := span(j.W, j.StrideW, j.PadW, kw*j.DilW, 0, ow)
			tap := col[(kh*j.KW+kw)*n:]
			if top > first || bottom < last || left > 0 || right < ow {
				for p := range hi - lo {
					clear(tap[p*window*n:][:n])
				}
			}
			if top >= bottom || left >= right {
				continue
			}
			dst := tap[(top-first)*ow+left:]
			src := image[lo*plane+(top*j.StrideH-j.PadH+kh*j.DilH)*j.W+left*j.StrideW-j.PadW+kw*j.DilW:]
			b := gemm.Blocks{
				Width: right - left, Rows: bottom - top, Planes: hi - lo,
				SrcRow: j.StrideH * j.W, SrcPlane: plane, DstRow: ow, DstPlane: window * n,
			}
			switch j.StrideW {
			case 1:
				gemm.CopyBlocks(dst, src, b)
				continue
			case 2:
				gemm.CopyEven(dst, src, b)
				continue
			}
			for p := range b.Planes {
				for r := range b.Rows {
					every(dst[p*b.DstPlane+r*b.DstRow:][:b.Width], src[p*b.SrcPlane+r*b.SrcRow:], j.StrideW)
				}
			}
		}
	}
	return col, n
}

// every copies every step-th element of src.
func every(dst, src []float32, step int) {
	for len(dst) >= 4 {
		d, s := dst[:4], src[:3*step+1]
		d[0], d[1], d[2], d[3] = s[0], s[step], s[2*step], s[3*step]
		dst = dst[4:]
		if len(dst) > 0 {
			src = src[4*step:]
		}
	}
	for i := range dst {
		dst[i] = src[i*step]
	}
}

// scatter adds a matrix of columns, of planes planes and rows first to last of
// the output, to the places in dx that its elements come from.
func (j *convJob) scatter(dx, col []float32, planes, first, last int) {
	if j.overlaps() {
		j.scatterRows(dx, col, planes, first, last)
	} else {
		j.scatterTaps(dx, col, planes, first, last)
	}
}

// scatterTaps is scatter, one tap of the windows after the other.
func (j *convJob) scatterTaps(dx, col []float32, planes, first, last int) {
	ow, window, plane := j.OutW(), j.KH*j.KW, j.H*j.W
	n := (last - first) * ow
	for kh := range j.KH {
		top, bottom := span(j.H, j.StrideH, j.PadH, kh*j.DilH, first, last)
		for kw := range j.KW {
			left, right := span(j.W, j.StrideW, j.PadW, kw*j.DilW, 0, ow)
			if top >= bottom || left >= right {
				continue
			}
			src := col[(kh*j.KW+kw)*n+(top-first)*ow+left:]
			dst := dx[(top*j.StrideH-j.PadH+kh*j.DilH)*j.W+left*j.StrideW-j.PadW+kw*j.DilW:]
			b := gemm.Blocks{
				Width: right - left, Rows: bottom - top, Planes: planes,
				SrcRow: ow, SrcPlane: window * n, DstRow: j.StrideH * j.W, DstPlane: plane,
			}
			switch j.StrideW {
			case 1:
				gemm.AddBlocks(dst, src, b)
				continue
			case 2:
				gemm.AddEven(dst, src, b)
				continue
			}
			for p := range b.Planes {
				for r := range b.Rows {
					d := dst[p*b.DstPlane+r*b.DstRow:]
					for i, v := range src[p*b.SrcPlane+r*b.SrcRow:][:b.Width] {
						d[i*j.StrideW] += v
					}
				}
			}
		}
	}
}
