package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/random"
)

// Dropout sets each element to 0 with probability p and divides the others by
// 1−p, in training; otherwise it is x (Srivastava et al. 2014, in its inverted
// form). Which elements drop follows from the tape's seed, the step, and the
// operation's place in it. p is in [0, 1).
func (x Tensor) Dropout(p float32) Tensor {
	if !x.drops("Dropout", p) {
		return x
	}
	y, n := x.unary("Dropout", backDropout)
	seed, step, op := x.t.Rand()
	*dropouts.lend(x.t, n) = dropout{seed, step, op, 1 - p}
	random.Dropout(n.data, nil, x.t.operand(n, 0), 1-p, seed, step, op)
	return y
}

// dropout is what dropout keeps: the key of its random numbers and the
// probability of what stays.
type dropout struct {
	seed, step, op uint64
	keep           float32
}

var dropouts = newKeeper[dropout]()

func backDropout(t *Tape, n *node) { // the same numbers once more, in place
	d := n.kept.(*dropout)
	random.Dropout(n.grad, nil, n.grad, d.keep, d.seed, d.step, d.op)
	t.handOn(n, 0)
}

// SpatialDropout drops whole channels of x [n, c, ...] (Tompson et al. 2015;
// PyTorch's Dropout2d): neighbouring pixels say nearly the same, so single ones
// would not be missed.
func (x Tensor) SpatialDropout(p float32) Tensor {
	const name = "SpatialDropout"
	in := x.node(name)
	if in.n < 2 {
		shapePanic(name, 1, "needs a channel axis: [n, channels, ...]", x)
	}
	if !x.drops(name, p) {
		return x
	}
	s := in.shape
	for k := 2; k < s.n; k++ {
		s.d[k] = 1
	}
	mask := x.t.Full(1, s.dims()...)
	seed, step, op := x.t.Rand()
	data := mask.node(name).data
	random.Dropout(data, nil, data, 1-p, seed, step, op)
	return x.Mul(mask)
}

// Normal makes a tensor of normally distributed numbers, mean 0 and variance 1,
// without gradient: reparametrised noise is
// mean.Add(sigma.Mul(tape.Normal(…))). As with Dropout they follow from the
// tape's seed, the step, and the operation's place in it.
func (t *Tape) Normal(dims ...int) Tensor { return t.noise(random.Normal, dims) }

// Uniform makes a tensor of numbers from [0, 1), in the same way.
func (t *Tape) Uniform(dims ...int) Tensor { return t.noise(random.Uniform, dims) }

func (t *Tape) noise(fill func(dst []float32, seed, stream, offset uint64), dims []int) Tensor {
	s := makeShape("noise", dims)
	x := t.floats.take(s.size())
	seed, step, op := t.Rand()
	const apart = 0x6e6f697365 // from Dropout's streams
	fill(x, seed^apart, step<<32|op, 0)
	return t.leaf("noise", x, dims)
}

func (x Tensor) drops(op string, p float32) bool {
	x.node(op)
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("tensor: %s: the probability %g is outside of [0, 1)", op, p))
	}
	return p > 0 && x.t.training
}
