package optim

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// Penalty is an elastic net (Zou & Hastie 2005) on parameters,
//
//	L1·Σ|p| + L2/2·Σp²,
//
// with the lasso (L2 = 0) and ridge regression (L1 = 0) as its ends. The half
// makes the gradient of the second term L2·p, PyTorch's weight_decay; Keras's
// regularizers.L2(l) has no half and is L2 = 2l here.
type Penalty struct {
	L1, L2 float64
	// On selects the parameters: those for which all filters hold, all
	// parameters without a filter.
	On []Filter
}

// Value is the penalty of the parameters as they are now: what to add to a
// reported loss. Training does not need it, since [AddPenalty] adds the
// gradient where it is used.
func (c Penalty) Value(params []*tensor.Param) float64 {
	sum := 0.0
	for _, p := range params {
		if !selected(p, c.On) {
			continue
		}
		for _, v := range p.Data {
			a := math.Abs(float64(v))
			sum += c.L1*a + c.L2/2*a*a
		}
	}
	return sum
}

// AddPenalty adds the gradient of a penalty, L1·sign(p) + L2·p, to the
// gradient. As the first link it serves every optimizer, which then sees the
// gradient of the penalised loss:
//
//	optim.Chain(optim.L2(1e-4, optim.Matrices), optim.Adam(1e-3))
//
// At p = 0 the subgradient 0 of |p| is taken, so descent with L1 brings
// parameters near zero, not exactly to it.
func AddPenalty(c Penalty) Rule {
	if e := outside("L1", c.L1, 0, math.MaxFloat64) + outside("L2", c.L2, 0, math.MaxFloat64); e != "" {
		panic("optim: AddPenalty: " + e)
	}
	l1 := float32(c.L1)
	return func(ps []*tensor.Param) Link {
		on := filtered(ps, c.On)
		about := fmt.Sprintf("penalty, L1 %v, L2 %v%s", c.L1, c.L2, selection(ps, c.On))
		return told{&penalty{stateless(func(s *Step) {
			s.narrow()
			for i, u := range s.Updates {
				if u == nil || !on[i] {
					continue
				}
				p := s.Params[i].Data
				if c.L2 != 0 {
					elementwise.Axpy(u, float32(c.L2), p)
				}
				if l1 != 0 {
					for k, v := range p {
						if v > 0 {
							u[k] += l1
						} else if v < 0 {
							u[k] -= l1
						}
					}
				}
			}
		}), on}, about, math.NaN()}
	}
}

// penalty is the link of AddPenalty: every row of what it is on has a share.
type penalty struct {
	stateless
	on []bool
}

// L1 adds the gradient of lambda·Σ|p| (the lasso; Tibshirani 1996): see
// [AddPenalty].
func L1(lambda float64, on ...Filter) Rule { return AddPenalty(Penalty{L1: lambda, On: on}) }

// L2 adds the gradient of lambda/2·Σp² (ridge; Hoerl & Kennard 1970): see
// [AddPenalty]. It is what PyTorch calls weight_decay in all its optimizers but
// AdamW. An adaptive rule divides it by the size of the gradients, so it
// shrinks most what has small gradients; [WeightDecay] does not.
func L2(lambda float64, on ...Filter) Rule { return AddPenalty(Penalty{L2: lambda, On: on}) }

// ElasticNet adds the gradients of both penalties: see [AddPenalty].
func ElasticNet(l1, l2 float64, on ...Filter) Rule {
	return AddPenalty(Penalty{L1: l1, L2: l2, On: on})
}

// AddDecayedWeights adds lambda·p to the update. After the link that scales
// the gradient and before ScaleByLearningRate it is decoupled weight decay; as
// the first link it is [L2].
func AddDecayedWeights(lambda float64, on ...Filter) Rule { return L2(lambda, on...) }

func filtered(ps []*tensor.Param, filters []Filter) []bool {
	on := make([]bool, len(ps))
	for i, p := range ps {
		on[i] = selected(p, filters)
	}
	return on
}
