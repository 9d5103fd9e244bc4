package conv

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// Conv describes a convolution (as deep learning has it: a cross-correlation)
// of N images with C planes of H×W with OutC filters of C/Groups planes of
// KH×KW. Images are in NCHW order, weights are [OutC, C/Groups, KH, KW]. A
// convolution of a sequence has H = KH = 1. Strides, dilations and Groups of 0
// mean 1.
type Conv struct {
	N, C, H, W       int
	OutC, KH, KW     int
	StrideH, StrideW int
	PadH, PadW       int // zeros on each side
	MoreH, MoreW     int // further zeros, below and on the right only
	DilH, DilW       int // distance between taps
	Groups           int // divides C and OutC; C for a depthwise convolution
}

// OutH returns the height of the output, 0 if the window does not fit.
func (c Conv) OutH() int { return convOut(c.H+c.MoreH, c.KH, c.StrideH, c.PadH, c.DilH) }

// OutW returns the width of the output, 0 if the window does not fit.
func (c Conv) OutW() int { return convOut(c.W+c.MoreW, c.KW, c.StrideW, c.PadW, c.DilW) }

func convOut(n, k, stride, pad, dil int) int {
	room := n + 2*pad - max(dil, 1)*(k-1) - 1
	if room < 0 {
		return 0
	}
	return room/max(stride, 1) + 1
}

// even reports whether the zeros are the same on all sides.
func (c *Conv) even() bool { return c.MoreH == 0 && c.MoreW == 0 }

// checked returns c with its defaults filled in; it panics if a size makes no
// sense or a slice, given by its length, does not hold its array.
func (c Conv) checked(y, x, w int) Conv {
	c.StrideH, c.StrideW = max(c.StrideH, 1), max(c.StrideW, 1)
	c.DilH, c.DilW = max(c.DilH, 1), max(c.DilW, 1)
	c.Groups = max(c.Groups, 1)
	if c.N < 0 || c.C < 1 || c.OutC < 1 || !cpu.WindowFits(c.H, c.KH, c.StrideH, c.PadH, c.DilH) ||
		!cpu.WindowFits(c.W, c.KW, c.StrideW, c.PadW, c.DilW) || c.C%c.Groups != 0 || c.OutC%c.Groups != 0 ||
		min(c.MoreH, c.MoreW) < 0 || max(c.MoreH, c.MoreW) > math.MaxInt/8 {
		panic(fmt.Sprintf("kernel: Conv: bad sizes %+v", c))
	}
	cpu.NeedSize("Conv: x", x, c.N, c.C, c.H, c.W)
	cpu.NeedSize("Conv: y", y, c.N, c.OutC, c.OutH(), c.OutW())
	cpu.NeedSize("Conv: w", w, c.OutC, c.C/c.Groups, c.KH, c.KW)
	return c
}

// Forward computes y = act(conv(x, w) + bias), with bias of length OutC or
// nil. y must not overlap the others. It panics if sizes and lengths disagree.
func (c Conv) Forward(y, x, w, bias []float32, act gemm.Activation) {
	c.forward(y, x, w, bias, act, nil)
}

// ForwardNorm computes norm(conv(x, w) + bias) with the statistics that norm
// has, piece by piece while the convolution's result is in cache, and limits it
// to norm.Top. The numbers
// are those of Forward and norm.Affine, but for that limit.
func (c Conv) ForwardNorm(y, x, w, bias []float32, norm *rowwise.Norm) {
	for _, f := range [][]float32{norm.Mean, norm.Scale, norm.Shift} {
		cpu.NeedSize("Conv: normalisation", len(f), c.OutC)
	}
	c.forward(y, x, w, bias, gemm.None, norm)
}

// normalise applies norm, unless it is nil, to some numbers of output plane o.
func normalise(norm *rowwise.Norm, o int, y []float32) {
	switch {
	case norm == nil:
	case norm.Top != 0:
		affineTop(y, norm.Mean[o], norm.Scale[o], norm.Shift[o], norm.Top)
	default:
		rowwise.PlaneAffine(y, y, norm.Mean[o], norm.Scale[o], norm.Shift[o], norm.ReLU)
	}
}

func (c Conv) forward(y, x, w, bias []float32, act gemm.Activation, norm *rowwise.Norm) {
	c = c.checked(len(y), len(x), len(w))
	if bias != nil {
		cpu.NeedSize("Conv: bias", len(bias), c.OutC)
	}
	if c.winograd(c.OutH(), c.OutW()) && tame(x) {
		winForwardJob(winJob{
			x: x, y: y, w: w, in: c.C, out: c.OutC, n: c.N, h: c.H, wd: c.W, oh: c.OutH(), ow: c.OutW(),
			padH: c.PadH, padW: c.PadW, relu: act == gemm.ReLUAct, norm: norm,
		}, bias)
		return
	}
	if c.sequence(c.OutW()) && tame(x) {
		seqForwardJob(seqJob{
			x: x, y: y, in: c.C, out: c.OutC, n: c.N, w: c.W, ow: c.OutW(), pad: c.PadW, dil: c.DilW,
			bias: bias, relu: act == gemm.ReLUAct, norm: norm,
		}, w)
		return
	}
	if c.depthwise() {
		c.forwardDepthwise(y, x, w, bias, act, norm)
		return
	}
	if c.thin() {
		c.forwardThin(y, x, w, bias, act, norm)
		return
	}
	j := convJob{Conv: c, part: convForward, y: y, x: x, w: w, bias: bias, act: act, norm: norm}
	j.cutRows()
	j.cutFilters()
	j.run(c.N * c.Groups * j.cuts)
}

// BackwardData computes dx, the gradient with respect to the images, from dy;
// with accumulate it adds it to what dx holds.
func (c Conv) BackwardData(dx, dy, w []float32, accumulate bool) {
	c = c.checked(len(dy), len(dx), len(w))
	if c.winograd(c.H, c.W) {
		winForwardJob(winJob{
			x: dy, y: dx, w: w, in: c.OutC, out: c.C, n: c.N, h: c.OutH(), wd: c.OutW(), oh: c.H, ow: c.W,
			padH: 2 - c.PadH, padW: 2 - c.PadW, flip: true, accumulate: accumulate,
		}, nil)
		return
	}
	if c.sequence(c.W) {
		seqForwardJob(seqJob{
			x: dy, y: dx, in: c.OutC, out: c.C, n: c.N, w: c.OutW(), ow: c.W, pad: 2*c.DilW - c.PadW, dil: c.DilW,
			flip: true, accumulate: accumulate,
		}, w)
		return
	}
	if c.StrideH == 1 && c.depthwise() {
		c.backwardDataDepthwise(dx, dy, w, accumulate)
		return
	}
	if c.thin() {
		c.backwardDataThin(dx, dy, w, accumulate)
		return
	}
	if turned, ok := c.turned(); ok {
		s := cpu.GetWorkspace()
		flipped := cpu.Floats(&s.C, c.OutC*c.taps())
		c.flip(flipped, w)
		j := convJob{Conv: turned, part: convForward, y: dx, x: dy, w: flipped, accumulate: accumulate}
		j.cutRows()
		j.run(turned.N * turned.Groups * j.cuts)
		s.Release()
		return
	}
	j := convJob{Conv: c, part: convBackwardData, y: dy, x: dx, w: w, accumulate: accumulate}
	j.cutPlanes(c.N)
	j.run(c.N * c.Groups * j.cuts)
}

// turned returns the convolution of dy, with the filters that flip makes, that
// is the gradient with respect to the images, and whether to use it: where
// there are about as few filters as planes in a group, as in a depthwise
// convolution, it beats scattering the columns' gradient.
func (c *Conv) turned() (Conv, bool) {
	t := *c
	t.C, t.H, t.W, t.OutC = c.OutC, c.OutH(), c.OutW(), c.C
	t.PadH, t.PadW = c.DilH*(c.KH-1)-c.PadH, c.DilW*(c.KW-1)-c.PadW
	few := c.OutC/c.Groups <= 4 && c.OutC <= c.C
	return t, few && c.even() && c.StrideH == 1 && c.StrideW == 1 && t.PadH >= 0 && t.PadW >= 0 && t.H > 0 && t.W > 0
}

// flip writes the weights with planes for filters and turned by 180°.
func (c *Conv) flip(dst, w []float32) {
	in, out, window := c.C/c.Groups, c.OutC/c.Groups, c.KH*c.KW
	for g := range c.Groups {
		for o := range out {
			for i := range in {
				src := w[((g*out+o)*in+i)*window:][:window]
				d := dst[((g*in+i)*out+o)*window:][:window]
				for k, v := range src {
					d[window-1-k] = v
				}
			}
		}
	}
}

// BackwardWeight computes dw, the gradient with respect to the weights, from
// dy; with accumulate it adds it to what dw holds. It adds up the images in a
// fixed number of runs, and then the runs.
func (c Conv) BackwardWeight(dw, dy, x []float32, accumulate bool) {
	c = c.checked(len(dy), len(x), len(dw))
	if c.sequence(c.OutW()) {
		c.backwardWeightSequence(dw, dy, x, accumulate)
		return
	}
	if c.thin() {
		c.backwardWeightThin(dw, dy, x, accumulate)
		return
	}
	c.backwardWeight(convJob{Conv: c, part: convBackwardWeight, y: dy, x: x, w: dw, accumulate: accumulate})
}

func (c *Conv) backwardWeight(j convJob) {
	s := cpu.GetWorkspace()
	sums := func(runs int) []float32 {
		j.runs, j.sums = runs, cpu.Floats(&s.C, runs*c.OutC*c.taps())
		return j.sums
	}
	if c.winograd(c.OutH(), c.OutW()) && c.C*c.OutC <= winMaxGrads {
		winBackwardWeightJob(winJob{
			part: winBackwardWeight, x: j.x, y: j.y, spread: j.arg, in: c.C, out: c.OutC, n: c.N, h: c.H, wd: c.W,
			oh: c.OutH(), ow: c.OutW(),
			padH: c.PadH, padW: c.PadW,
		}, sums)
		j.cutPlanes(1)
	} else {
		sums(max(1, min(c.N, convParts, maxRunFloats/(c.OutC*c.taps()))))
		j.cutPlanes(j.runs)
		if j.arg != nil {
			j.rows = (j.rows + 1) &^ 1
		}
		j.run(j.runs * c.Groups * j.cuts)
	}
	j.part = convSumRuns
	j.run(c.Groups * j.cuts)
	s.Release()
}
