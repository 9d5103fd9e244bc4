package conv

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
)

// The columns of short rows are copied from the image with its padding around
// it, where no row of a tap has an edge, so none needs a mask.
const (
	shortSlack = 32  // floats beyond the end that copyShort reads; it writes fewer
	shortTaps  = 128 // of a window, at most
	fewTaps    = 6   // of which the image with its padding does not pay
	shortRow   = 64  // of the output; longer ones are copied well as they are
)

// shortRun is what copyShort copies: of each plane, for each tap, whose place
// in a plane a table has, rows of width floats, one after the other. In the
// image these are stride apart, 1 or 2.
type shortRun struct{ planes, taps, rows, width, stride, srcRow, srcPlane int }

// copyShortGo reads and writes nothing beyond the ends, where the others move
// whole vectors, and leave any contents behind what they write.
func copyShortGo(dst, src []float32, at []int32, r *shortRun) {
	for p := range r.planes {
		for _, a := range at[:r.taps] {
			for k := range r.rows {
				row := src[p*r.srcPlane+int(a)+k*r.srcRow:]
				for i := range dst[:r.width] {
					dst[i] = row[i*r.stride]
				}
				dst = dst[r.width:]
			}
		}
	}
}

// hasShortRows reports whether columns are made from an image with its padding.
func (j *convJob) hasShortRows() bool {
	window := j.KH * j.KW
	return (cpu.Current == cpu.AVX2 || cpu.Current == cpu.AVX512) && j.StrideW <= 2 &&
		window >= fewTaps && window <= shortTaps && j.OutW() <= shortRow
}

// shortColumns is columns by way of the image with its padding. image has the
// planes from the first one wanted on.
func (j *convJob) shortColumns(s *cpu.Workspace, image []float32, planes, first, last int) (col []float32, ld int) {
	ow := j.OutW()
	n := (last - first) * ow
	size := planes * j.KH * j.KW * n
	// What the windows see.
	h, w := (last-first-1)*j.StrideH+j.DilH*(j.KH-1)+1, (ow-1)*j.StrideW+j.DilW*(j.KW-1)+1
	memory := cpu.Floats(&s.C, size+planes*h*w+2*shortSlack)
	col, padded := memory[:size+shortSlack], memory[size+shortSlack:]
	above := j.PadH - first*j.StrideH
	top, bottom := span(j.H, 1, above, 0, 0, h)
	left, right := span(j.W, 1, j.PadW, 0, 0, w)
	if top > 0 || bottom < h || left > 0 || right < w {
		clear(padded[:planes*h*w])
	}
	if top < bottom && left < right {
		gemm.CopyBlocks(padded[top*w+left:], image[(top-above)*j.W+left-j.PadW:], gemm.Blocks{Width: right - left,
			Rows: bottom - top, Planes: planes, SrcRow: j.W, SrcPlane: j.H * j.W, DstRow: w, DstPlane: h * w})
	}
	var at [shortTaps]int32
	for kh := range j.KH {
		for kw := range j.KW {
			at[kh*j.KW+kw] = int32(kh*j.DilH*w + kw*j.DilW)
		}
	}
	copyShort(col, padded, at[:], &shortRun{planes: planes, taps: j.KH * j.KW, rows: last - first, width: ow,
		stride: j.StrideW, srcRow: j.StrideH * w, srcPlane: h * w})
	return col[:size], n
}
