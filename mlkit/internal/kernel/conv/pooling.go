package conv

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
)

// Pool describes pooling over windows of KH×KW of N images with C planes of
// H×W, in NCHW order. Pooling over a sequence has H = KH = 1. Strides and
// dilations of 0 mean 1; padding must be at most half the (dilated) window.
type Pool struct {
	N, C, H, W       int
	KH, KW           int
	StrideH, StrideW int
	PadH, PadW       int
	DilH, DilW       int
	// CeilMode rounds the output's size up instead of down, as PyTorch does:
	// windows may then hang over the far edge, but must start inside the
	// image or its near padding.
	CeilMode bool
	// CountIncludePad makes averages divide by the window's size even where
	// it covers padding. (Cells beyond the padding never count.)
	CountIncludePad bool
}

// OutH returns the height of the output.
func (p Pool) OutH() int { return p.out(p.H, p.KH, p.StrideH, p.PadH, p.DilH) }

// OutW returns the width of the output.
func (p Pool) OutW() int { return p.out(p.W, p.KW, p.StrideW, p.PadW, p.DilW) }

func (p Pool) out(n, k, stride, pad, dil int) int {
	stride, dil = max(stride, 1), max(dil, 1)
	room := n + 2*pad - dil*(k-1) - 1
	if room < 0 {
		return 0
	}
	if p.CeilMode {
		out := (room+stride-1)/stride + 1
		if (out-1)*stride >= n+pad {
			out--
		}
		return out
	}
	return room/stride + 1
}

// checked returns p with its defaults filled in; it panics if a size makes no
// sense, or if a slice of length x or y does not hold its images.
func (p Pool) checked(y, x int) Pool {
	p.StrideH, p.StrideW = max(p.StrideH, 1), max(p.StrideW, 1)
	p.DilH, p.DilW = max(p.DilH, 1), max(p.DilW, 1)
	if p.N < 0 || p.C < 0 || !cpu.WindowFits(p.H, p.KH, p.StrideH, p.PadH, p.DilH) ||
		!cpu.WindowFits(p.W, p.KW, p.StrideW, p.PadW, p.DilW) ||
		2*p.PadH > p.DilH*(p.KH-1)+1 || 2*p.PadW > p.DilW*(p.KW-1)+1 {
		panic(fmt.Sprintf("kernel: Pool: bad sizes %+v", p))
	}
	if p.SeesPaddingOnly() {
		panic(fmt.Sprintf("kernel: Pool: a dilated window of %+v holds padding only", p))
	}
	cpu.NeedSize("Pool: x", x, p.N, p.C, p.H, p.W)
	cpu.NeedSize("Pool: y", y, p.N, p.C, p.OutH(), p.OutW())
	return p
}

// SeesPaddingOnly reports whether some window has no tap inside the image, so
// that it has neither a largest element nor a mean. It takes a dilation larger
// than the image.
func (p Pool) SeesPaddingOnly() bool {
	return padsOnly(p.H, p.KH, max(p.StrideH, 1), p.PadH, max(p.DilH, 1), p.OutH()) ||
		padsOnly(p.W, p.KW, max(p.StrideW, 1), p.PadW, max(p.DilW, 1), p.OutW())
}

func padsOnly(n, k, stride, pad, dil, out int) bool {
	if dil <= n {
		return false // taps cannot step over the image
	}
	for o := range out {
		if _, lo, hi := window(o, n, k, stride, pad, dil); lo >= hi {
			return true
		}
	}
	return false
}

// window returns the first and one past the last tap of a window along one
// axis that fall inside the image, for output position o.
func window(o, n, k, stride, pad, dil int) (start, lo, hi int) {
	start = o*stride - pad
	if start < 0 {
		lo = (-start + dil - 1) / dil
	}
	hi = k
	if start+(k-1)*dil >= n {
		hi = (n - start + dil - 1) / dil
	}
	return start, lo, max(hi, lo)
}

// MaxForward writes to y the largest number of each window and to idx where it
// is: its offset h·W+w in its plane (the first one if there are several, and a
// NaN before anything). idx may be nil. Padding is never the largest. y and idx
// are N×C×OutH×OutW, x is N×C×H×W.
func (p Pool) MaxForward(y []float32, idx []int32, x []float32) {
	p = p.checked(len(y), len(x))
	if idx != nil {
		cpu.NeedSize("Pool: idx", len(idx), p.N, p.C, p.OutH(), p.OutW())
	}
	p.run(poolJob{part: (*poolJob).forward, max: true, y: y, idx: idx, x: x})
}

// MaxBackward computes dx: each gradient of dy belongs to the place that idx,
// from MaxForward, names. With accumulate it adds to what dx holds.
func (p Pool) MaxBackward(dx, dy []float32, idx []int32, accumulate bool) {
	p = p.checked(len(dy), len(dx))
	cpu.NeedSize("Pool: idx", len(idx), p.N, p.C, p.OutH(), p.OutW())
	p.run(poolJob{part: (*poolJob).maxBackward, y: dy, idx: idx, x: dx, fresh: !accumulate})
}

// AvgForward writes to y the mean of each window: of its cells inside the
// image or, with CountIncludePad, inside the image and its padding, where
// padding counts as 0.
func (p Pool) AvgForward(y, x []float32) {
	p = p.checked(len(y), len(x))
	part := (*poolJob).forward
	if p.KH*p.KW > wideWindow {
		part = (*poolJob).wideMeans
	}
	p.run(poolJob{part: part, y: y, x: x})
}

// AvgBackward computes dx, the gradient of AvgForward; with accumulate it adds
// it to what dx holds.
func (p Pool) AvgBackward(dx, dy []float32, accumulate bool) {
	p = p.checked(len(dy), len(dx))
	p.run(poolJob{part: (*poolJob).avgBackward, y: dy, x: dx, fresh: !accumulate})
}
