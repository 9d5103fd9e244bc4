package conv

import (
	"unsafe"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
)

// A convolution with the largest of each 2×2 window of its result taken while
// that is still in cache: the result itself, four times as large, is never in
// memory, nor is its gradient. Inside, pixels hold their planes next to each
// other, so that windows are compared and spread a vector of planes at a time.
//
// The numbers are those of Forward and [Pool.MaxForward] one after the other.

// Poolable reports whether ForwardPool and the gradients can be used.
func (c Conv) Poolable() bool { return c.Groups <= 1 && c.even() && c.OutH() >= 2 && c.OutW() >= 2 }

// pooled returns the size of the pooled output, and the planes of a pixel
// rounded up to whole vectors.
func (c *Conv) pooled() (h, w, planes int) {
	return c.OutH() / 2, c.OutW() / 2, (c.OutC + winLanes - 1) / winLanes * winLanes
}

// PoolArgs returns how many int32 ForwardPool needs to keep, a byte for each
// output and plane (rounded up), where the largest were.
func (c Conv) PoolArgs() int {
	h, w, planes := c.pooled()
	return c.N * h * w * planes / 4
}

func (c *Conv) argBytes(arg []int32) []byte {
	if arg == nil {
		return nil
	}
	cpu.NeedSize("Conv: arg", len(arg), c.PoolArgs())
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(arg))), 4*len(arg))
}

// checkedPool is checked for a pooled output of length y.
func (c Conv) checkedPool(y, x, w int) Conv {
	if !c.Poolable() {
		panic("kernel: Conv: not poolable")
	}
	h, wd, _ := c.pooled()
	full := c.N * c.OutC * c.OutH() * c.OutW()
	c = c.checked(full, x, w)
	cpu.NeedSize("Conv: pooled y", y, c.N, c.OutC, h, wd)
	return c
}

// ForwardPool computes y = act(max of each 2×2 window of conv(x, w) + bias),
// of N×OutC×OutH/2×OutW/2 (rounded down), and keeps in arg (unless nil) what
// the gradients need, PoolArgs int32.
func (c Conv) ForwardPool(y []float32, arg []int32, x, w, bias []float32, act gemm.Activation) {
	c = c.checkedPool(len(y), len(x), len(w))
	if bias != nil {
		cpu.NeedSize("Conv: bias", len(bias), c.OutC)
	}
	if c.winograd(c.OutH(), c.OutW()) && tame(x) {
		winForwardJob(winJob{
			x: x, y: y, w: w, in: c.C, out: c.OutC, n: c.N, h: c.H, wd: c.W, oh: c.OutH(), ow: c.OutW(),
			padH: c.PadH, padW: c.PadW, relu: act == gemm.ReLUAct, pool: true, arg: c.argBytes(arg),
		}, bias)
		return
	}
	s := cpu.GetWorkspace()
	_, _, planes := c.pooled()
	turned := cpu.Floats(&s.C, c.taps()*planes)
	gemm.TransposeStrided(turned, w, c.taps(), c.OutC, c.taps(), planes)
	j := convJob{Conv: c, part: convForwardPool, y: y, x: x, w: turned, bias: bias, act: act, arg: c.argBytes(arg)}
	j.cutRowPairs()
	if !c.slides() {
		j.run(c.N * j.cuts)
		s.Release()
		return
	}
	j.cutPooledPlanes()
	l := windows.Get()
	*l = j.window((*l)[:0])
	j.at = *l
	j.run(c.N * j.cuts)
	windows.Put(l)
	s.Release()
}

// BackwardDataPool computes dx, as BackwardData does, from the gradient of the
// pooled output.
func (c Conv) BackwardDataPool(dx, dy []float32, arg []int32, w []float32, accumulate bool) {
	c = c.checkedPool(len(dy), len(dx), len(w))
	if c.winograd(c.H, c.W) {
		winForwardJob(winJob{
			x: dy, y: dx, w: w, in: c.OutC, out: c.C, n: c.N, h: c.OutH(), wd: c.OutW(), oh: c.H, ow: c.W,
			padH: 2 - c.PadH, padW: 2 - c.PadW, flip: true, accumulate: accumulate, spread: c.argBytes(arg),
		}, nil)
		return
	}
	j := convJob{Conv: c, part: convBackwardData, y: dy, x: dx, w: w, accumulate: accumulate, arg: c.argBytes(arg)}
	j.cutPlanes(c.N)
	j.run(c.N * j.cuts)
}

// BackwardWeightPool computes dw, as BackwardWeight does, from the gradient of
// the pooled output.
func (c Conv) BackwardWeightPool(dw, dy []float32, arg []int32, x []float32, accumulate bool) {
	c = c.checkedPool(len(dy), len(x), len(dw))
	c.backwardWeight(convJob{Conv: c, part: convBackwardWeightPool, y: dy, x: x, w: dw, accumulate: accumulate,
		arg: c.argBytes(arg)})
}

// cutRowPairs is cutRows for whole rows of windows. The cut cannot change the
// result, so one worker has the image in one piece.
func (j *convJob) cutRowPairs() {
	parts := min(convParts, 4*cpu.Workers())
	if cpu.Workers() == 1 {
		parts = 1
	}
	j.cutRowsFor(parts)
	j.rows = (j.rows + 1) &^ 1
	j.cuts = (j.OutH()/2*2 + j.rows - 1) / j.rows
}

// pairRows returns how many of rows rows of pixels, an even number, to have in
// the first-level cache at a time.
func (j *convJob) pairRows(planes int) int { return max(2, (1<<13)/(j.OutW()*planes)&^1) }

func convForwardPool(j *convJob, s *cpu.Workspace, n, _, cut int) {
	ph, pw, planes := j.pooled()
	ow, lo, hi := j.OutW(), 0, j.OutC
	if j.some > 0 {
		across := (j.OutC + j.some - 1) / j.some
		lo = cut % across * j.some
		hi, planes = min(lo+j.some, j.OutC), j.some
		cut /= across
	}
	first := cut * j.rows
	last := min(first+j.rows, 2*ph)
	product := j.poolProduct(s, n, first, last, lo, hi, planes)
	step := j.pairRows(planes)
	img := cpu.Floats(&s.A, step*ow*planes)
	best := cpu.Floats(&s.B, (last-first)/2*pw*planes)
	q := quads{n: pw, vectors: planes, row: ow * planes}
	if j.act == gemm.ReLUAct {
		q.relu = 1
	}
	for r := first; r < last; r += step {
		rows := min(step, last-r)
		product.run(img, r-first, rows)
		for i := 0; i < rows; i += 2 {
			var arg []byte
			if j.arg != nil {
				arg = j.arg[(n*ph+(r+i)/2)*pw*planes:]
			}
			maxQuads(best[(r-first+i)/2*pw*planes:], arg, img[i*ow*planes:], &q)
		}
	}
	gemm.TransposeStrided(j.y[(n*j.OutC+lo)*ph*pw+first/2*pw:], best, planes, (last-first)/2*pw, hi-lo, ph*pw)
}

// convBackwardWeightPool does what convBackwardWeight does.
func convBackwardWeightPool(j *convJob, s *cpu.Workspace, run, _, cut int) {
	ph, pw, planes := j.pooled()
	window, ow := j.KH*j.KW, j.OutW()
	lo := cut * j.planes
	hi := min(lo+j.planes, j.C)
	g := gemm.Gemm{M: (hi - lo) * window, N: j.OutC, LDB: planes, LDC: j.OutC, Alpha: 1}
	sum := j.sum(run, 0)[lo*window*j.OutC : hi*window*j.OutC]
	step := j.pairRows(planes)
	dy := cpu.Floats(&s.A, step*ow*planes)
	q := quads{n: pw, vectors: planes}
	for n := run * j.N / j.runs; n < (run+1)*j.N/j.runs; n++ {
		pooled := j.y[n*j.OutC*ph*pw:][:j.OutC*ph*pw]
		for first := 0; first < 2*ph; first += j.rows {
			last := min(first+j.rows, 2*ph)
			var col []float32
			col, g.LDA = j.columns(s, j.image(n, 0), lo, hi, first, last)
			best := cpu.Floats(&s.B, (last-first)/2*pw*planes)
			gemm.TransposeStrided(best, pooled[first/2*pw:], ph*pw, j.OutC, (last-first)/2*pw, planes)
			for r := first; r < last; r += step {
				rows := min(step, last-r)
				for i := range rows {
					at := (r + i) / 2
					spreadQuads(dy[i*ow*planes:], best[(at-first/2)*pw*planes:], j.arg[(n*ph+at)*pw*planes:], i%2, &q)
					if ow%2 == 1 {
						clear(dy[(i*ow+ow-1)*planes:][:planes])
					}
				}
				g.K = rows * ow
				g.Block(sum, col[(r-first)*ow:], dy, 0, g.M, 0, g.N)
				g.Accumulate = true
			}
		}
	}
	if !g.Accumulate {
		clear(sum)
	}
}

// expand returns the gradient of the convolution's result in image n.
func (j *convJob) expand(s *cpu.Workspace, n int) []float32 {
	ph, pw, planes := j.pooled()
	ow, pixels := j.OutW(), j.pixels()
	full := cpu.Floats(&s.A, j.OutC*pixels)
	clear(full)
	arg := j.arg[n*ph*pw*planes:][:ph*pw*planes]
	for o := range j.OutC {
		dst, dy := full[o*pixels:][:pixels], j.y[(n*j.OutC+o)*ph*pw:][:ph*pw]
		for r := range ph {
			for c := range pw {
				k := int(arg[(r*pw+c)*planes+o])
				dst[(2*r+k/2)*ow+2*c+k%2] = dy[r*pw+c]
			}
		}
	}
	return full
}

// stageSpread is stage for image n of the pooled gradient, h×w, of a
// convolution. tmp is spreadScratch floats.
func stageSpread(dst, dy []float32, arg []byte, tmp []float32, n, planes, h, w, top, left, rows, cols, s int) {
	clear(dst[:rows*cols*s])
	first, last := max(0, top)/2, min(h, (top+rows+1)/2)
	if first >= last {
		return
	}
	gemm.TransposeStrided(tmp, dy[n*planes*h*w+first*w:], h*w, planes, (last-first)*w, s)
	q := quads{n: w, vectors: s}
	for p := first; p < last; p++ {
		for k := range 2 {
			if r := 2*p + k - top; r >= 0 && r < rows {
				spreadQuads(dst[(r*cols-left)*s:], tmp[(p-first)*w*s:], arg[(n*h+p)*w*s:], k, &q)
			}
		}
	}
}

// spreadScratch returns what stageSpread needs for rows rows of pixels, w
// across.
func spreadScratch(rows, w, s int) int { return (rows/2 + 2) * (w / 2) * s }
