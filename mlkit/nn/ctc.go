package nn

import (
	"fmt"

	"descent/mlkit/tensor"
)

// CTC is [CTCLoss] with its defaults.
func CTC(logits tensor.Tensor, labels Spelling) tensor.Tensor {
	return CTCLoss{}.Loss(logits, labels)
}

// Spelling is what a batch of sequences is to spell.
type Spelling struct {
	// Labels is [batch, S]: rows of classes, padded at their end with anything.
	Labels tensor.Ints
	// LabelLengths [batch] are the labels' true lengths; empty: all S.
	LabelLengths tensor.Ints
	// InputLengths [batch] are the true lengths of the logits; empty: all.
	InputLengths tensor.Ints
}

// CTCLoss is the connectionist temporal classification loss (Graves et al.
// 2006): see [tensor.Tensor.CTC].
type CTCLoss struct {
	Blank int // the class that stands for no label
	// ZeroInfinity makes the loss of what is impossible (an input too short
	// for its labels) 0, with zero gradient, instead of +Inf.
	ZeroInfinity bool
	// Reduction: ReduceMean divides each loss by the length of its labels (at
	// least 1) before it averages over the batch.
	Reduction Reduction
}

// Loss compares logits [batch, time, classes] with what each sequence is to
// spell. With ReduceNone the result is [batch].
func (c CTCLoss) Loss(logits tensor.Tensor, s Spelling) tensor.Tensor {
	l := logits.CTC(tensor.CTCTargets{Labels: s.Labels, LabelLengths: s.LabelLengths, InputLengths: s.InputLengths,
		Blank: c.Blank, ZeroInfinity: c.ZeroInfinity})
	if c.Reduction != ReduceMean {
		return c.Reduction.apply(l)
	}
	t, batch := logits.Tape(), l.Dim(0)
	w := t.Scratch(batch)
	for b := range w {
		n := int32(s.Labels.Dims()[1])
		if len(s.LabelLengths.Data) > 0 {
			n = s.LabelLengths.Data[b]
		}
		w[b] = 1 / float32(max(n, 1))
	}
	return c.Reduction.apply(l.Mul(t.Input(w, batch)))
}

// CTCGreedy decodes logits [batch, time, classes] along the best path (Graves
// et al. 2006): it takes the most likely class of each step, merges repetitions
// and then removes blanks. lengths [batch] are the inputs' true lengths; empty:
// all. It writes the labels of sequence i to dst[i], whose memory it uses
// again, and grows dst to the batch. It panics with a *tensor.ShapeError when
// shapes or lengths do not fit.
func CTCGreedy(dst [][]int32, logits tensor.Tensor, lengths tensor.Ints, blank int) [][]int32 {
	const op = "CTCGreedy"
	if logits.Rank() != 3 {
		lossShape(op, "logits must be [batch, time, classes]", logits.Dims())
	}
	batch, time := logits.Dim(0), logits.Dim(1)
	if n := len(lengths.Data); n > 0 && n != batch {
		lossShape(op, fmt.Sprintf("%d lengths for a batch of %d sequences", n, batch), logits.Dims(), lengths.Dims())
	}
	for b, n := range lengths.Data {
		if n < 0 || int(n) > time {
			lossShape(op, fmt.Sprintf("length %d of sequence %d is outside of 0…%d", n, b, time), logits.Dims(), lengths.Dims())
		}
	}
	best := logits.ArgMax(-1)
	for len(dst) < batch {
		dst = append(dst, nil)
	}
	dst = dst[:batch]
	for b := range dst {
		n := time
		if len(lengths.Data) > 0 {
			n = int(lengths.Data[b])
		}
		labels, last := dst[b][:0], int32(blank)
		for _, k := range best.Data[b*time:][:n] {
			if k != last && k != int32(blank) {
				labels = append(labels, k)
			}
			last = k
		}
		dst[b] = labels
	}
	return dst
}
