package data

import (
	"fmt"

	"descent/mlkit/tensor"
)

// NextTokens is what a language model learns from: windows of length ids of a
// text, one every stride ids, each with the ids that follow its own as labels:
// IDs [n, length], Labels [n, length]. ids is not copied. It panics when length
// or stride is below 1. A text of no more than length ids has no window.
func NextTokens(ids []int32, length, stride int) Dataset {
	if length < 1 || stride < 1 {
		panic(fmt.Sprintf("data: NextTokens: windows of %d ids, one every %d; both must be at least 1", length, stride))
	}
	return &nextTokens{ids, length, stride}
}

type nextTokens struct {
	ids            []int32
	length, stride int
}

func (s *nextTokens) Len() int {
	if len(s.ids) <= s.length {
		return 0
	}
	return (len(s.ids)-1-s.length)/s.stride + 1
}

func (s *nextTokens) Batch(index []int, b *Batch) error {
	b.ResetTokens(index, s.length)
	b.Labels = resize(b.Labels, len(b.IDs))
	b.LabelsDims = append(b.LabelsDims, s.length)
	for k, i := range index {
		if err := checkIndex(i, s.Len()); err != nil {
			return err
		}
		at := i * s.stride
		copy(b.IDs[k*s.length:(k+1)*s.length], s.ids[at:])
		copy(b.Labels[k*s.length:(k+1)*s.length], s.ids[at+1:])
	}
	return nil
}

// DecoderInput is what a decoder reads while it learns to write the labels [n,
// length] (teacher forcing, Williams & Zipser 1989): start, and then each label
// but the last. Padding, −1 in labels, is 0 here. The memory is the tape's.
func (b Batch) DecoderInput(t *tensor.Tape, start int32) tensor.Ints {
	if len(b.LabelsDims) != 2 {
		panic(fmt.Sprintf("data: DecoderInput: labels of %v are not one sequence a sample", b.LabelsDims))
	}
	n, length := b.LabelsDims[0], b.LabelsDims[1]
	in := t.ScratchInts(n * length)
	for k := range n {
		last := start
		for j := range length {
			in[k*length+j] = max(last, 0)
			last = b.Labels[k*length+j]
		}
	}
	return tensor.NewInts(in, n, length)
}
