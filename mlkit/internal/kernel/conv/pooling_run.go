package conv

import (
	"math"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// poolJob is one direction of pooling, a plane at a time.
type poolJob struct {
	Pool
	part   func(j *poolJob, y, x []float32, idx []int32)
	y, x   []float32
	idx    []int32
	planes int  // in a part
	max    bool // the largest, not the mean
	fresh  bool // x is to be cleared first
	oh, ow int
	// The ranges of columns and rows of outputs whose windows lie inside.
	left, right, top, bottom int
}

var poolJobs cpu.FreeList[poolJob]

// poolPart is about how many elements of x make a part.
const poolPart = 1 << 15

func (p *Pool) run(j poolJob) {
	j.Pool = *p
	j.oh, j.ow = p.OutH(), p.OutW()
	j.left, j.right = inside(p.W, p.KW, p.StrideW, p.PadW, p.DilW, j.ow)
	if j.StrideW > 2 || j.right-j.left < 3 {
		j.left, j.right = 0, 0 // no vectors
	}
	j.top, j.bottom = inside(p.H, p.KH, p.StrideH, p.PadH, p.DilH, j.oh)
	planes := p.N * p.C
	j.planes = max(1, poolPart/(p.H*p.W))
	shared := poolJobs.Get()
	*shared = j
	cpu.Parallel((planes+j.planes-1)/j.planes, shared)
	*shared = poolJob{}
	poolJobs.Put(shared)
}

// inside returns the range of outputs whose windows lie inside an axis.
func inside(n, k, stride, pad, dil, out int) (lo, hi int) {
	lo, hi = span(n, stride, pad, 0, 0, out)
	_, end := span(n, stride, pad, (k-1)*dil, 0, out)
	return lo, max(lo, min(hi, end))
}

func (j *poolJob) Part(i int) {
	in, out := j.H*j.W, j.oh*j.ow
	for n := i * j.planes; n < min((i+1)*j.planes, j.N*j.C); n++ {
		var idx []int32
		if j.idx != nil {
			idx = j.idx[n*out:][:out]
		}
		x := j.x[n*in:][:in]
		if j.fresh {
			clear(x)
		}
		j.part(j, j.y[n*out:][:out], x, idx)
	}
}

// poolRows describes rows of neighbouring windows that lie inside the image
// from side to side, and whose taps inside it from top to bottom are the same.
type poolRows struct {
	n, rows        int // windows in a row; rows
	kh, kw         int // taps of a window
	tapRow, tapCol int // from one tap to the next
	stride         int // from one window to the next
	srcRow, dstRow int // from one row to the next
	first          int // index of the first tap of the first window
	count          float32
}

// forward pools a plane: windows that lie inside it from side to side a row at
// a time, those at the sides one by one.
func (j *poolJob) forward(y, x []float32, idx []int32) {
	ow, left, right := j.ow, j.left, j.right
	w0 := left*j.StrideW - j.PadW
	for o := 0; o < j.oh; {
		h0, lo, hi := o*j.StrideH-j.PadH, 0, j.KH
		n := j.bottom - o
		if o < j.top || o >= j.bottom {
			_, lo, hi = window(o, j.H, j.KH, j.StrideH, j.PadH, j.DilH)
			n = 1
		}
		if right > left {
			at, out := (h0+lo*j.DilH)*j.W+w0, o*ow+left
			r := poolRows{
				n: right - left, rows: n, kh: hi - lo, kw: j.KW, tapRow: j.DilH * j.W, tapCol: j.DilW,
				stride: j.StrideW,
				srcRow: j.StrideH * j.W, dstRow: ow, first: at,
			}
			switch {
			case !j.max:
				r.count = j.count(h0, lo, hi, w0, 0, j.KW)
				avgPool(y[out:], x[at:], &r)
			case idx == nil:
				maxPool(y[out:], nil, x[at:], &r)
			default:
				maxPool(y[out:], idx[out:], x[at:], &r)
			}
		}
		for i := o; i < o+n && right-left < ow; i++ {
			h0 := i*j.StrideH - j.PadH
			for k := 0; k < left; k++ {
				j.window(y, x, idx, i*ow+k, k, h0, lo, hi)
			}
			for k := right; k < ow; k++ {
				j.window(y, x, idx, i*ow+k, k, h0, lo, hi)
			}
		}
		o += n
	}
}

// window pools the window of output o, in column k, whose first row is h0 and
// of whose rows lo to hi lie inside.
func (j *poolJob) window(y, x []float32, idx []int32, o, k, h0, lo, hi int) {
	w0, left, right := window(k, j.W, j.KW, j.StrideW, j.PadW, j.DilW)
	at := (h0+lo*j.DilH)*j.W + w0 + left*j.DilW
	best, sum := x[at], float32(0)
	for kh := lo; kh < hi; kh++ {
		row := (h0+kh*j.DilH)*j.W + w0
		for kw := left; kw < right; kw++ {
			v := x[row+kw*j.DilW]
			sum += v
			if v > best || v != v && best == best {
				best, at = v, row+kw*j.DilW
			}
		}
	}
	if !j.max {
		y[o] = sum / j.count(h0, lo, hi, w0, left, right)
		return
	}
	y[o] = best
	if idx != nil {
		idx[o] = int32(at)
	}
}

// wideWindow is how many elements of a window are added up one after another.
const wideWindow = 1 << 10

// wideMeans computes the means of a plane's large windows, as when one window
// is the whole plane: a row of a window at a time.
func (j *poolJob) wideMeans(y, x []float32, _ []int32) {
	for o := range j.oh {
		h0, lo, hi := window(o, j.H, j.KH, j.StrideH, j.PadH, j.DilH)
		for k := range j.ow {
			w0, left, right := window(k, j.W, j.KW, j.StrideW, j.PadW, j.DilW)
			var s float64
			for kh := lo; kh < hi; kh++ {
				row := x[(h0+kh*j.DilH)*j.W:]
				if j.DilW == 1 {
					s += rowwise.LongSum(row[w0+left : w0+right])
					continue
				}
				for kw := left; kw < right; kw++ {
					s += float64(row[w0+kw*j.DilW])
				}
			}
			y[o*j.ow+k] = float32(s / float64(j.count(h0, lo, hi, w0, left, right)))
		}
	}
}

func (j *poolJob) maxBackward(dy, dx []float32, idx []int32) {
	dy = dy[:len(idx)]
	for o, at := range idx {
		dx[at] += dy[o]
	}
}

// avgBackward spreads the gradients of a plane: windows inside it a tap at a
// time, the others one by one.
func (j *poolJob) avgBackward(dy, dx []float32, _ []int32) {
	n := j.bottom - j.top
	if n > 0 && j.right > j.left {
		s := cpu.GetWorkspace()
		share := cpu.Floats(&s.C, n*j.ow)
		elementwise.Scale(share, dy[j.top*j.ow:j.bottom*j.ow], 1/float32(j.KH*j.KW))
		b := gemm.Blocks{Width: j.right - j.left, Rows: n, SrcRow: j.ow, DstRow: j.StrideH * j.W}
		for kh := range j.KH {
			for kw := range j.KW {
				dst := dx[(j.top*j.StrideH-j.PadH+kh*j.DilH)*j.W+j.left*j.StrideW-j.PadW+kw*j.DilW:]
				if j.StrideW == 1 {
					gemm.AddBlocks(dst, share[j.left:], b)
				} else {
					gemm.AddEven(dst, share[j.left:], b)
				}
			}
		}
		s.Release()
	}
	for o := range j.oh {
		h0, lo, hi := window(o, j.H, j.KH, j.StrideH, j.PadH, j.DilH)
		for k := 0; k < j.ow; k++ {
			if k == j.left && o >= j.top && o < j.bottom {
				k = j.right
				if k == j.ow {
					break
				}
			}
			w0, left, right := window(k, j.W, j.KW, j.StrideW, j.PadW, j.DilW)
			g := dy[o*j.ow+k] / j.count(h0, lo, hi, w0, left, right)
			for kh := lo; kh < hi; kh++ {
				row := (h0+kh*j.DilH)*j.W + w0
				for kw := left; kw < right; kw++ {
					dx[row+kw*j.DilW] += g
				}
			}
		}
	}
}

// count returns what the sum over a window is divided by.
func (p *Pool) count(h0, hlo, hhi, w0, wlo, whi int) float32 {
	if p.CountIncludePad {
		_, _, hhi = window(0, p.H+p.PadH-h0, p.KH, 1, 0, p.DilH)
		_, _, whi = window(0, p.W+p.PadW-w0, p.KW, 1, 0, p.DilW)
		return float32(hhi * whi)
	}
	return float32((hhi - hlo) * (whi - wlo))
}

// maxPool computes rows of maxima, and their indices if idx is not nil.
func maxPool(y []float32, idx []int32, x []float32, r *poolRows) {
	r.check(y, x)
	if idx != nil {
		_ = idx[(r.rows-1)*r.dstRow+r.n-1]
	}
	if r.kh == 2 && r.kw == 2 {
		poolMax2(y, idx, x, r)
	} else {
		poolMax(y, idx, x, r)
	}
}

// poolMax2Go is poolMax for windows of 2×2.
func poolMax2Go(y []float32, idx []int32, x []float32, r *poolRows) { poolMax(y, idx, x, r) }

// avgPool computes rows of means.
func avgPool(y, x []float32, r *poolRows) {
	r.check(y, x)
	poolAvg(y, x, r)
}

func (r *poolRows) check(y, x []float32) {
	_ = y[(r.rows-1)*r.dstRow+r.n-1]
	_ = x[(r.rows-1)*r.srcRow+(r.n-1)*r.stride+(r.kh-1)*r.tapRow+(r.kw-1)*r.tapCol]
}

func poolMaxGo(y []float32, idx []int32, x []float32, r *poolRows) {
	for i := range r.rows {
		for o := range r.n {
			base := i*r.srcRow + o*r.stride
			best, at := float32(math.Inf(-1)), base
			for kh := range r.kh {
				for kw := range r.kw {
					q := base + kh*r.tapRow + kw*r.tapCol
					if v := x[q]; v > best || v != v && best == best {
						best, at = v, q
					}
				}
			}
			y[i*r.dstRow+o] = best
			if idx != nil {
				idx[i*r.dstRow+o] = int32(at + r.first)
			}
		}
	}
}

func poolAvgGo(y, x []float32, r *poolRows) {
	for i := range r.rows {
		for o := range r.n {
			sum := float32(0)
			for kh := range r.kh {
				for kw := range r.kw {
					sum += x[i*r.srcRow+o*r.stride+kh*r.tapRow+kw*r.tapCol]
				}
			}
			y[i*r.dstRow+o] = sum / r.count
		}
	}
}
