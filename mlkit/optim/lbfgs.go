package optim

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/tensor"
)

// LBFGS minimises a loss over all data at once by the limited-memory BFGS
// method with a strong-Wolfe line search (Liu & Nocedal 1989; Nocedal & Wright,
// Numerical Optimization, 2006, §7.2), through gonum's optimize. For small
// smooth problems it needs far fewer evaluations than any first-order method.
// It is not a Rule: its line search evaluates the loss as often as it needs.
type LBFGS struct {
	Memory int // past steps kept; 0 means 15
	// Iterations and Evaluations limit the run; 0 means 100 and no limit.
	Iterations, Evaluations int
	// GradientTolerance ends the run when no element of the gradient is
	// larger; 0 means 1e-6.
	GradientTolerance float64
}

// LBFGSResult is how a minimisation ended.
type LBFGSResult struct {
	Loss                    float64 // at the parameters as they now are
	Iterations, Evaluations int
	// Converged says that the gradient is within the tolerance. Stalled says
	// that the line search found no better point: near a minimum where float32
	// losses cannot tell one from another, or at a kink (ReLU, L1).
	Converged, Stalled bool
	Status             string
}

// Minimize changes the parameters to lower the loss, which must be the same
// function at each call: the whole data set, and random numbers only by the
// tape's seed, which is the same for each. Frozen parameters stay. A cancelled
// context returns its error, a loss that is not finite at the start another;
// the parameters are then the best so far.
func (c LBFGS) Minimize(ctx context.Context, params []*tensor.Param, t *tensor.Tape,
	loss func(*tensor.Tape) tensor.Tensor) (LBFGSResult, error) {
	var free []*tensor.Param
	n := 0
	for _, p := range params {
		if !p.Frozen {
			free = append(free, p)
			n += p.Size()
		}
	}
	if n == 0 {
		return LBFGSResult{}, errors.New("optim: LBFGS: no parameter is free to change")
	}
	seed, step, _ := t.Rand()
	problem := &flat{params: free, tape: t, loss: loss, seed: seed, step: step,
		at: make([]float64, n), grad: make([]float64, n), best: make([]float64, n), bestF: math.Inf(1)}
	start := make([]float64, n)
	problem.each(func(i int, p *float32) { start[i] = float64(*p) })
	if f := problem.eval(start); math.IsNaN(f) || math.IsInf(f, 0) {
		return LBFGSResult{Loss: f, Evaluations: 1}, fmt.Errorf("optim: LBFGS: the loss is %v at the start: look for bad values in data and parameters", f)
	}
	if c.Iterations == 0 {
		c.Iterations = 100
	}
	if c.GradientTolerance == 0 {
		c.GradientTolerance = 1e-6
	}
	res, err := optimize.Minimize(optimize.Problem{
		Func: problem.guarded,
		Grad: func(g, x []float64) { problem.guarded(x); copy(g, problem.grad) },
		Status: func() (optimize.Status, error) {
			if ctx.Err() != nil || problem.panicked.Value() != nil {
				return optimize.Failure, fmt.Errorf("optim: LBFGS: interrupted: %w", ctx.Err())
			}
			return optimize.NotTerminated, nil
		},
	}, start, &optimize.Settings{MajorIterations: c.Iterations, FuncEvaluations: c.Evaluations,
		GradientThreshold: c.GradientTolerance,
		Converger:         optimize.NeverTerminate{}}, &optimize.LBFGS{Store: c.Memory,
		Linesearcher: &optimize.MoreThuente{}})
	problem.panicked.Raise()
	problem.eval(problem.best)
	problem.tape.Reset()
	out := LBFGSResult{Loss: problem.bestF, Evaluations: problem.evals}
	if res != nil {
		out.Iterations, out.Status = res.MajorIterations, res.Status.String()
		out.Converged = res.Status == optimize.GradientThreshold
	}
	if err != nil && ctx.Err() == nil && problem.evals > 1 {
		out.Stalled, out.Status, err = true, err.Error(), nil // the line search ends by an error
	}
	return out, err
}

// flat shows the loss as a function of one vector. It remembers the last point,
// as the optimizer asks for value and gradient one after the other.
type flat struct {
	params     []*tensor.Param
	tape       *tensor.Tape
	loss       func(*tensor.Tape) tensor.Tensor
	seed, step uint64

	at, grad, best []float64
	f, bestF       float64
	evals          int
	// What the loss panicked with: the evaluations run on another goroutine,
	// where a panic would end the program.
	panicked cpu.Panic
}

func (c *flat) each(f func(i int, p *float32)) {
	i := 0
	for _, p := range c.params {
		for k := range p.Data {
			f(i, &p.Data[k])
			i++
		}
	}
}

func (c *flat) guarded(x []float64) (f float64) {
	defer func() {
		if p := recover(); p != nil {
			f, c.panicked = math.Inf(1), cpu.Caught(p)
		}
	}()
	return c.eval(x)
}

func (c *flat) eval(x []float64) float64 {
	same := c.evals > 0
	for i := 0; same && i < len(x); i++ {
		same = x[i] == c.at[i]
	}
	if same {
		return c.f
	}
	copy(c.at, x)
	c.each(func(i int, p *float32) { *p = float32(x[i]) })
	c.tape.Reset()
	c.tape.Seed(c.seed, c.step)
	y := c.loss(c.tape)
	c.f = float64(y.Item())
	g := y.Backward()
	i := 0
	for _, p := range c.params {
		d := g.Of(p)
		for k := range p.Data {
			c.grad[i] = 0
			if d != nil {
				c.grad[i] = float64(d[k])
			}
			i++
		}
	}
	c.evals++
	if c.f < c.bestF {
		c.bestF = c.f
		copy(c.best, x)
	}
	return c.f
}
