package nn

import "descent/mlkit/tensor"

// ReLU is max(x, 0). Directly behind a [Linear] or [Conv2D] of a [Sequential]
// it costs no pass of its own.
type ReLU struct{}

// Forward applies it to each element: [...] → the same shape.
func (ReLU) Forward(x tensor.Tensor) tensor.Tensor { return x.ReLU() }

// LeakyReLU is x above 0 and Slope·x elsewhere.
type LeakyReLU struct{ Slope float32 } // 0 is 0.01, PyTorch's; Keras has 0.3

// Forward applies it to each element: [...] → the same shape.
func (a LeakyReLU) Forward(x tensor.Tensor) tensor.Tensor { return x.LeakyReLU(or(a.Slope, 0.01)) }

// PReLU is LeakyReLU with learned slopes (He et al. 2015): one, or one for each
// channel of [n, c, ...].
type PReLU struct{ Weight *tensor.Param } // [1] or [c]

// NewPReLU makes a PReLU of n slopes that start at 0.25.
func NewPReLU(n int) *PReLU {
	p := &PReLU{tensor.NewParam(n)}
	Constant(p.Weight, 0.25)
	return p
}

// Forward applies it: [n, c, ...] → the same shape; with one slope, any shape.
// Another number of channels than of slopes panics with a *tensor.ShapeError.
func (a *PReLU) Forward(x tensor.Tensor) tensor.Tensor {
	w := x.Tape().Use(a.Weight)
	if n := w.Size(); n > 1 {
		if x.Rank() < 2 || x.Dim(1) != n {
			panic(&tensor.ShapeError{Op: "PReLU", Shapes: [][]int{append([]int{}, x.Dims()...), {n}}, Axis: 1,
				Why: "there must be one slope, or one for each channel of [n, channels, ...]"})
		}
		for w.Rank() < x.Rank()-1 {
			w = w.Unsqueeze(-1)
		}
	}
	return tensor.Where(x.Greater(x.Tape().Scalar(0)), x, x.Mul(w))
}

// ELU is x above 0 and Alpha·(eˣ − 1) elsewhere.
type ELU struct{ Alpha float32 } // 0 is 1

// Forward applies it to each element: [...] → the same shape.
func (a ELU) Forward(x tensor.Tensor) tensor.Tensor { return x.ELU(or(a.Alpha, 1)) }

// SELU is the self-normalising ELU; initialise with [LeCunNormal].
type SELU struct{}

// Forward applies it to each element: [...] → the same shape.
func (SELU) Forward(x tensor.Tensor) tensor.Tensor { return x.SELU() }

// GELU is x·Φ(x), or its approximation by tanh if Tanh is set.
type GELU struct{ Tanh bool }

// Forward applies it to each element: [...] → the same shape.
func (a GELU) Forward(x tensor.Tensor) tensor.Tensor {
	if a.Tanh {
		return x.GELUTanh()
	}
	return x.GELU()
}

// SiLU (swish) is x·sigmoid(x).
type SiLU struct{}

// Forward applies it to each element: [...] → the same shape.
func (SiLU) Forward(x tensor.Tensor) tensor.Tensor { return x.SiLU() }

// Mish is x·tanh(softplus(x)).
type Mish struct{}

// Forward applies it to each element: [...] → the same shape.
func (Mish) Forward(x tensor.Tensor) tensor.Tensor { return x.Mish() }

// Softplus is log(1 + e^(Beta·x))/Beta.
type Softplus struct{ Beta float32 } // 0 is 1

// Forward applies it to each element: [...] → the same shape.
func (a Softplus) Forward(x tensor.Tensor) tensor.Tensor { return x.Softplus(or(a.Beta, 1)) }

// Tanh is the hyperbolic tangent.
type Tanh struct{}

// Forward applies it to each element: [...] → the same shape.
func (Tanh) Forward(x tensor.Tensor) tensor.Tensor { return x.Tanh() }

// Sigmoid is 1/(1+e⁻ˣ).
type Sigmoid struct{}

// Forward applies it to each element: [...] → the same shape.
func (Sigmoid) Forward(x tensor.Tensor) tensor.Tensor { return x.Sigmoid() }

// Softmax is eˣ/Σeˣ over the last axis. Losses that take logits need none.
type Softmax struct{}

// Forward applies it: [..., classes] → the same shape.
func (Softmax) Forward(x tensor.Tensor) tensor.Tensor { return x.Softmax(-1) }

// LogSoftmax is log Softmax over the last axis.
type LogSoftmax struct{}

// Forward applies it: [..., classes] → the same shape.
func (LogSoftmax) Forward(x tensor.Tensor) tensor.Tensor { return x.LogSoftmax(-1) }
