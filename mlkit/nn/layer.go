package nn

import (
	"math/rand/v2"
	"slices"

	"descent/mlkit/tensor"
)

// A Layer computes one tensor from one tensor. The batch is the first axis.
type Layer interface {
	Forward(x tensor.Tensor) tensor.Tensor
}

// Func makes a layer of a function: nn.Func(tensor.Tensor.ReLU).
type Func func(tensor.Tensor) tensor.Tensor

// Forward calls f: the shapes are those of f.
func (f Func) Forward(x tensor.Tensor) tensor.Tensor { return f(x) }

// Sequential runs layers one after the other. Its parameters are named by the
// layers' positions: "0.weight", "2.bias".
type Sequential []Layer

// Forward passes x through every layer: the input of the first → the output of
// the last. A ReLU behind a Linear, a Conv2D or a BatchNorm is computed with
// it, to the same bits; so is a MaxPool2D of 2 behind a Conv2D, with or without
// a ReLU before or after it (the gradient of the bias is then added up in
// another order), and in evaluation, on a tape that records no gradients, a
// BatchNorm behind a Conv1D or a Conv2D.
func (s Sequential) Forward(x tensor.Tensor) tensor.Tensor {
	for i := 0; i < len(s); i++ {
		if relu, n := s[i:].pooling(); n > 0 {
			x = s[i].(*Conv2D).forwardMaxPool(x, relu)
			i += n - 1
			continue
		}
		if f, ok := s[i].(normFuser); ok && i+1 < len(s) {
			if b, ok := s[i+1].(*BatchNorm); ok && b.running(x.Tape()) {
				relu := s.reluAt(i + 2)
				x = f.forwardNorm(x, b.norm(x.Tape(), relu))
				i++
				if relu {
					i++
				}
				continue
			}
		}
		if f, ok := s[i].(reluFuser); ok && s.reluAt(i+1) {
			x = f.forwardReLU(x)
			i++
			continue
		}
		x = s[i].Forward(x)
	}
	return x
}

// pooling returns how many of the first layers are a convolution with a pooling
// that halves its result, and whether a ReLU is among them.
func (s Sequential) pooling() (relu bool, n int) {
	if _, ok := s[0].(*Conv2D); !ok {
		return false, 0
	}
	pool := false
	for n = 1; n < len(s); n++ {
		if _, ok := s[n].(ReLU); ok && !relu {
			relu = true
		} else if p, ok := s[n].(MaxPool2D); ok && !pool && p.halves() {
			pool = true
		} else {
			break
		}
	}
	if !pool {
		return false, 0
	}
	return relu, n
}

// reluAt reports whether layer i is there and a ReLU.
func (s Sequential) reluAt(i int) bool {
	if i >= len(s) {
		return false
	}
	_, ok := s[i].(ReLU)
	return ok
}

// normFuser is a layer that can normalise its result while it writes it.
type normFuser interface {
	forwardNorm(x tensor.Tensor, r tensor.RunningNorm) tensor.Tensor
}

// reluFuser is a layer that can apply a ReLU while it writes its result.
type reluFuser interface {
	forwardReLU(x tensor.Tensor) tensor.Tensor
}

// Residual adds its input to what Body makes of it (He et al. 2016). Where Body
// changes the shape, Shortcut brings the input to it.
type Residual struct {
	Body     Layer
	Shortcut Layer // nil: the input as it is
}

// Forward computes Body(x) + Shortcut(x): the body's input → its output, which
// must have the shortcut's shape.
func (r Residual) Forward(x tensor.Tensor) tensor.Tensor {
	y := r.Body.Forward(x)
	if r.Shortcut != nil {
		x = r.Shortcut.Forward(x)
	}
	if !slices.Equal(y.Dims(), x.Dims()) {
		panic(&tensor.ShapeError{Op: "Residual", Shapes: [][]int{slices.Clone(y.Dims()), slices.Clone(x.Dims())},
			Why: "the body changes the shape of its input; give a Shortcut that changes it likewise"})
	}
	return y.Add(x)
}

// NewRand is the random generator that the constructors of layers take: the
// same seed gives the same initial weights on every machine.
func NewRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6d6c6b6974)) }
