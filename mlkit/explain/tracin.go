package explain

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"descent/mlkit/tensor"

	"gonum.org/v1/gonum/floats"
)

// Checkpoint is the state of a training that [TracIn] looks back at.
type Checkpoint struct {
	Rate    float64     // the learning rate there, times the steps that it stands for
	Weights [][]float32 // of each parameter
}

// Snapshot copies the parameters as they are.
func Snapshot(params []*tensor.Param, rate float64) Checkpoint {
	c := Checkpoint{Rate: rate}
	for _, p := range params {
		c.Weights = append(c.Weights, slices.Clone(p.Data))
	}
	return c
}

// TracIn estimates for each training sample how much the steps on it lowered a
// quantity, such as the loss of a test sample: Σ rate·∇of·∇ℓᵢ over checkpoints
// of the training (Pruthi et al., Estimating training data influence by tracing
// gradient descent, 2020, section 3.3). Positive samples help. It needs neither
// a minimum nor a Hessian, but checkpoints, and describes descent along plain
// gradients. The parameters are afterwards what they were.
func TracIn(m Trained, of func(t *tensor.Tape) tensor.Tensor, checkpoints []Checkpoint) ([]float64, error) {
	return m.trace("TracIn", checkpoints, func() ([]float64, error) {
		g, err := m.gradient("TracIn", of)
		if err != nil {
			return nil, err
		}
		return m.along("TracIn", g)
	})
}

// SelfTracIn is TracIn of each training sample on its own loss, Σ rate·‖∇ℓᵢ‖²:
// how much a sample is there for itself alone. Mislabelled samples and outliers
// have high values (Pruthi et al. 2020, section 4.1).
func SelfTracIn(m Trained, checkpoints []Checkpoint) ([]float64, error) {
	return m.trace("SelfTracIn", checkpoints, m.squares)
}

// trace adds up the values at all checkpoints, each times its rate.
func (m Trained) trace(op string, checkpoints []Checkpoint, values func() ([]float64, error)) ([]float64, error) {
	if err := m.check(op); err != nil {
		return nil, err
	}
	if len(checkpoints) == 0 {
		return nil, fmt.Errorf("explain: %s: no checkpoints: take a Snapshot now and then while training", op)
	}
	for c, at := range checkpoints {
		if !(at.Rate >= 0) || math.IsInf(at.Rate, 1) || len(at.Weights) != len(m.Params) {
			return nil, fmt.Errorf("explain: %s: checkpoint %d has rate %v and %d of %d parameters", op, c, at.Rate, len(at.Weights), len(m.Params))
		}
		for i, p := range m.Params {
			if len(at.Weights[i]) != p.Size() {
				return nil, fmt.Errorf("explain: %s: checkpoint %d has %d numbers for parameter %q of %d", op, c, len(at.Weights[i]), p.Name, p.Size())
			}
		}
	}
	restore := keep(m.Params)
	defer restore()
	sum := make([]float64, m.Samples)
	for _, c := range checkpoints {
		for i, p := range m.Params {
			copy(p.Data, c.Weights[i])
		}
		v, err := values()
		if err != nil {
			return nil, err
		}
		floats.AddScaled(sum, c.Rate, v)
	}
	return sum, nil
}

// keep returns a function that makes the parameters what they are now.
func keep(params []*tensor.Param) (restore func()) {
	c := Snapshot(params, 0)
	return func() {
		for i, p := range params {
			copy(p.Data, c.Weights[i])
		}
	}
}

func (m Trained) squaresEach() ([]float64, error) {
	out := make([]float64, m.Samples)
	err := m.each("SelfTracIn", upTo(m.Samples), func(i int, g []float64) { out[i] = floats.Dot(g, g) })
	return out, err
}

// hasAll reports whether the norm of the first sample's gradient, which is that
// of all parameters that are not frozen, is that of Params, too.
func (m Trained) hasAll(norm float32) (all bool) {
	m.each("SelfTracIn", []int{0}, func(_ int, g []float64) {
		all = math.Abs(floats.Norm(g, 2)-float64(norm)) <= 1e-3*float64(norm)
	})
	return all
}

// squares are the ‖∇ℓᵢ‖², from one pass where all operations have a rule for
// it, or else from a gradient of each sample.
func (m Trained) squares() ([]float64, error) {
	out := make([]float64, 0, m.Samples)
	t := evalTape()
	all := upTo(m.Samples)
	for lo := 0; lo < m.Samples; lo += atOnce {
		t.Reset()
		l, err := m.losses("SelfTracIn", t, all[lo:min(lo+atOnce, m.Samples)])
		if err != nil {
			return nil, err
		}
		norms, err := l.SampleNorms()
		if why := new(tensor.UnsupportedError); errors.As(err, &why) {
			return m.squaresEach()
		} else if err != nil {
			return nil, fmt.Errorf("explain: SelfTracIn: %w", err)
		}
		if lo == 0 && !m.hasAll(norms[0]) {
			return m.squaresEach()
		}
		for i, v := range norms {
			if v-v != 0 {
				return nil, fmt.Errorf("explain: SelfTracIn: the gradient of training sample %d is %v", lo+i, v)
			}
			out = append(out, float64(v)*float64(v))
		}
	}
	return out, nil
}
