package models

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// EfficientNetSize is what scales an EfficientNet-Lite: factors of its widths
// and its depths, the side of the images it was trained on, and its dropout.
type EfficientNetSize struct {
	Width, Depth float64
	Side         int
	Dropout      float32
}

// The published sizes (tensorflow/tpu, efficientnet/lite, 2020).
var (
	Lite0 = EfficientNetSize{1.0, 1.0, 224, 0.2}
	Lite1 = EfficientNetSize{1.0, 1.1, 240, 0.2}
	Lite2 = EfficientNetSize{1.1, 1.2, 260, 0.3}
)

// EfficientNetLite is a convolutional network for mobile devices: EfficientNet
// (Tan & Le 2019) without squeeze-and-excitation and with ReLU6. Its names of
// parameters are those of the package efficientnet_lite_pytorch.
type EfficientNetLite struct {
	Stem       *nn.Conv2D          `nn:"_conv_stem"`
	StemNorm   *nn.BatchNorm       `nn:"_bn0"`
	Blocks     []*InvertedResidual `nn:"_blocks"`
	Head       *nn.Conv2D          `nn:"_conv_head"`
	HeadNorm   *nn.BatchNorm       `nn:"_bn1"`
	Classifier *nn.Linear          `nn:"_fc"` // [classes, 1280]
	Dropout    float32             // before the classifier
}

// InvertedResidual is the block of MobileNetV2 (Sandler et al. 2018): widen by
// a 1×1 convolution, filter each channel, narrow again without an activation.
type InvertedResidual struct {
	Expand        *nn.Conv2D    `nn:"_expand_conv"` // nil: the input is not widened
	ExpandNorm    *nn.BatchNorm `nn:"_bn0"`
	Depthwise     *nn.Conv2D    `nn:"_depthwise_conv"`
	DepthwiseNorm *nn.BatchNorm `nn:"_bn1"`
	Project       *nn.Conv2D    `nn:"_project_conv"`
	ProjectNorm   *nn.BatchNorm `nn:"_bn2"`
	Skip          bool          // add the input
	DropPath      nn.DropPath   // of what is added to it
}

// NewEfficientNetLite makes a network with random weights for the given number
// of classes. To load published weights, make it with their number of classes,
// and replace the classifier afterwards.
func NewEfficientNetLite(rng *rand.Rand, s EfficientNetSize, classes int) *EfficientNetLite {
	if s.Width <= 0 || s.Depth <= 0 || classes < 1 {
		panic(fmt.Sprintf("models: EfficientNetLite of %+v with %d classes: Width, Depth and the classes must be positive", s, classes))
	}
	conv := func(in, out, k, stride, groups int) *nn.Conv2D {
		return nn.NewConv2D(rng, nn.Conv{In: in, Out: out, Kernel: k, Stride: stride, Groups: groups, NoBias: true})
	}
	norm := func(channels int) *nn.BatchNorm {
		b := nn.NewBatchNorm(channels)
		b.Momentum, b.Eps = 0.01, 1e-3
		return b
	}
	m := &EfficientNetLite{Stem: conv(3, 32, 3, 2, 1), StemNorm: norm(32), Dropout: s.Dropout}
	in := 32 // the stem, the first block's input and the head do not grow
	stages := []struct{ repeats, kernel, stride, expand, out int }{
		{1, 3, 1, 1, 16}, {2, 3, 2, 6, 24}, {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80}, {3, 5, 1, 6, 112},
		{4, 5, 2, 6, 192}, {1, 3, 1, 6, 320}}
	for i, g := range stages {
		repeats, out := g.repeats, s.channels(g.out)
		if i > 0 && i < len(stages)-1 {
			repeats = int(math.Ceil(s.Depth * float64(repeats)))
		}
		for r := range repeats {
			stride := g.stride
			if r > 0 {
				stride = 1
			}
			wide := in * g.expand
			b := &InvertedResidual{Depthwise: conv(wide, wide, g.kernel, stride, wide), DepthwiseNorm: norm(wide),
				Project: conv(wide, out, 1, 1, 1), ProjectNorm: norm(out), Skip: stride == 1 && in == out}
			if g.expand != 1 {
				b.Expand, b.ExpandNorm = conv(in, wide, 1, 1, 1), norm(wide)
			}
			m.Blocks = append(m.Blocks, b)
			in = out
		}
	}
	for i, b := range m.Blocks { // deeper blocks are skipped more often
		b.DropPath.P = 0.2 * float32(i) / float32(len(m.Blocks))
	}
	m.Head, m.HeadNorm = conv(in, 1280, 1, 1, 1), norm(1280)
	m.Classifier = nn.NewLinear(rng, 1280, classes)
	return m
}

// channels scales a number of channels to a multiple of 8, at most 10 % below.
func (s EfficientNetSize) channels(n int) int {
	exact := float64(n) * s.Width
	rounded := max(8, int(exact+4)/8*8)
	if float64(rounded) < 0.9*exact {
		rounded += 8
	}
	return rounded
}

// Forward gives the classes' logits: [n, 3, h, w] → [n, classes]. [Photo] makes
// suitable images; other sides than the size's own work, too.
func (m *EfficientNetLite) Forward(x tensor.Tensor) tensor.Tensor {
	return m.Classifier.Forward(m.Features(x).Dropout(m.Dropout))
}

// Features gives what the classifier sees: [n, 3, h, w] → [n, 1280], the mean
// of each of the last channels.
func (m *EfficientNetLite) Features(x tensor.Tensor) tensor.Tensor {
	return nn.GlobalAvgPool{}.Forward(m.Maps(x, len(m.Blocks)+2))
}

// Maps gives the channels after the given number of stages: 1 is the stem, each
// block one more, and the head the last: [n, 3, h, w] → [n, c, h′, w′].
func (m *EfficientNetLite) Maps(x tensor.Tensor, stages int) tensor.Tensor {
	if x.Rank() != 4 || x.Dim(1) != 3 {
		panic(&tensor.ShapeError{Op: "EfficientNetLite", Shapes: [][]int{append([]int{}, x.Dims()...)}, Axis: 1,
			Why: "needs images of three channels, [n, 3, h, w]"})
	}
	if stages < 1 || stages > len(m.Blocks)+2 {
		panic(fmt.Sprintf("models: EfficientNetLite: stage %d of 1 to %d", stages, len(m.Blocks)+2))
	}
	x = convNorm(x, m.Stem, m.StemNorm, true)
	for _, b := range m.Blocks[:min(stages-1, len(m.Blocks))] {
		x = x.Tape().Scope(func() tensor.Tensor { return b.Forward(x) })
	}
	if stages == len(m.Blocks)+2 {
		x = convNorm(x, m.Head, m.HeadNorm, true)
	}
	return x
}

// Forward is one block: [n, in, h, w] → [n, out, ⌈h/stride⌉, ⌈w/stride⌉].
func (b *InvertedResidual) Forward(x tensor.Tensor) tensor.Tensor {
	y := x
	if b.Expand != nil {
		y = convNorm(y, b.Expand, b.ExpandNorm, true)
	}
	y = convNorm(y, b.Depthwise, b.DepthwiseNorm, true)
	y = convNorm(y, b.Project, b.ProjectNorm, false)
	if b.Skip {
		y = x.Add(b.DropPath.Forward(y))
	}
	return y
}

// convNorm is a convolution with zeros around the image as TensorFlow's "same"
// has them (an odd one below and on the right), its batch normalisation and,
// with act, a ReLU6. In evaluation they are one operation.
func convNorm(x tensor.Tensor, c *nn.Conv2D, b *nn.BatchNorm, act bool) tensor.Tensor {
	t, o := x.Tape(), c.Options
	for a, k := range c.Weight.Dims()[2:] {
		n, s := x.Dim(2+a), max(o.Stride[a], 1)
		zeros := max(((n+s-1)/s-1)*s+k-n, 0)
		o.Padding[a], o.More[a] = zeros/2, zeros%2
	}
	if b.Frozen || !t.Training() {
		return x.Conv2DBatchNorm(t.Use(c.Weight), tensor.Tensor{}, o,
			tensor.RunningNorm{Weight: t.Use(b.Weight), Bias: t.Use(b.Bias),
				Mean: b.RunningMean, Variance: b.RunningVar, Eps: b.Eps, ReLU6: act})
	}
	y := b.Forward(x.Conv2D(t.Use(c.Weight), tensor.Tensor{}, o))
	if act {
		y = y.ReLU6()
	}
	return y
}
