package tensor

import (
	"fmt"
	"math"
)

// A Norm is a [*WeightNorm] or a [*SpectralNorm]: what [Tape.Use] makes of a
// parameter's value before a layer sees it.
type Norm interface {
	normalised(t *Tape, p *Param, value Tensor) Tensor
}

// WeightNorm gives a parameter [out, ...] a length and a direction (Salimans &
// Kingma, Weight Normalization, 2016): the row W of each output is used as
// Gain·W/‖W‖.
type WeightNorm struct {
	Gain *Param // [out]
}

func (c *WeightNorm) normalised(t *Tape, p *Param, value Tensor) Tensor {
	if p.dims.n < 2 || c.Gain == nil || c.Gain.dims.n != 1 || c.Gain.dims.d[0] != p.dims.d[0] {
		panic(&ShapeError{Op: "WeightNorm", Shapes: cloneShapes(p.Dims()), Param: p.Name, Why: "needs a parameter [out, ...] and a Gain [out]"})
	}
	rows := value.Reshape(p.dims.d[0], -1)
	return rows.Mul(t.Use(c.Gain).Div(rows.Norm(1)).Unsqueeze(1)).reshaped("Reshape", p.dims)
}

// SpectralNorm divides a parameter by its largest singular value, so that what
// it computes stretches nothing by more than 1 (Miyato et al., Spectral
// Normalization for Generative Adversarial Networks, 2018). The parameter
// counts as a matrix of its outputs by all the rest. U and V are estimates of
// the singular vectors: each use in training begins with one step of power
// iteration, which is kept when the optimizer steps; to the gradient they are
// constants.
type SpectralNorm struct {
	U, V *Buffer // [out] and [size/out], of length 1
	Axis int     // of the outputs: 0, or 1 for a transposed convolution
}

func (c *SpectralNorm) normalised(t *Tape, p *Param, value Tensor) Tensor {
	if c.U == nil || c.V == nil || p.dims.n < 2 || c.Axis < 0 || c.Axis > 1 ||
		len(c.U.Data) != p.dims.d[c.Axis] || len(c.U.Data)*len(c.V.Data) != len(p.Data) {
		panic(&ShapeError{Op: "SpectralNorm", Shapes: cloneShapes(p.Dims()), Param: p.Name,
			Why: fmt.Sprintf("needs a U of the length of axis %d, and a V of all the rest", c.Axis)})
	}
	m := value
	if c.Axis == 1 {
		m = m.Transpose(0, 1)
	}
	out, rest := len(c.U.Data), len(c.V.Data)
	m = m.Reshape(out, rest)
	u, v := t.floats.take(out), t.floats.take(rest)
	copy(u, c.U.Data)
	copy(v, c.V.Data)
	if t.training {
		powerIteration(t.nodes[m.i].data, u, v)
		t.CollectBuffer(c.U, u, 1)
		t.CollectBuffer(c.V, v, 1)
	}
	return value.Div(m.MatMul(t.Input(v, rest, 1)).Mul(t.Input(u, out, 1)).Sum())
}

// Iterate takes n steps of power iteration with p's value.
func (c *SpectralNorm) Iterate(p *Param, n int) {
	t := NewEvalTape()
	m := t.Input(p.Data, p.Dims()...)
	if c.Axis == 1 {
		m = m.Transpose(0, 1)
	}
	for range n {
		powerIteration(m.Data(), c.U.Data, c.V.Data)
	}
}

// powerIteration makes u the direction of W·v, then v that of Wᵀu.
func powerIteration(w, u, v []float32) {
	for i := range u {
		var sum float64
		for j, x := range v {
			sum += float64(w[i*len(v)+j]) * float64(x)
		}
		u[i] = float32(sum)
	}
	unit(u)
	for j := range v {
		var sum float64
		for i, x := range u {
			sum += float64(w[i*len(v)+j]) * float64(x)
		}
		v[j] = float32(sum)
	}
	unit(v)
}

// unit divides by the length, at least 1e-12 as in PyTorch.
func unit(x []float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	by := 1 / max(math.Sqrt(sum), 1e-12)
	for i, v := range x {
		x[i] = float32(float64(v) * by)
	}
}

// MergeNorm makes the normalised value the parameter's data and removes the
// normalisation.
func (p *Param) MergeNorm() {
	if p.Norm == nil {
		return
	}
	t := NewEvalTape()
	copy(p.Data, p.Norm.normalised(t, p, t.Input(append([]float32{}, p.Data...), p.Dims()...)).Data())
	p.Norm = nil
}
