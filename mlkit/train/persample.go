package train

import (
	"fmt"

	"descent/mlkit/tensor"
)

// PerSample computes the gradient of every sample of a batch by itself: that of
// the loss of a batch that holds only it. Each sample goes forward and back on
// a tape of its own, which the processors share, so any model without buffers
// will do (batch normalisation has no gradient of one sample, and is an error),
// as will any objective with Size and Split. visit gets the samples in their
// order, one at a time; the gradients, all zero where nothing of a sample
// counts, end when it returns. The random numbers of a sample, as dropout's,
// follow from seed and i.
//
// Where only the norms of the gradients are wanted, [tensor.Tensor.SampleNorms]
// has those of many networks from one pass.
func PerSample[B any](o Objective[B], batch B, seed uint64, visit func(i int, loss float64, g tensor.Grads)) error {
	if err := o.complete(); err != nil {
		return err
	}
	p, err := newPieces(o, &Config{Seed: seed}, tensor.NewTape(seed), nil, nil)
	if err != nil {
		return fmt.Errorf("train: PerSample %w", err)
	}
	p.each = visit
	_, err = p.run(0, batch, o.Size(batch))
	return err
}
