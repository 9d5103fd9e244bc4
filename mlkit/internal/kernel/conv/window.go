package conv

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
)

// The product of a pooled convolution has pixels for rows, and the tile kernel
// reads their elements one by one. So it can read them in the image: where they
// lie behind the first that a window sees is the same for all windows. Columns
// took a quarter of the time of one image. Only an image with zeros around it
// is copied, with these, and once for all taps.

// leastAcross is the pixels of a row from which on tiles that end with it keep
// the units busy.
const leastAcross = 8

var windows cpu.FreeList[[]int]

// slides reports whether the columns are read in the image.
func (c *Conv) slides() bool { return c.OutW() >= leastAcross && gemm.CanList(c.taps()) }

// padded reports whether an image has zeros around it.
func (c *Conv) padded() bool { return c.PadH > 0 || c.PadW > 0 }

// seen returns how many rows of an image a cut of the output's rows sees, and
// their length.
func (j *convJob) seen() (rows, pitch int) {
	return (j.rows-1)*j.StrideH + (j.KH-1)*j.DilH + 1, j.W + 2*j.PadW
}

// window lists where the elements that a window sees lie.
func (j *convJob) window(at []int) []int {
	rows, pitch := j.seen()
	plane := rows * pitch
	if !j.padded() {
		plane = j.H * j.W
	}
	for p := range j.C {
		for kh := range j.KH {
			for kw := range j.KW {
				at = append(at, p*plane+kh*j.DilH*pitch+kw*j.DilW)
			}
		}
	}
	return at
}

// cutPooledPlanes cuts the filters, too, where a few images make few parts and
// nothing is kept for gradients: five pairs of rows for two workers are three
// for one of them.
func (j *convJob) cutPooledPlanes() {
	if workers := cpu.Workers(); j.arg != nil || workers == 1 || j.N*j.cuts >= 4*workers || j.OutC < 2*manyFilters {
		return
	}
	j.some = (j.OutC/2 + manyFilters - 1) / manyFilters * manyFilters
	j.cuts *= (j.OutC + j.some - 1) / j.some
}

// manyFilters is a multiple of the columns of a tile, at every level in
// assembly.
const manyFilters = 32

// poolProduct is the product of some rows of an image, by columns or without
// them.
type poolProduct struct {
	columns gemm.Gemm
	listed  gemm.Listed
	a, b    []float32
	ow      int
}

// poolProduct prepares that of rows first to last and filters lo to hi, whose
// results lie planes apart.
func (j *convJob) poolProduct(s *cpu.Workspace, n, first, last, lo, hi, planes int) poolProduct {
	_, _, ldb := j.pooled()
	p := poolProduct{b: j.w[lo:], ow: j.OutW()}
	var bias []float32
	if j.bias != nil {
		bias = j.bias[lo:hi]
	}
	if j.at == nil {
		p.columns = gemm.Gemm{N: hi - lo, K: j.taps(), TransA: true, LDB: ldb, LDC: planes, Bias: bias, Alpha: 1}
		p.a, p.columns.LDA = j.columns(s, j.image(n, 0), 0, j.C, first, last)
		return p
	}
	rows, pitch := j.seen()
	p.listed = gemm.Listed{Each: p.ow, Apart: j.StrideH * pitch, Step: j.StrideW, At: j.at, Far: j.at[len(j.at)-1],
		N: hi - lo, LDB: ldb, LDC: planes, Bias: bias}
	if image, top := j.image(n, 0), first*j.StrideH-j.PadH; !j.padded() {
		p.a = image[top*j.W:]
	} else {
		p.a = cpu.Floats(&s.C, j.C*rows*pitch)
		clear(p.a)
		from, to := max(0, -top), min(rows, j.H-top)
		if from < to {
			gemm.CopyBlocks(p.a[from*pitch+j.PadW:], image[(top+from)*j.W:], gemm.Blocks{Width: j.W, Rows: to - from,
				Planes: j.C, SrcRow: j.W, SrcPlane: j.H * j.W, DstRow: pitch, DstPlane: rows * pitch})
		}
	}
	return p
}

// run computes rows rows from the given one on.
func (p *poolProduct) run(c []float32, row, rows int) {
	if p.listed.At == nil {
		p.columns.M = rows * p.ow
		p.columns.Block(c, p.a[row*p.ow:], p.b, 0, p.columns.M, 0, p.columns.N)
		return
	}
	p.listed.Runs = rows
	p.listed.Run(c, p.a[row*p.listed.Apart:], p.b)
}
