package optim

import (
	"descent/mlkit/internal/kernel"
	"descent/mlkit/tensor"
)

// SGD is gradient descent, p ← p − lr·g (Robbins & Monro 1951): stochastic,
// mini-batch or full-batch as the batches are.
func SGD(lr float64) Rule {
	return func([]*tensor.Param) Link {
		return stateless(func(s *Step) {
			for i, p := range s.Params {
				if u := s.Updates[i]; u != nil {
					kernel.SGDUpdate(p.Data, u, float32(lr*s.Factor))
				}
			}
			s.Applied = true
		})
	}
}
