package nn

import "descent/mlkit/tensor"

// CTC is the connectionist temporal classification loss (see
// [tensor.Tensor.CTC]) of logits [batch, time, classes], as a scalar: each
// sample's loss divided by the length of its labels (at least 1), then the
// mean over the batch, as in PyTorch. The sum, or the losses by themselves,
// come from logits.CTC(targets).
func CTC(logits tensor.Tensor, targets tensor.CTCTargets) tensor.Tensor {
	loss := logits.CTC(targets)
	t := logits.Tape()
	batch := loss.Dim(0)
	w := t.Scratch(batch)
	for b := range w {
		n := int32(targets.Labels.Dims()[1])
		if len(targets.LabelLengths.Data) > 0 {
			n = targets.LabelLengths.Data[b]
		}
		w[b] = 1 / float32(max(n, 1))
	}
	return loss.Mul(t.Input(w, batch)).Mean()
}
