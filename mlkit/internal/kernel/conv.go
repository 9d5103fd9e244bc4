package kernel

import "fmt"

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
	DilH, DilW       int // distance between taps
	Groups           int // divides C and OutC; C for a depthwise convolution
}

// OutH returns the height of the output, 0 if the window does not fit.
func (c Conv) OutH() int { return convOut(c.H, c.KH, c.StrideH, c.PadH, c.DilH) }

// OutW returns the width of the output, 0 if the window does not fit.
func (c Conv) OutW() int { return convOut(c.W, c.KW, c.StrideW, c.PadW, c.DilW) }

func convOut(n, k, stride, pad, dil int) int {
	room := n + 2*pad - max(dil, 1)*(k-1) - 1
	if room < 0 {
		return 0
	}
	return room/max(stride, 1) + 1
}

// checked returns c with its defaults filled in; it panics if a size makes no
// sense or a slice, given by its length, does not hold its array.
func (c Conv) checked(y, x, w int) Conv {
	c.StrideH, c.StrideW = max(c.StrideH, 1), max(c.StrideW, 1)
	c.DilH, c.DilW = max(c.DilH, 1), max(c.DilW, 1)
	c.Groups = max(c.Groups, 1)
	if c.N < 0 || c.C < 1 || c.OutC < 1 || !windowFits(c.H, c.KH, c.StrideH, c.PadH, c.DilH) ||
		!windowFits(c.W, c.KW, c.StrideW, c.PadW, c.DilW) || c.C%c.Groups != 0 || c.OutC%c.Groups != 0 {
		panic(fmt.Sprintf("kernel: Conv: bad sizes %+v", c))
	}
	needSize("Conv: x", x, c.N, c.C, c.H, c.W)
	needSize("Conv: y", y, c.N, c.OutC, c.OutH(), c.OutW())
	needSize("Conv: w", w, c.OutC, c.C/c.Groups, c.KH, c.KW)
	return c
}

// Forward computes y = act(conv(x, w) + bias), with bias of length OutC or
// nil. y must not overlap the others. It panics if sizes and lengths disagree.
func (c Conv) Forward(y, x, w, bias []float32, act Activation) {
	c = c.checked(len(y), len(x), len(w))
	if bias != nil {
		needSize("Conv: bias", len(bias), c.OutC)
	}
	out := c.OutH() * c.OutW()
	for n := range c.N {
		for o := range c.OutC {
			y := y[(n*c.OutC+o)*out:][:out]
			clear(y)
			c.taps(n, o, func(yo, xo, wo int) { y[yo] += x[xo] * w[wo] })
			for i := range y {
				if bias != nil {
					y[i] += bias[o]
				}
				if act == ReLUAct {
					y[i] = max(y[i], 0)
				}
			}
		}
	}
}

// BackwardData computes dx, the gradient with respect to the images, from dy;
// with accumulate it adds it to what dx holds.
func (c Conv) BackwardData(dx, dy, w []float32, accumulate bool) {
	c = c.checked(len(dy), len(dx), len(w))
	if !accumulate {
		clear(dx[:c.N*c.C*c.H*c.W])
	}
	out := c.OutH() * c.OutW()
	for n := range c.N {
		for o := range c.OutC {
			dy := dy[(n*c.OutC+o)*out:][:out]
			c.taps(n, o, func(yo, xo, wo int) { dx[xo] += dy[yo] * w[wo] })
		}
	}
}

// BackwardWeight computes dw, the gradient with respect to the weights, from
// dy; with accumulate it adds it to what dw holds.
func (c Conv) BackwardWeight(dw, dy, x []float32, accumulate bool) {
	c = c.checked(len(dy), len(x), len(dw))
	if !accumulate {
		clear(dw[:c.OutC*c.C/c.Groups*c.KH*c.KW])
	}
	out := c.OutH() * c.OutW()
	for n := range c.N {
		for o := range c.OutC {
			dy := dy[(n*c.OutC+o)*out:][:out]
			c.taps(n, o, func(yo, xo, wo int) { dw[wo] += dy[yo] * x[xo] })
		}
	}
}

// taps calls f for each product that belongs to output plane o of image n,
// with the offsets in that output plane, in the images and in the weights.
func (c *Conv) taps(n, o int, f func(yo, xo, wo int)) {
	oh, ow := c.OutH(), c.OutW()
	cg := c.C / c.Groups
	first := o / (c.OutC / c.Groups) * cg
	for ci := range cg {
		plane := (n*c.C + first + ci) * c.H * c.W
		for kh := range c.KH {
			for kw := range c.KW {
				wo := ((o*cg+ci)*c.KH+kh)*c.KW + kw
				for i := range oh {
					h := i*c.StrideH - c.PadH + kh*c.DilH
					if h < 0 || h >= c.H {
						continue
					}
					for j := range ow {
						if x := j*c.StrideW - c.PadW + kw*c.DilW; x >= 0 && x < c.W {
							f(i*ow+j, plane+h*c.W+x, wo)
						}
					}
				}
			}
		}
	}
}
