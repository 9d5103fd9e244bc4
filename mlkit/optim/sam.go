package optim

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// SAM is sharpness-aware minimisation (Foret et al. 2021): it steps by the
// gradient at the worst point near the parameters, p + Rho·g/‖g‖, so it ends
// in flat minima. It evaluates the loss twice a step, with the same dropout
// masks.
//
//	sam := &optim.SAM{Rho: 0.05}
//	for ... {
//		tape.Reset()
//		loss := sam.Step(opt, tape, func(t *tensor.Tape) tensor.Tensor { return ... })
//	}
//
// The zero SAM is ready to use; it serves one optimizer.
type SAM struct {
	Rho float64 // radius; 0 means 0.05
	// Adaptive measures the radius relative to each parameter, p +
	// Rho·p²g/‖p·g‖ (ASAM; Kwon et al. 2021); its Rho is usually 0.5 to 2.
	Adaptive bool

	backup [][]float32
}

// Step takes one step of the optimizer by the gradient of loss at the perturbed
// parameters and returns the loss at the parameters as they were. The tape must
// be fresh (just made or Reset). Running statistics are those of the first
// evaluation. A loss that is the mean of nothing (tensor.Tape.MeanOfNothing)
// makes no step.
func (c *SAM) Step(o *Optimizer, t *tensor.Tape, loss func(*tensor.Tape) tensor.Tensor) float64 {
	seed, step, _ := t.Rand()
	t.Seed(seed, step)
	first := loss(t)
	value := float64(first.Item())
	if t.MeanOfNothing() {
		return value
	}
	g := first.Backward()
	c.perturb(o, g)
	g.Commit()
	t.Reset()
	t.Seed(seed, step)
	// A panic in the second evaluation must not leave the parameters moved.
	moved := true
	restore := func() {
		for i, p := range o.params {
			if moved {
				copy(p.Data, c.backup[i])
			}
		}
		moved = false
	}
	defer restore()
	g = loss(t).Backward()
	restore()
	o.update(g)
	return value
}

func (c *SAM) perturb(o *Optimizer, g tensor.Grads) {
	rho := c.Rho
	if rho == 0 {
		rho = 0.05
	}
	sum := 0.0
	for i, p := range o.params {
		if len(c.backup) <= i {
			c.backup = append(c.backup, make([]float32, p.Size()))
		}
		copy(c.backup[i], p.Data)
		u := g.OfHint(p, i)
		if p.Frozen || u == nil {
			continue
		}
		if c.Adaptive {
			elementwise.Mul(u, u, p.Data)
		}
		n := norm(u)
		sum += n * n
	}
	scale := float32(rho / (math.Sqrt(sum) + 1e-12))
	for i, p := range o.params {
		u := g.OfHint(p, i)
		if p.Frozen || u == nil {
			continue
		}
		if c.Adaptive { // u is p·g by now, and another p is due
			elementwise.Mul(u, u, c.backup[i])
		}
		elementwise.Axpy(p.Data, scale, u)
	}
}
