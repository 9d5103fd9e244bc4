package nn

import "descent/mlkit/tensor"

// Dropout sets elements to 0 with probability P in training, and scales the
// others by 1/(1−P) (see [tensor.Tensor.Dropout]).
type Dropout struct{ P float32 }

// Forward drops elements in training: [...] → the same shape.
func (d Dropout) Forward(x tensor.Tensor) tensor.Tensor { return x.Dropout(d.P) }

// SpatialDropout drops whole channels of [n, c, ...] with probability P in
// training.
type SpatialDropout struct{ P float32 }

// Forward drops channels in training: [n, c, ...] → the same shape.
func (d SpatialDropout) Forward(x tensor.Tensor) tensor.Tensor { return x.SpatialDropout(d.P) }

// DropPath skips a residual branch for whole samples: in training it sets each
// sample [1, ...] of a batch to 0 with probability P and divides the others by
// 1−P (stochastic depth; Huang et al. 2016). Use it as
// x.Add(drop.Forward(branch)).
type DropPath struct{ P float32 }

// Forward drops samples in training: [n, ...] → the same shape.
func (d DropPath) Forward(x tensor.Tensor) tensor.Tensor {
	if x.Rank() == 0 {
		panic(&tensor.ShapeError{Op: "DropPath", Shapes: [][]int{{}}, Why: "needs a batch axis: [n, ...]"})
	}
	n := x.Dim(0)
	keep := x.Tape().Full(1, n).Dropout(d.P)
	for range x.Rank() - 1 {
		keep = keep.Unsqueeze(-1)
	}
	return x.Mul(keep)
}

// GaussianNoise adds normal noise of standard deviation Std in training
// (Keras's GaussianNoise; Bishop, Training with Noise is Equivalent to Tikhonov
// Regularization, 1995).
type GaussianNoise struct{ Std float32 }

// Forward adds noise in training: [...] → the same shape.
func (g GaussianNoise) Forward(x tensor.Tensor) tensor.Tensor {
	if !x.Tape().Training() {
		return x
	}
	return x.Add(x.Tape().Normal(x.Dims()...).Scale(g.Std))
}
