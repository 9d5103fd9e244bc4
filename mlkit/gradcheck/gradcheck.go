// Package gradcheck compares the gradients of the tape with finite differences.
package gradcheck

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// Input is one differentiable input of a function under test.
type Input struct {
	Data []float32
	Dims []int
}

// Random makes an input of normal numbers, the same for the same seed.
func Random(seed uint64, dims ...int) Input {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, tensor.SizeOf(dims))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return Input{x, dims}
}

// Positive is Random with the absolute value plus 0.5, for logarithms, roots
// and divisors.
func Positive(seed uint64, dims ...int) Input {
	in := Random(seed, dims...)
	for i, v := range in.Data {
		in.Data[i] = float32(math.Abs(float64(v))) + 0.5
	}
	return in
}

// AwayFrom moves elements that lie within gap of one of the kinks to a
// distance of gap: a finite difference across a kink (ReLU's at 0) is no
// derivative.
func (in Input) AwayFrom(gap float32, kinks ...float32) Input {
	for i, v := range in.Data {
		for _, k := range kinks {
			if d := v - k; d > -gap && d < gap {
				v = k + float32(math.Copysign(float64(gap), float64(d)))
			}
		}
		in.Data[i] = v
	}
	return in
}

// Func is a function under test: it computes one tensor, of any shape, from
// its inputs. It must be deterministic.
type Func func(t *tensor.Tape, x []tensor.Tensor) tensor.Tensor

// Tolerance is the largest difference that Check accepts, relative to the
// larger of 1 and the gradient's largest element. Float32 forward passes
// limit what finite differences can tell: with a step of 2⁻⁵ and Richardson
// extrapolation the error is a few 1e-5 for functions of order one.
const Tolerance = 1e-3

// Check compares d(w·f)/dx for fixed random weights w with central differences
// of fourth order (Richardson extrapolation), for every element of every
// input, and returns an error that names the worst one.
func Check(f Func, inputs ...Input) error { return CheckTol(Tolerance, f, inputs...) }

// CheckTol is Check with another tolerance.
func CheckTol(tol float64, f Func, inputs ...Input) error { return CheckParams(tol, f, nil, inputs...) }

// CheckParams is CheckTol for a function that also uses parameters, whose
// gradients it checks after those of the inputs.
func CheckParams(tol float64, f Func, params []*tensor.Param, inputs ...Input) error {
	tape := tensor.NewTape(1)
	xs := make([]tensor.Tensor, len(inputs))
	run := func() tensor.Tensor {
		tape.Reset()
		tape.Seed(1, 0)
		for k, in := range inputs {
			xs[k] = tape.Variable(in.Data, in.Dims...)
		}
		return f(tape, xs)
	}
	y := run()
	rng := rand.New(rand.NewPCG(7, 7))
	w := make([]float32, y.Size())
	for i := range w {
		w[i] = float32(rng.NormFloat64())
	}
	grads := y.BackwardFrom(w)
	var checks []check
	for k, in := range inputs {
		checks = append(checks, newCheck(fmt.Sprintf("input %d", k), in.Data, grads.Wrt(xs[k])))
	}
	for k, p := range params {
		checks = append(checks, newCheck(fmt.Sprintf("parameter %d %q", k, p.Name), p.Data, grads.Of(p)))
	}
	largest := 1.0
	for _, c := range checks {
		for _, g := range c.grad {
			largest = math.Max(largest, math.Abs(float64(g)))
		}
	}
	value := func() float64 {
		s := 0.0
		for i, v := range run().Data() {
			s += float64(w[i]) * float64(v)
		}
		return s
	}
	for _, c := range checks {
		for i, x0 := range c.x {
			diff := func(h float32) float64 {
				hi, lo := x0+h, x0-h
				c.x[i] = hi
				up := value()
				c.x[i] = lo
				down := value()
				c.x[i] = x0
				return (up - down) / float64(hi-lo)
			}
			h := float32(1.0 / 32)
			numeric := (4*diff(h/2) - diff(h)) / 3
			if d := math.Abs(numeric - float64(c.grad[i])); !(d <= tol*largest) {
				return fmt.Errorf("gradcheck: %s, element %d: the tape says %.6g, finite differences %.6g (difference %.2g, allowed %.2g)",
					c.name, i, c.grad[i], numeric, d, tol*largest)
			}
		}
	}
	return nil
}

// check is one array to vary, and what the tape says about it.
type check struct {
	name    string
	x, grad []float32
}

func newCheck(name string, x, grad []float32) check {
	c := check{name, x, make([]float32, len(x))}
	copy(c.grad, grad) // nil, no dependence, is zero
	return c
}
