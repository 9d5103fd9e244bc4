package explain

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"

	"gonum.org/v1/gonum/floats"
)

// Trained is a model as its training saw it: what [Influence] and [TracIn] ask
// about. The model runs in evaluation mode.
type Trained struct {
	// Params are the parameters that training changed.
	Params []*tensor.Param
	// Samples is the number of training samples.
	Samples int
	// Losses computes the losses, [len(samples)], of the training samples with
	// these numbers, from 0. No sample may have a part in another's loss.
	Losses func(t *tensor.Tape, samples []int) tensor.Tensor
	// Penalty is what training added to the mean loss, a tensor of one element;
	// nil for nothing. Only Influence asks for it.
	Penalty func(t *tensor.Tape) tensor.Tensor
	// Damping, 0 or more, is added to the diagonal of the Hessian, which a
	// model that is not convex, or not trained to the end, needs (Koh & Liang
	// 2017, section 4.2).
	Damping float64
}

// Influence estimates for each training sample how much a quantity of the
// trained model, such as the loss of a test sample, would rise if training had
// gone without it: ∇of·H⁻¹∇ℓᵢ/n, H the Hessian of the mean loss with its
// penalty (Koh & Liang, Understanding black-box predictions via influence
// functions, 2017, equation 2, which is −n times this). Positive samples help:
// without them the loss would be higher. The others keep their weight, 1/n.
//
// It is the first-order answer for parameters at a minimum. It costs one
// solution by solve, [ConjugateGradients] or [LiSSA], and one pass over the
// samples.
func Influence(m Trained, of func(t *tensor.Tape) tensor.Tensor, solve Solver) ([]float64, error) {
	if err := m.check("Influence"); err != nil {
		return nil, err
	}
	if solve == nil {
		return nil, errors.New("explain: Influence: no solver: give ConjugateGradients(0, 0), or LiSSA for many samples")
	}
	g, err := m.gradient("Influence", of)
	if err != nil {
		return nil, err
	}
	s, err := solve(Hessian{Samples: m.Samples, Times: m.hessianTimes}, g)
	if err != nil {
		return nil, fmt.Errorf("explain: Influence: %w", err)
	}
	out, err := m.along("Influence", s)
	floats.Scale(1/float64(m.Samples), out)
	return out, err
}

func (m Trained) check(op string) error {
	size := 0
	for _, p := range m.Params {
		if p.Frozen {
			return fmt.Errorf("explain: %s: parameter %q is frozen: training did not change it, so leave it out of Params", op, p.Name)
		}
		size += p.Size()
	}
	switch {
	case size == 0:
		return fmt.Errorf("explain: %s: Params has no parameters", op)
	case m.Samples < 1:
		return fmt.Errorf("explain: %s: %d training samples", op, m.Samples)
	case m.Losses == nil:
		return fmt.Errorf("explain: %s: Losses is nil: it computes the losses of training samples", op)
	case !(m.Damping >= 0) || math.IsInf(m.Damping, 1):
		return fmt.Errorf("explain: %s: a damping of %v: want 0 or more", op, m.Damping)
	}
	return nil
}

func evalTape() *tensor.Tape {
	t := tensor.NewTape(1)
	t.SetTraining(false)
	return t
}

// gradient is that of a quantity with respect to all parameters, end to end.
func (m Trained) gradient(op string, of func(t *tensor.Tape) tensor.Tensor) ([]float64, error) {
	t := evalTape()
	y := of(t)
	if y.Size() != 1 {
		return nil, fmt.Errorf("explain: %s: the quantity has shape %v: want one element, such as a mean loss", op, y.Dims())
	}
	return m.collect(op, y.Backward(), nil)
}

// collect adds the gradients of all parameters to sum, end to end; nil is
// zeros.
func (m Trained) collect(op string, g tensor.Grads, sum []float64) ([]float64, error) {
	if sum == nil {
		size := 0
		for _, p := range m.Params {
			size += p.Size()
		}
		sum = make([]float64, size)
	}
	at := 0
	for i, p := range m.Params {
		for k, v := range g.OfHint(p, i) {
			if v-v != 0 { // NaN or infinite
				return nil, fmt.Errorf("explain: %s: the gradient of parameter %q is %v", op, p.Name, v)
			}
			sum[at+k] += float64(v)
		}
		at += p.Size()
	}
	return sum, nil
}

// parts is a vector of all parameters cut into theirs.
func (m Trained) parts(v []float64) [][]float32 {
	out := make([][]float32, len(m.Params))
	at := 0
	for i, p := range m.Params {
		out[i] = make([]float32, p.Size())
		for k := range out[i] {
			out[i][k] = float32(v[at+k])
		}
		at += p.Size()
	}
	return out
}

func (m Trained) used(t *tensor.Tape) []tensor.Tensor {
	out := make([]tensor.Tensor, len(m.Params))
	for i, p := range m.Params {
		out[i] = t.Use(p)
	}
	return out
}

// losses are those of a few samples.
func (m Trained) losses(op string, t *tensor.Tape, samples []int) (tensor.Tensor, error) {
	l := m.Losses(t, samples)
	if d := l.Dims(); len(d) != 1 || d[0] != len(samples) {
		return l, fmt.Errorf("explain: %s: Losses gives shape %v for %d samples, not [%d]: take ReduceNone as the loss's reduction", op, d, len(samples), len(samples))
	}
	return l, nil
}

// hessianTimes is H·v over some samples, nil for all.
func (m Trained) hessianTimes(samples []int, v []float64) ([]float64, error) {
	if samples == nil {
		samples = upTo(m.Samples)
	}
	parts := m.parts(v)
	t := evalTape()
	var sum []float64
	for lo := 0; lo < len(samples); lo += hessianAtOnce {
		t.Reset()
		l, err := m.losses("Influence", t, samples[lo:min(lo+hessianAtOnce, len(samples))])
		if err != nil {
			return nil, err
		}
		loss := l.Sum().Scale(1 / float32(len(samples)))
		if lo == 0 && m.Penalty != nil {
			loss = loss.Add(m.Penalty(t).Sum())
		}
		g, err := loss.HessianVector(m.used(t), parts)
		if err == nil {
			sum, err = m.collect("Influence", g, sum)
		}
		if err != nil {
			return nil, err
		}
	}
	floats.AddScaled(sum, m.Damping, v)
	return sum, nil
}

const hessianAtOnce = 256

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// along is ∇ℓᵢ·s for every training sample: one forward pass's worth of
// derivatives along s, as the gradient, with respect to weights u, of
// ∇(Σ uᵢℓᵢ)·s. Where an operation has no second derivative, it takes a gradient
// of each sample.
func (m Trained) along(op string, s []float64) ([]float64, error) {
	parts := m.parts(s)
	out := make([]float64, 0, m.Samples)
	t := evalTape()
	all := upTo(m.Samples)
	for lo := 0; lo < m.Samples; lo += atOnce {
		t.Reset()
		samples := all[lo:min(lo+atOnce, m.Samples)]
		l, err := m.losses(op, t, samples)
		if err != nil {
			return nil, err
		}
		u := t.Variable(ones(len(samples)), len(samples))
		wrt := m.used(t)
		grads, err := l.Mul(u).Sum().Gradients(wrt...)
		if why := new(tensor.UnsupportedError); errors.As(err, &why) {
			return m.alongEach(op, s)
		} else if err != nil {
			return nil, fmt.Errorf("explain: %s: %w", op, err)
		}
		sum := u.Sum().Scale(0)
		for k, g := range grads {
			sum = sum.Add(g.Mul(t.Input(parts[k], g.Dims()...)).Sum())
		}
		for i, v := range sum.Backward().Wrt(u) {
			if v-v != 0 {
				return nil, fmt.Errorf("explain: %s: the gradient of training sample %d is %v", op, lo+i, v)
			}
			out = append(out, float64(v))
		}
	}
	return out, nil
}

func ones(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func (m Trained) alongEach(op string, s []float64) ([]float64, error) {
	out := make([]float64, m.Samples)
	err := m.each(op, upTo(m.Samples), func(i int, g []float64) { out[i] = floats.Dot(g, s) })
	return out, err
}

// each visits the gradients of some training samples' losses, one by one.
func (m Trained) each(op string, samples []int, visit func(i int, g []float64)) error {
	t := evalTape()
	var g []float64
	for _, i := range samples {
		t.Reset()
		l, err := m.losses(op, t, []int{i})
		if err != nil {
			return err
		}
		clear(g)
		if g, err = m.collect(op, l.Backward(), g); err != nil {
			return fmt.Errorf("%w, of training sample %d", err, i)
		}
		visit(i, g)
	}
	return nil
}

// Hessian multiplies vectors of all parameters by the matrix of second
// derivatives of the mean loss.
type Hessian struct {
	Samples int
	// Times is H·v, of the mean loss of the samples with these numbers, nil for
	// all.
	Times func(samples []int, v []float64) ([]float64, error)
}

// A Solver finds x with H·x = v.
type Solver func(h Hessian, v []float64) (x []float64, err error)

// ConjugateGradients solves H·x = v to a relative residual (0: 1e-4) in at most
// the given number of steps (0: twice the number of parameters, but no more
// than 1000), each of which passes over all samples (Hestenes & Stiefel 1952).
// A Hessian that is not positive definite, and a residual that stays larger,
// are errors.
func ConjugateGradients(steps int, tolerance float64) Solver {
	return func(h Hessian, v []float64) ([]float64, error) {
		if steps < 0 || !(tolerance >= 0) {
			return nil, fmt.Errorf("ConjugateGradients: %d steps to a tolerance of %v: neither may be negative", steps, tolerance)
		}
		most, tol := steps, tolerance
		if most == 0 {
			most = min(2*len(v), 1000)
		}
		if tol == 0 {
			tol = 1e-4
		}
		x, r := make([]float64, len(v)), append([]float64(nil), v...)
		p := append([]float64(nil), v...)
		square, whole := floats.Dot(r, r), floats.Norm(v, 2)
		for step := 0; math.Sqrt(square) > tol*whole; step++ {
			if step == most {
				return nil, fmt.Errorf("ConjugateGradients: a residual of %.1e after %d steps, want %.1e: take more, raise Damping, or ask for less", math.Sqrt(square)/whole, most, tol)
			}
			hp, err := h.Times(nil, p)
			if err != nil {
				return nil, err
			}
			curvature := floats.Dot(p, hp)
			if !(curvature > 0) {
				return nil, fmt.Errorf("ConjugateGradients: the loss does not curve upwards in direction %d (%.3g): the parameters are not at a minimum, or it is flat there: train to the end, or raise Damping", step, curvature/floats.Dot(p, p))
			}
			a := square / curvature
			floats.AddScaled(x, a, p)
			floats.AddScaled(r, -a, hp)
			next := floats.Dot(r, r)
			floats.AddScaledTo(p, r, next/square, p)
			square = next
		}
		return x, nil
	}
}

// LiSSA solves H·x = v by the recursion x ← v + (I − H_b/scale)·x, H_b the
// Hessian of a random batch, of the given number of steps, and takes the mean
// of some repetitions (Agarwal, Bullins & Hazan 2017; Koh & Liang 2017, section
// 3). It sees only batch·steps·repeats samples, for training sets that are too
// large to pass over often. scale must exceed the largest eigenvalue of every
// H_b, or the recursion diverges, which is an error. The same seed draws the
// same batches.
func LiSSA(batch, steps, repeats int, scale float64, seed uint64) Solver {
	return func(h Hessian, v []float64) ([]float64, error) {
		if batch < 1 || batch > h.Samples || steps < 1 || repeats < 1 || !(scale > 0) {
			return nil, fmt.Errorf("LiSSA: %d repetitions of %d steps with batches of %d of %d samples and a scale of %v: need one or more of each, and a positive scale", repeats, steps, batch, h.Samples, scale)
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		mean, samples := make([]float64, len(v)), make([]int, batch)
		for range repeats {
			x := append([]float64(nil), v...)
			for step := range steps {
				for i := range samples {
					samples[i] = rng.IntN(h.Samples)
				}
				hx, err := h.Times(samples, x)
				if err != nil {
					return nil, err
				}
				floats.AddScaled(x, -1/scale, hx)
				floats.Add(x, v)
				if norm := floats.Norm(x, 2); !(norm <= 2*float64(step+2)*floats.Norm(v, 2)) {
					return nil, fmt.Errorf("LiSSA: diverges at step %d (from %.3g to %.3g): raise scale above %v, the largest eigenvalue of a batch's Hessian", step, floats.Norm(v, 2), norm, scale)
				}
			}
			floats.AddScaled(mean, 1/(scale*float64(repeats)), x)
		}
		return mean, nil
	}
}
