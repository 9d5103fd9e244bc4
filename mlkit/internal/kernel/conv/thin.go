package conv

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// A convolution whose groups are thin, a depthwise one above all, has too few
// products for each number to be worth a matrix of columns. Unless depthwise.go
// has a kernel for its window, it is computed plane by plane, a few rows at a
// time: the rows are staged in the first-level cache with the zeros around
// them, so that every tap of the window is the same long row of numbers,
// shifted; the result is a sum of such rows, and the gradient of a weight the
// product of one with the gradient. What lies in the rows between one row of
// the image and the next is computed too, and dropped.
//
// With a stride s, pixels are staged by their phase, the coordinate mod s,
// which makes the rows of a tap dense. The gradient with respect to the images
// has a phase for each of the results instead. Small planes are staged several
// images at a time.
const (
	thinPlanes = 4       // planes and filters of a group, up to which it is thin
	thinFloats = 5 << 9  // about what is staged of a plane
	thinWindow = 1 << 10 // most taps of a window
)

// thin reports whether the convolution is computed by taps.
func (c *Conv) thin() bool {
	in, out := c.C/c.Groups, c.OutC/c.Groups
	return c.Groups > 1 && in <= thinPlanes && out <= thinPlanes && c.KH*c.KW <= thinWindow && c.OutH() > 0 &&
		c.OutW() > 0
}

// thinJob is one direction of a thin convolution, cut into units: a group, and
// a block of images and rows of them, the output's rows or, for the gradient
// with respect to the images, those of a phase.
type thinJob struct {
	Conv
	part           func(j *thinJob, s *cpu.Workspace, block, group int)
	y, x, w, bias  []float32
	act            gemm.Activation
	norm           *rowwise.Norm
	accumulate     bool
	reachH, reachW int // the farthest tap, in rows and columns of a phase
	top, left      int // first row and column of a phase, and their numbers
	down, across   int
	images, rows   int // of a block
	height, pitch  int // of a staged plane of one image
	cuts, blocks   int
	runs           int   // of blocks, for the gradient of the weights
	units, each    int   // units in all and in a part
	taps           []int // see tapRowsGo
	far            int   // where the last of their rows begins
	ends           []int // of each phase's taps, for the gradient with respect to the images
}

var thinJobs cpu.FreeList[thinJob]

// thinJob returns a job for c with the output's rows and columns cut into
// blocks.
func (c *Conv) thinJob() *thinJob {
	j := thinJobs.Get()
	*j = thinJob{Conv: *c, taps: j.taps[:0], ends: j.ends[:0]}
	j.reachH, j.reachW = (c.KH-1)*c.DilH/c.StrideH, (c.KW-1)*c.DilW/c.StrideW
	j.down, j.across = c.OutH(), c.OutW()
	return j
}

// cut cuts the work where a plane is staged in phases phases.
func (j *thinJob) cut(phases int) {
	j.pitch = j.across + j.reachW
	room := thinFloats / phases
	// No fewer than are staged beside them: a dilation can reach far.
	j.rows = min(j.down, max(1, j.reachH, room/j.pitch-j.reachH))
	j.cuts = (j.down + j.rows - 1) / j.rows
	j.rows = (j.down + j.cuts - 1) / j.cuts
	j.cuts = (j.down + j.rows - 1) / j.rows
	j.height = j.rows + j.reachH
	j.images = 1
	if j.cuts == 1 {
		j.images = max(1, min(j.N, room/(j.height*j.pitch)))
	}
	j.blocks = (j.N + j.images - 1) / j.images * j.cuts
}

// block returns the images and rows of a block.
func (j *thinJob) block(i int) (n0, n1, r0, r1 int) {
	n0, r0 = i/j.cuts*j.images, i%j.cuts*j.rows
	return n0, min(n0+j.images, j.N), r0, min(r0+j.rows, j.down)
}

// staged returns the size of a staged phase.
func (j *thinJob) staged() int { return j.images * j.height * j.pitch }

// run returns the length of a row of numbers that covers rows rows of images
// images.
func (j *thinJob) run(images, rows int) int {
	return ((images-1)*j.height+rows-1)*j.pitch + j.across
}

// do runs units units, outer times groups, and gives the job back.
func (j *thinJob) do(outer int) {
	j.units = outer * j.Groups
	j.each = (j.units + maxUnits - 1) / maxUnits
	if j.N*j.OutC*j.C/j.Groups*j.KH*j.KW*j.pixels() < gemm.SerialWork {
		j.each = j.units
	}
	if j.units > 0 {
		cpu.Parallel((j.units+j.each-1)/j.each, j)
	}
	*j = thinJob{taps: j.taps, ends: j.ends}
	thinJobs.Put(j)
}

func (j *thinJob) Part(i int) {
	s := cpu.GetWorkspace()
	for u := i * j.each; u < min((i+1)*j.each, j.units); u++ {
		j.part(j, s, u/j.Groups, u%j.Groups)
	}
	s.Release()
}

// phaseOf reports which phase tap k of an axis is in, and where there.
func phaseOf(k, dil, stride int) (phase, at int) { return k * dil % stride, k * dil / stride }

// sawPhase reports whether a tap of an axis is in the phase.
func sawPhase(phase, k, dil, stride int) bool {
	for i := range min(k, stride) { // they repeat
		if i*dil%stride == phase {
			return true
		}
	}
	return false
}

// tap lists one.
func (j *thinJob) tap(at, weight int) {
	j.taps = append(j.taps, at, weight)
	j.far = max(j.far, at)
}

// inputTaps lists the taps in the input staged by phases.
func (j *thinJob) inputTaps() {
	for kh := range j.KH {
		ph, a := phaseOf(kh, j.DilH, j.StrideH)
		for kw := range j.KW {
			pw, b := phaseOf(kw, j.DilW, j.StrideW)
			j.tap((ph*j.StrideW+pw)*j.staged()+a*j.pitch+b, kh*j.KW+kw)
		}
	}
}

// place is where staged rows and columns come from: row r of those staged is
// row r·step + from of n.
type place struct{ n, step, from int }

// inside returns which of staged rows 0 to staged exist.
func (p place) inside(staged int) (lo, hi int) { return span(p.n, p.step, -p.from, 0, 0, staged) }

// stage writes rows of images planes, which lie apart, to dst.
func (j *thinJob) stage(dst, src []float32, images, apart int, v, h place, rows, cols int) {
	dst = dst[:images*j.height*j.pitch]
	top, bottom := v.inside(rows)
	left, right := h.inside(cols)
	if top > 0 || left > 0 || bottom < j.height || right < j.pitch {
		clear(dst)
	}
	if top >= bottom || left >= right {
		return
	}
	dst = dst[top*j.pitch+left:]
	src = src[(top*v.step+v.from)*h.n+left*h.step+h.from:]
	b := gemm.Blocks{
		Width: right - left, Rows: bottom - top, Planes: images,
		SrcRow: v.step * h.n, SrcPlane: apart, DstRow: j.pitch, DstPlane: j.height * j.pitch,
	}
	switch h.step {
	case 1:
		gemm.CopyBlocks(dst, src, b)
	case 2:
		gemm.CopyEven(dst, src, b)
	default:
		for p := range b.Planes {
			for r := range b.Rows {
				s := src[p*b.SrcPlane+r*b.SrcRow:]
				for i := range dst[p*b.DstPlane+r*b.DstRow:][:b.Width] {
					dst[p*b.DstPlane+r*b.DstRow+i] = s[i*h.step]
				}
			}
		}
	}
}

// stageInput stages the planes of a group that output rows r0 to r1 see, by
// phases.
func (j *thinJob) stageInput(s *cpu.Workspace, n0, n1, r0, r1, group int) (planes []float32, each int) {
	per, plane := j.C/j.Groups, j.H*j.W
	each = j.StrideH * j.StrideW * j.staged()
	planes = cpu.Floats(&s.A, per*each)
	for i := range per {
		src := j.x[(n0*j.C+group*per+i)*plane:]
		for ph := range j.StrideH {
			for pw := range j.StrideW {
				if !sawPhase(ph, j.KH, j.DilH, j.StrideH) || !sawPhase(pw, j.KW, j.DilW, j.StrideW) {
					continue
				}
				j.stage(planes[i*each+(ph*j.StrideW+pw)*j.staged():], src, n1-n0, j.C*plane,
					place{j.H, j.StrideH, r0*j.StrideH + ph - j.PadH},
					place{j.W, j.StrideW, pw - j.PadW}, r1-r0+j.reachH, j.pitch)
			}
		}
	}
	return planes, each
}

func thinForward(j *thinJob, s *cpu.Workspace, block, group int) {
	n0, n1, r0, r1 := j.block(block)
	planes, each := j.stageInput(s, n0, n1, r0, r1, group)
	in, out, pixels := j.C/j.Groups, j.OutC/j.Groups, j.pixels()
	n := j.run(n1-n0, r1-r0)
	sum := cpu.Floats(&s.B, n)
	for o := group * out; o < (group+1)*out; o++ {
		var b float32
		if j.bias != nil {
			b = j.bias[o]
		}
		if j.bias == nil {
			clear(sum)
		} else {
			for i := range sum {
				sum[i] = b
			}
		}
		for i := range in {
			sumTaps(sum, planes[i*each:], j.w[(o*in+i)*j.KH*j.KW:], j.taps, j.far, j.KH*j.KW)
		}
		if j.act == gemm.ReLUAct {
			elementwise.ReLU(sum, sum)
		}
		normalise(j.norm, o, sum)
		gemm.CopyBlocks(j.y[(n0*j.OutC+o)*pixels+r0*j.across:], sum, gemm.Blocks{
			Width: j.across, Rows: r1 - r0, Planes: n1 - n0,
			SrcRow: j.pitch, SrcPlane: j.height * j.pitch, DstRow: j.across, DstPlane: j.OutC * pixels,
		})
	}
}

// forwardThin is Forward.
func (c *Conv) forwardThin(y, x, w, bias []float32, act gemm.Activation, norm *rowwise.Norm) {
	j := c.thinJob()
	j.part, j.y, j.x, j.w, j.bias, j.act, j.norm = thinForward, y, x, w, bias, act, norm
	j.cut(c.StrideH * c.StrideW)
	j.inputTaps()
	j.do(j.blocks)
}

// backwardDataThin is BackwardData. Element (h, w) of an image is element
// (a, b) of phase (ph, pw) where h + pad = a·stride + ph, and sums up what tap
// kh with kh·dilation = q·stride + ph gave to output row a − q.
func (c *Conv) backwardDataThin(dx, dy, w []float32, accumulate bool) {
	j := c.thinJob()
	j.part, j.y, j.x, j.w, j.accumulate = thinBackwardData, dy, dx, w, accumulate
	j.top, j.left = c.PadH/c.StrideH, c.PadW/c.StrideW
	j.down, j.across = (c.H-1+c.PadH)/c.StrideH+1-j.top, (c.W-1+c.PadW)/c.StrideW+1-j.left
	j.cut(1)
	for ph := range c.StrideH {
		for pw := range c.StrideW {
			for kh := range c.KH {
				if p, a := phaseOf(kh, c.DilH, c.StrideH); p == ph {
					for kw := range c.KW {
						if p, b := phaseOf(kw, c.DilW, c.StrideW); p == pw {
							j.tap((j.reachH-a)*j.pitch+j.reachW-b, kh*c.KW+kw)
						}
					}
				}
			}
			j.ends = append(j.ends, len(j.taps))
		}
	}
	j.do(j.blocks)
}

func thinBackwardData(j *thinJob, s *cpu.Workspace, block, group int) {
	n0, n1, r0, r1 := j.block(block)
	in, out, pixels, plane := j.C/j.Groups, j.OutC/j.Groups, j.pixels(), j.H*j.W
	each := j.staged()
	grads := cpu.Floats(&s.A, out*each)
	for o := range out {
		j.stage(grads[o*each:], j.y[(n0*j.OutC+group*out+o)*pixels:], n1-n0, j.OutC*pixels,
			place{j.OutH(), 1, j.top + r0 - j.reachH}, place{j.OutW(), 1, j.left - j.reachW}, r1-r0+j.reachH, j.pitch)
	}
	sum := cpu.Floats(&s.B, j.run(n1-n0, r1-r0))
	for i := group * in; i < (group+1)*in; i++ {
		dx := j.x[(n0*j.C+i)*plane:]
		add := j.accumulate
		if !add && j.StrideH*j.StrideW > 1 {
			lo, hi := max(0, (j.top+r0)*j.StrideH-j.PadH), min(j.H, (j.top+r1)*j.StrideH-j.PadH)
			for n := range n1 - n0 {
				clear(dx[n*j.C*plane+lo*j.W : n*j.C*plane+hi*j.W])
			}
			add = true
		}
		for phase, end := range j.ends {
			begin := 0
			if phase > 0 {
				begin = j.ends[phase-1]
			}
			if begin == end && add {
				continue
			}
			clear(sum)
			for o := range out {
				w := j.w[((group*out+o)*in+i-group*in)*j.KH*j.KW:]
				sumTaps(sum, grads[o*each:], w, j.taps[begin:end], j.far, j.KH*j.KW)
			}
			j.unstage(dx, sum, n1-n0, r0, r1, phase/j.StrideW, phase%j.StrideW, add)
		}
	}
}

// unstage writes or adds a phase's rows r0 to r1 to their places in dx.
func (j *thinJob) unstage(dx, sum []float32, images, r0, r1, ph, pw int, add bool) {
	v, h := place{j.H, j.StrideH, (j.top+r0)*j.StrideH + ph - j.PadH},
		place{j.W, j.StrideW, j.left*j.StrideW + pw - j.PadW}
	top, bottom := v.inside(r1 - r0)
	left, right := h.inside(j.across)
	if top >= bottom || left >= right {
		return
	}
	src := sum[top*j.pitch+left:]
	dst := dx[(top*v.step+v.from)*j.W+left*h.step+h.from:]
	b := gemm.Blocks{
		Width: right - left, Rows: bottom - top, Planes: images,
		SrcRow: j.pitch, SrcPlane: j.height * j.pitch, DstRow: v.step * j.W, DstPlane: j.C * j.H * j.W,
	}
	switch {
	case !add:
		gemm.CopyBlocks(dst, src, b)
	case h.step == 1:
		gemm.AddBlocks(dst, src, b)
	case h.step == 2:
		gemm.AddEven(dst, src, b)
	default:
		for p := range b.Planes {
			for r := range b.Rows {
				d := dst[p*b.DstPlane+r*b.DstRow:]
				for i, v := range src[p*b.SrcPlane+r*b.SrcRow:][:b.Width] {
					d[i*h.step] += v
				}
			}
		}
	}
}

// backwardWeightThin is BackwardWeight. The blocks are cut into a fixed number
// of runs, whose sums are added up in the end.
func (c *Conv) backwardWeightThin(dw, dy, x []float32, accumulate bool) {
	s := cpu.GetWorkspace()
	j := c.thinJob()
	j.cut(c.StrideH * c.StrideW)
	j.inputTaps()
	runs := max(1, min(j.blocks, (convParts+c.Groups-1)/c.Groups))
	sums := cpu.Floats(&s.C, runs*len(dw))
	clear(sums)
	j.part, j.y, j.x, j.w, j.runs = thinBackwardWeight, dy, x, sums, runs
	j.do(runs)
	if !accumulate {
		clear(dw)
	}
	for run := range runs {
		for i, v := range sums[run*len(dw):][:len(dw)] {
			dw[i] += v
		}
	}
	s.Release()
}

func thinBackwardWeight(j *thinJob, s *cpu.Workspace, run, group int) {
	in, out, pixels, window := j.C/j.Groups, j.OutC/j.Groups, j.pixels(), j.KH*j.KW
	sums := j.w[run*j.OutC*in*window:]
	for block := run * j.blocks / j.runs; block < (run+1)*j.blocks/j.runs; block++ {
		n0, n1, r0, r1 := j.block(block)
		planes, each := j.stageInput(s, n0, n1, r0, r1, group)
		grad := cpu.Floats(&s.B, j.staged())
		for o := group * out; o < (group+1)*out; o++ {
			j.stage(grad, j.y[(n0*j.OutC+o)*pixels:], n1-n0, j.OutC*pixels, place{j.down, 1, r0},
				place{j.across, 1, 0}, r1-r0, j.across)
			for i := range in {
				addDots(sums[(o*in+i)*window:], grad[:j.run(n1-n0, r1-r0)], planes[i*each:], j.taps)
			}
		}
	}
}
