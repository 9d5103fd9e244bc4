package conv

import (
	"math"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// A depthwise convolution with one of the usual windows has a kernel of its
// own, see depthKernels in gen, which reads the image where it is. Vectors are
// of neighbouring columns; a column or row beyond the image's edge is masked or
// left out.
const (
	depthRows   = 7       // of the result, that a kernel holds in registers
	depthLanes  = 16      // columns of a mask
	depthMasks  = 7       // of a vector of columns; the last: columns to write
	depthFloats = 1 << 12 // about what a call reads, for the first-level cache
)

// depthRun describes a call of a kernel: rows rows and a vector of columns of
// the result, of planes planes.
type depthRun struct {
	planes, rows     int
	h                int // rows of an image
	first            int // the row of the image that the first tap sees
	at               int // the column that it sees, from where x begins
	srcRow, srcPlane int
	dstRow, dstPlane int
	norm, add        int // 1: normalise; add to what y holds
	lo, hi           float32
}

// depthJob is the convolution of n images of c planes of h×w, and of as many of
// oh×ow, with a window of k×k each; or the gradient with respect to the images,
// which is another. A unit is some planes of an image, or some rows of a plane.
type depthJob struct {
	x, y, w      []float32
	n, c, h, wd  int
	oh, ow       int
	k, stride    int
	padH, padW   int
	run          depthRun
	params       []float32 // of each plane: bias, mean, scale, shift
	lanes        []int32   // the masks of each vector of columns
	width        int       // of a vector
	planes, rows int       // of a unit
	blocks, cuts int       // of an image's planes, and of a plane's rows
	units, each  int       // units in all and in a part
}

var depthJobs cpu.FreeList[depthJob]

// depthwise reports whether there is a kernel. There is none for NEON yet,
// whose rows of taps (see thin.go) are faster than Go.
func (c *Conv) depthwise() bool {
	return cpu.Current != cpu.NEON && c.Groups > 1 && c.C == c.Groups && c.OutC == c.Groups &&
		c.KH == c.KW && (c.KH == 3 || c.KH == 5) && c.StrideH == c.StrideW && c.StrideH <= 2 &&
		c.DilH == 1 && c.DilW == 1 && c.OutH() > 0 && c.OutW() > 0
}

// depthJob returns a job with c's planes and window.
func (c *Conv) depthJob(y, x, w []float32) *depthJob {
	j := depthJobs.Get()
	*j = depthJob{y: y, x: x, w: w, n: c.N, c: c.C, k: c.KH, params: j.params, lanes: j.lanes}
	j.run.lo, j.run.hi = float32(math.Inf(-1)), float32(math.Inf(1))
	return j
}

// forwardDepthwise is Forward.
func (c *Conv) forwardDepthwise(y, x, w, bias []float32, act gemm.Activation, norm *rowwise.Norm) {
	j := c.depthJob(y, x, w)
	j.h, j.wd, j.oh, j.ow = c.H, c.W, c.OutH(), c.OutW()
	j.stride, j.padH, j.padW = c.StrideH, c.PadH, c.PadW
	p := cpu.Floats(&j.params, 4*c.C)
	clear(p)
	for i, b := range bias {
		p[4*i] = b
	}
	if act == gemm.ReLUAct || norm != nil && norm.ReLU {
		j.run.lo = 0
	}
	if norm != nil {
		j.run.norm = 1
		for i := range c.C {
			p[4*i+1], p[4*i+2], p[4*i+3] = norm.Mean[i], norm.Scale[i], norm.Shift[i]
		}
		if norm.Top != 0 {
			j.run.lo, j.run.hi = 0, norm.Top
		}
	}
	j.do()
}

// backwardDataDepthwise is BackwardData at stride 1: a convolution of the
// result's gradient with the windows turned by 180°.
func (c *Conv) backwardDataDepthwise(dx, dy, w []float32, accumulate bool) {
	s := cpu.GetWorkspace()
	flipped := cpu.Floats(&s.C, len(w))
	c.flip(flipped, w)
	j := c.depthJob(dx, dy, flipped)
	j.h, j.wd, j.oh, j.ow = c.OutH(), c.OutW(), c.H, c.W
	j.stride, j.padH, j.padW = 1, c.KH-1-c.PadH, c.KW-1-c.PadW
	clear(cpu.Floats(&j.params, 4*c.C))
	if accumulate {
		j.run.add = 1
	}
	j.do()
	s.Release()
}

// do runs the job and gives it back.
func (j *depthJob) do() {
	j.width = depthLanes
	if cpu.Current == cpu.AVX2 {
		j.width = 8
	}
	j.mask()
	j.run.h, j.run.srcRow, j.run.srcPlane = j.h, j.wd, j.h*j.wd
	j.run.dstRow, j.run.dstPlane = j.ow, j.oh*j.ow
	j.planes = max(1, depthFloats/(j.h*j.wd))
	j.rows = j.oh
	if j.planes == 1 {
		j.rows = max(1, depthFloats/(j.stride*j.wd)/depthRows) * depthRows
	}
	j.blocks, j.cuts = (j.c+j.planes-1)/j.planes, (j.oh+j.rows-1)/j.rows
	j.units = j.n * j.blocks * j.cuts
	j.each = (j.units + maxUnits - 1) / maxUnits
	if j.n*j.c*j.k*j.k*j.run.dstPlane < gemm.SerialWork {
		j.each = j.units
	}
	if j.units > 0 {
		cpu.Parallel((j.units+j.each-1)/j.each, j)
	}
	*j = depthJob{params: j.params, lanes: j.lanes}
	depthJobs.Put(j)
}

// mask makes the masks of all vectors of columns. At stride 1 those of the
// image's columns are one a tap, at stride 2 two, of neighbouring vectors, for
// each two taps.
func (j *depthJob) mask() {
	all := (j.ow + j.width - 1) / j.width * depthMasks * depthLanes
	if cap(j.lanes) < all {
		j.lanes = make([]int32, all+all/4)
	}
	j.lanes = j.lanes[:all]
	clear(j.lanes)
	set := func(lanes []int32, from, step, end int) {
		for i := range j.width {
			if at := from + i*step; at >= 0 && at < end {
				lanes[i] = -1
			}
		}
	}
	for c := 0; c < j.ow; c += j.width {
		lanes := j.lanes[c/j.width*depthMasks*depthLanes:]
		for i := range depthMasks - 1 {
			at := c*j.stride - j.padW + i
			if j.stride == 2 {
				at += i % 2 * (j.width - 1)
			}
			set(lanes[i*depthLanes:], at, 1, j.wd)
		}
		set(lanes[(depthMasks-1)*depthLanes:], c, 1, j.ow)
	}
}

func (j *depthJob) Part(i int) {
	for u := i * j.each; u < min((i+1)*j.each, j.units); u++ {
		n, c, first := u/j.cuts/j.blocks, u/j.cuts%j.blocks*j.planes, u%j.cuts*j.rows
		r := j.run
		r.planes, r.rows = min(j.planes, j.c-c), min(j.rows, j.oh-first)
		r.first = first*j.stride - j.padH
		x, y := j.x[(n*j.c+c)*r.srcPlane:], j.y[(n*j.c+c)*r.dstPlane+first*j.ow:]
		w, params := j.w[c*j.k*j.k:], j.params[4*c:]
		for col := 0; col < j.ow; col += j.width {
			r.at = r.first*j.wd + col*j.stride - j.padW
			lanes := j.lanes[col/j.width*depthMasks*depthLanes:]
			switch {
			case j.k == 3 && j.stride == 1:
				depth3(y[col:], x, w, params, lanes, &r)
			case j.k == 3:
				depth3by2(y[col:], x, w, params, lanes, &r)
			case j.stride == 1:
				depth5(y[col:], x, w, params, lanes, &r)
			default:
				depth5by2(y[col:], x, w, params, lanes, &r)
			}
		}
	}
}
