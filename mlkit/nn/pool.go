package nn

import "descent/mlkit/tensor"

// MaxPool2D takes the largest element of each window of images [n, c, h, w].
type MaxPool2D struct {
	Kernel   int
	Stride   int // 0: the kernel's size
	Padding  int // at most half of the kernel
	Dilation int // 0 is 1
	CeilMode bool

	KernelW, StrideW, DilationW int // 0: as vertically
	PaddingW                    int // 0: as vertically; NoPadding for none
}

// Forward takes the largest element of each window: [n, channels, h, w] → [n,
// channels, h′, w′], where h′ = (h + 2·padding − dilation·(kernel−1) −
// 1)/stride + 1, rounded down (up with CeilMode), and w′ likewise.
func (p MaxPool2D) Forward(x tensor.Tensor) tensor.Tensor { return x.MaxPool2D(p.options()) }

func (p MaxPool2D) options() tensor.Pool {
	o := tensor.Pool{Kernel: pair(p.Kernel, p.KernelW, 0), Dilation: pair(p.Dilation, p.DilationW, 1),
		CeilMode: p.CeilMode}
	o.Stride = pair(p.Stride, p.StrideW, p.Kernel)
	if p.Stride == 0 && p.StrideW == 0 {
		o.Stride = o.Kernel
	}
	o.Padding = evenly("pooling", p.Padding, p.PaddingW, o.Kernel, o.Dilation)
	return o
}

// halves reports whether these are the windows of
// [tensor.Tensor.Conv2DMaxPool].
func (p MaxPool2D) halves() bool {
	return !p.CeilMode && p.Kernel == 2 && p.options() == tensor.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2},
		Dilation: [2]int{1, 1}}
}

// Indices is Forward, and where each largest element is: h·W+w in its plane, of
// the result's shape (PyTorch's return_indices).
// [tensor.Tensor.MaxUnpool2D] puts elements back there.
func (p MaxPool2D) Indices(x tensor.Tensor) (tensor.Tensor, tensor.Ints) {
	return x.MaxPool2DIndices(p.options())
}

// AvgPool2D takes the mean of each window of images [n, c, h, w].
type AvgPool2D struct {
	Kernel   int
	Stride   int // 0: the kernel's size
	Padding  int // at most half of the kernel
	CeilMode bool
	// ExcludePad divides by the number of elements inside the image, as Keras
	// does, not by the window's size.
	ExcludePad bool

	KernelW, StrideW int // 0: as vertically
	PaddingW         int // 0: as vertically; NoPadding for none
}

// Forward takes the mean of each window: [n, channels, h, w] → [n, channels,
// h′, w′], where h′ = (h + 2·padding − kernel)/stride + 1, rounded down (up
// with CeilMode), and w′ likewise.
func (p AvgPool2D) Forward(x tensor.Tensor) tensor.Tensor {
	o := MaxPool2D{Kernel: p.Kernel, Stride: p.Stride, Padding: p.Padding, CeilMode: p.CeilMode,
		KernelW: p.KernelW, StrideW: p.StrideW, PaddingW: p.PaddingW}.options()
	o.ExcludePad = p.ExcludePad
	return x.AvgPool2D(o)
}

// MaxPool1D takes the largest element of each window of sequences [n, c,
// length].
type MaxPool1D struct {
	Kernel   int
	Stride   int // 0: the kernel's size
	Padding  int
	Dilation int // 0 is 1
	CeilMode bool
}

// Forward takes the largest element of each window: [n, channels, length] → [n,
// channels, length′]. See [MaxPool2D.Forward].
func (p MaxPool1D) Forward(x tensor.Tensor) tensor.Tensor {
	return x.MaxPool1D(MaxPool2D{Kernel: p.Kernel, Stride: p.Stride, Padding: p.Padding, Dilation: p.Dilation,
		CeilMode: p.CeilMode}.options())
}

// AvgPool1D takes the mean of each window of sequences [n, c, length].
type AvgPool1D struct {
	Kernel     int
	Stride     int // 0: the kernel's size
	Padding    int
	CeilMode   bool
	ExcludePad bool
}

// Forward takes the mean of each window: [n, channels, length] → [n, channels,
// length′]. See [AvgPool2D.Forward].
func (p AvgPool1D) Forward(x tensor.Tensor) tensor.Tensor {
	o := MaxPool2D{Kernel: p.Kernel, Stride: p.Stride, Padding: p.Padding, CeilMode: p.CeilMode}.options()
	o.ExcludePad = p.ExcludePad
	return x.AvgPool1D(o)
}

// AdaptiveAvgPool2D averages images of any size to H×W; W = 0 means W = H.
type AdaptiveAvgPool2D struct{ H, W int }

// Forward takes the mean of each cell: [n, channels, h, w] → [n, channels, H,
// W].
func (p AdaptiveAvgPool2D) Forward(x tensor.Tensor) tensor.Tensor {
	s := pair(p.H, p.W, 1)
	return x.AdaptiveAvgPool2D(s[0], s[1])
}

// AdaptiveMaxPool2D takes the largest elements of images of any size, to H×W; W
// = 0 means W = H.
type AdaptiveMaxPool2D struct{ H, W int }

// Forward takes the largest element of each cell: [n, channels, h, w] → [n,
// channels, H, W].
func (p AdaptiveMaxPool2D) Forward(x tensor.Tensor) tensor.Tensor {
	y, _ := p.Indices(x)
	return y
}

// Indices is Forward, and where each largest element is: h·W+w in its plane.
func (p AdaptiveMaxPool2D) Indices(x tensor.Tensor) (tensor.Tensor, tensor.Ints) {
	s := pair(p.H, p.W, 1)
	return x.AdaptiveMaxPool2D(s[0], s[1])
}

// GlobalAvgPool averages [n, c, ...] over all but the first two axes, to [n,
// c].
type GlobalAvgPool struct{}

// Forward takes the mean of each channel: [n, channels, ...] → [n, channels].
func (GlobalAvgPool) Forward(x tensor.Tensor) tensor.Tensor {
	return planes("GlobalAvgPool", x).Mean(2)
}

// GlobalMaxPool takes the largest element over all but the first two axes of
// [n, c, ...], to [n, c].
type GlobalMaxPool struct{}

// Forward takes the largest element of each channel: [n, channels, ...] → [n,
// channels].
func (GlobalMaxPool) Forward(x tensor.Tensor) tensor.Tensor {
	return planes("GlobalMaxPool", x).Max(2)
}

// planes brings [n, c, ...] to [n, c, rest].
func planes(op string, x tensor.Tensor) tensor.Tensor {
	if x.Rank() < 3 {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{append([]int{}, x.Dims()...)}, Axis: 2,
			Why: "needs [n, channels, ...] with at least one axis to pool"})
	}
	if x.Rank() == 3 {
		return x
	}
	return x.Reshape(x.Dim(0), x.Dim(1), tensor.SizeOf(x.Dims()[2:]))
}

// Upsample enlarges images [n, c, h, w] by a factor in both directions: every
// pixel repeated or, if Bilinear, interpolated.
type Upsample struct {
	Scale        int // 0 is 2
	Bilinear     bool
	AlignCorners bool // of Bilinear: the corner pixels' centres stay in place
}

// Forward enlarges: [n, channels, h, w] → [n, channels, Scale·h, Scale·w].
func (u Upsample) Forward(x tensor.Tensor) tensor.Tensor {
	s := u.Scale
	if s == 0 {
		s = 2
	}
	if x.Rank() != 4 || s < 1 {
		panic(&tensor.ShapeError{Op: "Upsample", Shapes: [][]int{append([]int{}, x.Dims()...)},
			Why: "needs images [n, channels, h, w] and a positive scale"})
	}
	if u.Bilinear {
		return x.UpsampleBilinear(s*x.Dim(2), s*x.Dim(3), u.AlignCorners)
	}
	return x.UpsampleNearest(s*x.Dim(2), s*x.Dim(3))
}

// Flatten turns [n, ...] into [n, rest].
type Flatten struct{}

// Forward reshapes, without a copy: [n, ...] → [n, product of the rest].
func (Flatten) Forward(x tensor.Tensor) tensor.Tensor { return x.Flatten() }
