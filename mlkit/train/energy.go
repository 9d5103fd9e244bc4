package train

import (
	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Contrastive is the objective of contrastive divergence after the given steps
// of Gibbs (nn.RBM.Divergence). The machine sees what the layers below, if any,
// make of a batch, without gradient; where it has Classes, the batch's labels
// stand beside that. Data are zeros and ones, or probabilities between. What
// Fit reports as the loss is no loss: see there what to watch.
func Contrastive(m *nn.RBM, steps int, below ...nn.Layer) Objective[data.Batch] {
	return Objective[data.Batch]{Model: m, Size: data.Batch.Len, Split: data.Batch.Split,
		Loss: func(t *tensor.Tape, b data.Batch) tensor.Tensor {
			was := t.RecordsGrad()
			t.SetRecordGrad(false)
			v := b.Input(t)
			for _, l := range below {
				v = l.Forward(v)
			}
			t.SetRecordGrad(was)
			if m.Classes > 0 {
				v = m.Labelled(v, b.Ints())
			}
			return m.Divergence(v, steps)
		}}
}

// UpDown is the objective of the up–down algorithm (nn.DBN.UpDown) with the
// given steps of Gibbs on top. What Fit reports as the loss is no loss.
func UpDown(m *nn.DBN, steps int) Objective[data.Batch] {
	return Objective[data.Batch]{Model: m, Size: data.Batch.Len, Split: data.Batch.Split,
		Loss: func(t *tensor.Tape, b data.Batch) tensor.Tensor { return m.UpDown(b.Input(t), b.Ints(), steps) }}
}
