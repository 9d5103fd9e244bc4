package tensor

import "fmt"

// LowRank is a change of a parameter by the product of two thin matrices, which
// learn in its place (LoRA; Hu et al. 2021). [Tape.Use] of the parameter gives
// its value + Scale·B·A, in the parameter's shape, to whatever layer uses it.
// The value itself is usually frozen.
type LowRank struct {
	A     *Param  // [rank, size/out]
	B     *Param  // [out, rank], where out is the parameter's first axis
	Scale float32 // as it is: 0 is no change
}

// changed puts value + Scale·B·A on the tape, where value is p as it is.
func (t *Tape) changed(p *Param, value Tensor) Tensor {
	l := p.LowRank
	if l.A == nil || l.B == nil {
		panic(fmt.Sprintf("tensor: the low-rank change of parameter %q lacks a factor", p.Name))
	}
	a, b := l.A.Dims(), l.B.Dims()
	if p.dims.n < 2 || len(a) != 2 || len(b) != 2 || b[0] != p.dims.d[0] || a[0] != b[1] || b[0]*a[1] != len(p.Data) {
		panic(&ShapeError{Op: "LowRank", Shapes: [][]int{append([]int{}, p.Dims()...), append([]int{}, a...),
			append([]int{}, b...)}, Param: p.Name,
			Why: "needs A [rank, size/out] and B [out, rank] for a parameter [out, ...]"})
	}
	return value.Add(t.Use(l.B).MatMul(t.Use(l.A)).Scale(l.Scale).Reshape(p.Dims()...))
}

// Merge adds the change to the parameter's data and removes it, and a
// normalisation before it.
func (p *Param) Merge() {
	if p.LowRank == nil {
		return
	}
	p.MergeNorm()
	t := NewTape(1)
	t.SetRecordGrad(false)
	copy(p.Data, t.Use(p).Data())
	p.LowRank = nil
}
