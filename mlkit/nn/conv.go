package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// Conv configures a convolution: In and Out channels and the Kernel's size are
// needed, all else has a default. Sizes are the same in both directions unless
// the horizontal one (…W) is given.
type Conv struct {
	In, Out  int
	Kernel   int
	Stride   int // 0 is 1
	Padding  int // zeros on each side; Same keeps the size at stride 1
	Dilation int // distance between a window's taps; 0 is 1
	Groups   int // 0 is 1; as many as In for a depthwise convolution
	NoBias   bool

	KernelW, StrideW, DilationW int // 0: as vertically
	PaddingW                    int // 0: as vertically; NoPadding for none

	// OutputPadding enlarges the result of a transposed convolution.
	OutputPadding int
}

const (
	// Same as a Padding puts dilation·(kernel−1) zeros around, so that a stride
	// of 1 keeps the image's size: half of them on each side, of an odd number
	// one more below and on the right, as PyTorch and Keras do. (At a larger
	// stride Keras's depends on the image's size.) Pooling and
	// transposed convolutions need an odd kernel.
	Same = -1
	// NoPadding as a PaddingW is no horizontal padding beside a vertical one.
	NoPadding = -2
)

// pair is a size in both directions, with its default.
func pair(v, w, standard int) [2]int {
	if v == 0 {
		v = standard
	}
	if w == 0 {
		w = v
	}
	return [2]int{v, w}
}

// padding resolves Same and NoPadding: zeros on each side, and one more below
// and on the right where a window's size asks for it.
func padding(layer string, p, w int, kernel, dilation [2]int) (each, more [2]int) {
	each = pair(p, w, 0)
	for a, v := range each {
		span := dilation[a] * (kernel[a] - 1)
		switch {
		case v == NoPadding:
			each[a] = 0
		case v == Same:
			each[a], more[a] = span/2, span%2
		case v < 0:
			panic(fmt.Sprintf("nn: %s: a padding of %d: Same, NoPadding or a number of zeros", layer, v))
		}
	}
	return each, more
}

// evenly is padding for layers that pad alike on both sides.
func evenly(layer string, p, w int, kernel, dilation [2]int) [2]int {
	each, more := padding(layer, p, w, kernel, dilation)
	if more != [2]int{} {
		panic(fmt.Sprintf("nn: %s: Same needs an odd kernel here, not %v: only a convolution pads by one more below and on the right", layer, kernel))
	}
	return each
}

// options checks a configuration and gives the operation's options and the
// kernel's size.
func (c Conv) options(layer string) (o tensor.Conv, kernel [2]int) {
	groups := max(c.Groups, 1)
	kernel = pair(c.Kernel, c.KernelW, 0)
	o = tensor.Conv{Stride: pair(c.Stride, c.StrideW, 1), Dilation: pair(c.Dilation, c.DilationW, 1), Groups: groups}
	if c.In < 1 || c.Out < 1 || kernel[0] < 1 || kernel[1] < 1 || c.In%groups != 0 || c.Out%groups != 0 ||
		min(o.Stride[0], o.Stride[1], o.Dilation[0], o.Dilation[1]) < 1 {
		panic(fmt.Sprintf("nn: %s: %+v: In, Out and Kernel must be positive, Groups divide In and Out, and nothing be negative", layer, c))
	}
	o.Padding, o.More = padding(layer, c.Padding, c.PaddingW, kernel, o.Dilation)
	return o, kernel
}

// weights makes a weight and a bias with PyTorch's start: uniform in
// ±1/√fan-in.
func (c Conv) weights(rng *rand.Rand, fanIn int, dims ...int) (w, b *tensor.Param) {
	bound := 1 / math.Sqrt(float64(fanIn))
	w = tensor.NewParam(dims...)
	Uniform(w, rng, -bound, bound)
	if !c.NoBias {
		b = tensor.NewParam(c.Out)
		Uniform(b, rng, -bound, bound)
	}
	return w, b
}

// Conv2D is a convolution of images, [n, in, h, w] to [n, out, oh, ow] (see
// [tensor.Tensor.Conv2D]).
type Conv2D struct {
	Weight  *tensor.Param // [out, in/groups, kh, kw]
	Bias    *tensor.Param // [out]; nil for none
	Options tensor.Conv
}

// NewConv2D makes a convolution of images. Weight and bias start uniform in
// ±1/√(in/groups·kh·kw), as in PyTorch. A configuration that makes no sense
// panics.
func NewConv2D(rng *rand.Rand, c Conv) *Conv2D {
	o, k := c.options("Conv2D")
	l := &Conv2D{Options: o}
	in := c.In / o.Groups
	l.Weight, l.Bias = c.weights(rng, in*k[0]*k[1], c.Out, in, k[0], k[1])
	return l
}

// Forward convolves: [n, in, h, w] → [n, out, h′, w′], where h′ = (h +
// 2·padding − dilation·(kernel−1) − 1)/stride + 1, rounded down, and w′
// likewise. See [tensor.Tensor.Conv2D].
func (l *Conv2D) Forward(x tensor.Tensor) tensor.Tensor {
	return x.Conv2D(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias), l.Options)
}

func (l *Conv2D) forwardReLU(x tensor.Tensor) tensor.Tensor {
	return x.Conv2DReLU(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias), l.Options)
}

func (l *Conv2D) forwardNorm(x tensor.Tensor, r tensor.RunningNorm) tensor.Tensor {
	return x.Conv2DBatchNorm(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias), l.Options, r)
}

func (l *Conv2D) forwardMaxPool(x tensor.Tensor, relu bool) tensor.Tensor {
	return x.Conv2DMaxPool(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias), l.Options, relu)
}

// Conv1D is a convolution of sequences, [n, in, length] to [n, out, olength].
type Conv1D struct {
	Weight  *tensor.Param // [out, in/groups, k]
	Bias    *tensor.Param // [out]; nil for none
	Options tensor.Conv   // the first of each pair
}

// NewConv1D makes a convolution of sequences. Weight and bias start uniform in
// ±1/√(in/groups·k), as in PyTorch.
func NewConv1D(rng *rand.Rand, c Conv) *Conv1D {
	o, k := c.options("Conv1D")
	l := &Conv1D{Options: o}
	in := c.In / o.Groups
	l.Weight, l.Bias = c.weights(rng, in*k[0], c.Out, in, k[0])
	return l
}

// Forward convolves: [n, in, length] → [n, out, length′], where
// length′ = (length + 2·padding − dilation·(kernel−1) − 1)/stride + 1, rounded
// down.
func (l *Conv1D) Forward(x tensor.Tensor) tensor.Tensor {
	return x.Conv1D(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias), l.Options)
}

func (l *Conv1D) forwardNorm(x tensor.Tensor, r tensor.RunningNorm) tensor.Tensor {
	return x.Conv1DBatchNorm(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias), l.Options, r)
}

// ConvTranspose2D enlarges images, [n, in, h, w] to [n, out, oh, ow] (see
// [tensor.Tensor.ConvTranspose2D]).
type ConvTranspose2D struct {
	Weight        *tensor.Param // [in, out/groups, kh, kw]
	Bias          *tensor.Param // [out]; nil for none
	Options       tensor.Conv
	OutputPadding [2]int
}

// NewConvTranspose2D makes a transposed convolution. Weight and bias start
// uniform in ±1/√(out/groups·kh·kw), as in PyTorch.
func NewConvTranspose2D(rng *rand.Rand, c Conv) *ConvTranspose2D {
	o, k := c.options("ConvTranspose2D")
	o.Padding, o.More = evenly("ConvTranspose2D", c.Padding, c.PaddingW, k, o.Dilation), [2]int{}
	l := &ConvTranspose2D{Options: o, OutputPadding: [2]int{c.OutputPadding, c.OutputPadding}}
	out := c.Out / o.Groups
	l.Weight, l.Bias = c.weights(rng, out*k[0]*k[1], c.In, out, k[0], k[1])
	return l
}

// Forward enlarges: [n, in, h, w] → [n, out, h′, w′], where h′ = (h−1)·stride −
// 2·padding + dilation·(kernel−1) + 1 + output padding, and w′ likewise.
func (l *ConvTranspose2D) Forward(x tensor.Tensor) tensor.Tensor {
	return x.ConvTranspose2D(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias), l.Options, l.OutputPadding)
}

// ConvTranspose1D enlarges sequences, [n, in, length] to [n, out, olength] (see
// [tensor.Tensor.ConvTranspose1D]).
type ConvTranspose1D struct {
	Weight        *tensor.Param // [in, out/groups, k]
	Bias          *tensor.Param // [out]; nil for none
	Options       tensor.Conv   // the first of each pair
	OutputPadding int
}

// NewConvTranspose1D makes a transposed convolution of sequences. Weight and
// bias start uniform in ±1/√(out/groups·k), as in PyTorch.
func NewConvTranspose1D(rng *rand.Rand, c Conv) *ConvTranspose1D {
	o, k := c.options("ConvTranspose1D")
	o.Padding, o.More = evenly("ConvTranspose1D", c.Padding, c.PaddingW, k, o.Dilation), [2]int{}
	l := &ConvTranspose1D{Options: o, OutputPadding: c.OutputPadding}
	out := c.Out / o.Groups
	l.Weight, l.Bias = c.weights(rng, out*k[0], c.In, out, k[0])
	return l
}

// Forward enlarges: [n, in, length] → [n, out, length′], where length′ =
// (length−1)·stride − 2·padding + dilation·(kernel−1) + 1 + output padding.
func (l *ConvTranspose1D) Forward(x tensor.Tensor) tensor.Tensor {
	return x.ConvTranspose1D(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias), l.Options, l.OutputPadding)
}
