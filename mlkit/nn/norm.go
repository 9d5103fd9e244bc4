package nn

import "descent/mlkit/tensor"

// BatchNorm normalises each channel of [n, c], [n, c, length] or [n, c, h, w]
// over the batch, in evaluation with running statistics (see
// [tensor.Tensor.BatchNorm]). PyTorch's momentum is the share of the new batch;
// Keras's is one minus that. In a training on several ranks the batch is a
// shard, or with train.Config.SyncBatchNorm all of it.
type BatchNorm struct {
	Weight, Bias *tensor.Param // [c]; nil for 1 and 0
	// RunningMean also counts the steps (num_batches_tracked). Without running
	// statistics (both nil) the batch's own serve in evaluation too.
	RunningMean, RunningVar *tensor.Buffer
	Momentum, Eps           float32
	// Frozen uses the running statistics in training, too, and leaves them as
	// they are: for fine-tuning, as Keras's trainable = False and PyTorch's
	// eval() of the one layer. See [Freeze].
	Frozen bool
}

// NewBatchNorm makes a batch normalisation of the given number of channels
// with PyTorch's defaults, momentum 0.1 and eps 1e-5.
func NewBatchNorm(channels int) *BatchNorm {
	return &BatchNorm{Weight: ones(channels), Bias: tensor.NewParam(channels),
		RunningMean: tensor.NewBuffer(0, channels), RunningVar: tensor.NewBuffer(1, channels), Momentum: 0.1, Eps: 1e-5}
}

// Forward normalises each channel: [n, channels, ...] → the same shape. See
// [tensor.Tensor.BatchNorm].
func (l *BatchNorm) Forward(x tensor.Tensor) tensor.Tensor {
	return l.forward(x, tensor.Tensor.BatchNorm)
}

func (l *BatchNorm) forwardReLU(x tensor.Tensor) tensor.Tensor {
	return l.forward(x, tensor.Tensor.BatchNormReLU)
}

func (l *BatchNorm) forward(x tensor.Tensor,
	f func(x, w, b tensor.Tensor, mean, variance *tensor.Buffer, momentum, eps float32) tensor.Tensor) tensor.Tensor {
	t := x.Tape()
	if l.Frozen && t.Training() {
		t.SetTraining(false)
		defer t.SetTraining(true)
	}
	return f(x, useOptional(t, l.Weight), useOptional(t, l.Bias), l.RunningMean, l.RunningVar, l.Momentum, l.Eps)
}

// running reports whether the layer uses its running statistics on t, which
// records no gradients.
func (l *BatchNorm) running(t *tensor.Tape) bool {
	return l.RunningMean != nil && !t.RecordsGrad() && (l.Frozen || !t.Training())
}

// norm is the layer for an operation that applies it, with a ReLU behind it.
func (l *BatchNorm) norm(t *tensor.Tape, relu bool) tensor.RunningNorm {
	return tensor.RunningNorm{
		Weight: useOptional(t, l.Weight), Bias: useOptional(t, l.Bias),
		Mean: l.RunningMean, Variance: l.RunningVar, Eps: l.Eps, ReLU: relu,
	}
}

// LayerNorm normalises each sample over its last axes (see
// [tensor.Tensor.LayerNorm]).
type LayerNorm struct {
	Weight *tensor.Param // the shape of those axes; nil for 1, and the last axis only
	Bias   *tensor.Param // the same; nil for 0
	Eps    float32
}

// NewLayerNorm makes a layer normalisation over the last axes, which have the
// given lengths; usually one. Eps is PyTorch's, 1e-5 (Keras: 1e-3).
func NewLayerNorm(dims ...int) *LayerNorm {
	return &LayerNorm{Weight: ones(dims...), Bias: tensor.NewParam(dims...), Eps: 1e-5}
}

// Forward normalises each sample over the last axes: [..., dims...] → the same
// shape.
func (l *LayerNorm) Forward(x tensor.Tensor) tensor.Tensor {
	return x.LayerNorm(useOptional(x.Tape(), l.Weight), useOptional(x.Tape(), l.Bias), l.Eps)
}

// GroupNorm normalises each sample of [n, c, ...] over groups of channels (see
// [tensor.Tensor.GroupNorm]). As many groups as channels make it instance
// normalisation.
type GroupNorm struct {
	Weight, Bias *tensor.Param // [c]; nil for 1 and 0
	Groups       int
	Eps          float32
}

// NewGroupNorm makes a group normalisation with PyTorch's eps, 1e-5.
func NewGroupNorm(groups, channels int) *GroupNorm {
	return &GroupNorm{Weight: ones(channels), Bias: tensor.NewParam(channels), Groups: groups, Eps: 1e-5}
}

// NewInstanceNorm makes an instance normalisation, without weight and bias as
// in PyTorch: each channel of each sample on its own (Ulyanov et al. 2016).
func NewInstanceNorm(channels int) *GroupNorm { return &GroupNorm{Groups: channels, Eps: 1e-5} }

// Forward normalises each group of channels of each sample: [n, channels, ...]
// → the same shape.
func (l *GroupNorm) Forward(x tensor.Tensor) tensor.Tensor {
	return x.GroupNorm(l.Groups, useOptional(x.Tape(), l.Weight), useOptional(x.Tape(), l.Bias), l.Eps)
}

// RMSNorm divides by the root mean square over the last axis (see
// [tensor.Tensor.RMSNorm]).
type RMSNorm struct {
	Weight *tensor.Param // [n]; nil for 1
	Eps    float32
}

// NewRMSNorm makes a root-mean-square normalisation of a last axis of length n.
// Eps is float32's 2⁻²³, PyTorch's default.
func NewRMSNorm(n int) *RMSNorm { return &RMSNorm{Weight: ones(n), Eps: 0x1p-23} }

// Forward divides by the root mean square of the last axis: [..., n] → the same
// shape.
func (l *RMSNorm) Forward(x tensor.Tensor) tensor.Tensor {
	return x.RMSNorm(useOptional(x.Tape(), l.Weight), l.Eps)
}

// LocalResponseNorm damps channels whose neighbours respond strongly (see
// [tensor.Tensor.LocalResponseNorm]). Zeros are PyTorch's defaults.
type LocalResponseNorm struct {
	Size  int     // channels in the sum
	Alpha float32 // 0 is 1e-4
	Beta  float32 // 0 is 0.75
	K     float32 // 0 is 1
}

// Forward normalises across neighbouring channels: [n, channels, ...] → the
// same shape.
func (l LocalResponseNorm) Forward(x tensor.Tensor) tensor.Tensor {
	return x.LocalResponseNorm(l.Size, or(l.Alpha, 1e-4), or(l.Beta, 0.75), or(l.K, 1))
}

// or is v, or its default; a tensor.Zero is exactly zero.
func or(v, standard float32) float32 {
	switch v {
	case 0:
		return standard
	case tensor.Zero:
		return 0
	}
	return v
}

func ones(dims ...int) *tensor.Param {
	p := tensor.NewParam(dims...)
	Constant(p, 1)
	return p
}
