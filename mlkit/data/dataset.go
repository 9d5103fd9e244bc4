package data

import (
	"fmt"

	"descent/mlkit/tensor"
)

// A Batch is some samples of a supervised problem: features X [n, ...] or token
// ids IDs [n, ...], and targets Y [n, ...] or Labels [n]. Its memory is the
// loader's and is filled again by the next batch.
type Batch struct {
	// Index tells which samples these are.
	Index []int
	// Epoch is the epoch they are for: what changes samples at random
	// (augmentation) draws from the epoch and the index.
	Epoch int

	X     []float32 // nil where the input is tokens
	XDims []int     // with the batch axis first

	// IDs are the input where it is tokens: [n, longest], 0 beyond the end of a
	// shorter sequence (the padding of package text).
	IDs     []int32
	IDsDims []int

	Y     []float32 // nil where there are only labels
	YDims []int

	Labels     []int32 // nil where there are only targets
	LabelsDims []int   // [n] unless a data set says otherwise (a label a pixel)

	// Of sequences of different lengths, padded at their end: the true lengths
	// [n] of the rows of X or IDs, and of the rows of labels where they are
	// sequences, too. nil where all are full.
	Lengths      []int32
	LabelLengths []int32

	// Working memory of data sets made of others.
	other *Batch
	local [1]int
	draw  *drawing
}

// second is another batch of the same epoch, for a data set that needs more
// samples than it returns.
func (b *Batch) second() *Batch {
	if b.other == nil {
		b.other = &Batch{}
	}
	b.other.Epoch = b.Epoch
	return b.other
}

// Len is the number of samples.
func (b Batch) Len() int { return len(b.Index) }

// Input puts the features on a tape.
func (b *Batch) Input(t *tensor.Tape) tensor.Tensor {
	if b.IDs != nil {
		panic("data: this batch has token ids, no features: use Tokens (train.Supervised does, for a model that begins with an nn.Embedding)")
	}
	return t.Input(b.X, b.XDims...)
}

// Tokens are the token ids of the input.
func (b *Batch) Tokens() tensor.Ints {
	if b.IDs == nil {
		panic("data: this batch has features, no token ids: use Input")
	}
	return tensor.NewInts(b.IDs, b.IDsDims...)
}

// Target puts the targets on a tape.
func (b *Batch) Target(t *tensor.Tape) tensor.Tensor {
	if b.Y == nil {
		panic("data: this batch has labels, no targets: use a loss of (logits, labels)")
	}
	return t.Input(b.Y, b.YDims...)
}

// Ints are the labels.
func (b *Batch) Ints() tensor.Ints {
	if b.Labels == nil {
		panic("data: this batch has targets, no labels: use a loss of (prediction, target)")
	}
	return tensor.NewInts(b.Labels, b.LabelsDims...)
}

// InputLengths are the true lengths of the rows of X or IDs; no Ints where all
// are full, which is what recurrent layers and CTC take for that.
func (b *Batch) InputLengths() tensor.Ints { return lengthInts(b.Lengths) }

// TargetLengths are the true lengths of the rows of labels, in the same way.
func (b *Batch) TargetLengths() tensor.Ints { return lengthInts(b.LabelLengths) }

func lengthInts(n []int32) tensor.Ints {
	if n == nil {
		return tensor.Ints{}
	}
	return tensor.NewInts(n, len(n))
}

// Split makes dst part k of n of the batch, by rows. The parts share the
// batch's memory, differ by at most one row, and may be empty.
func (b Batch) Split(dst *Batch, k, n int) {
	rows := b.Len()
	lo, hi := rows*k/n, rows*(k+1)/n
	dst.Index, dst.Epoch = b.Index[lo:hi], b.Epoch
	dst.X, dst.XDims = cutRows(b.X, lo, hi, rows), cutDims(dst.XDims, b.XDims, hi-lo)
	dst.IDs, dst.IDsDims = cutRows(b.IDs, lo, hi, rows), cutDims(dst.IDsDims, b.IDsDims, hi-lo)
	dst.Y, dst.YDims = cutRows(b.Y, lo, hi, rows), cutDims(dst.YDims, b.YDims, hi-lo)
	dst.Labels, dst.LabelsDims = cutRows(b.Labels, lo, hi, rows), cutDims(dst.LabelsDims, b.LabelsDims, hi-lo)
	dst.Lengths, dst.LabelLengths = cutRows(b.Lengths, lo, hi, rows), cutRows(b.LabelLengths, lo, hi, rows)
}

func cutRows[T any](x []T, lo, hi, rows int) []T {
	if x == nil {
		return nil
	}
	w := len(x) / rows
	return x[lo*w : hi*w]
}

func cutDims(dst, dims []int, n int) []int {
	dst = append(dst[:0], dims...)
	if len(dst) > 0 {
		dst[0] = n
	}
	return dst
}

// Reset makes room for the samples at index and sets the dimensions: x and y
// are the dimensions of one sample, y nil for labels only. It keeps memory
// that is large enough. Data sets call it first; ResetTokens is for tokens.
func (b *Batch) Reset(index []int, x, y []int, labels bool) {
	n := len(index)
	b.Index = append(b.Index[:0], index...)
	b.Lengths, b.LabelLengths = nil, nil
	b.IDs, b.IDsDims = nil, b.IDsDims[:0]
	b.XDims = append(append(b.XDims[:0], n), x...)
	b.X = resize(b.X, n*tensor.SizeOf(x))
	if y != nil {
		b.YDims = append(append(b.YDims[:0], n), y...)
		b.Y = resize(b.Y, n*tensor.SizeOf(y))
	} else {
		b.Y, b.YDims = nil, nil
	}
	if labels {
		b.Labels = resize(b.Labels, n)
		b.LabelsDims = append(b.LabelsDims[:0], n)
	} else {
		b.Labels, b.LabelsDims = nil, nil
	}
}

// ResetTokens is Reset for samples of length token ids each, with labels.
func (b *Batch) ResetTokens(index []int, length int) {
	kept, dims := b.IDs, b.IDsDims
	if kept == nil {
		kept = []int32{} // not nil, which means features
	}
	b.Reset(index, nil, nil, true)
	b.X, b.XDims = nil, b.XDims[:0]
	b.IDs, b.IDsDims = resize(kept, len(index)*length), append(dims[:0], len(index), length)
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// A Dataset is numbered samples. Batch may be called by several goroutines at
// once, each with a batch of its own.
type Dataset interface {
	Len() int
	// Batch fills b with the samples at index, in that order.
	Batch(index []int, b *Batch) error
}

// FromSlices makes a data set of rows that lie one after the other in x and y
// (neither is copied); xdims and ydims are the dimensions of one row, none for
// one number. It panics when the lengths do not fit.
func FromSlices(x []float32, xdims []int, y []float32, ydims []int) Dataset {
	n := rows("FromSlices", x, xdims)
	if len(y) != n*tensor.SizeOf(ydims) {
		panic(fmt.Sprintf("data: FromSlices: %d rows in x, but %d elements of y are not %d rows of %v", n, len(y), n, ydims))
	}
	if ydims == nil {
		ydims = []int{} // one number a row, not no targets
	}
	return &rowSet{x: x, xdims: xdims, y: y, ydims: ydims, n: n}
}

// FromLabels makes a data set of rows of x with one label each.
func FromLabels(x []float32, xdims []int, labels []int32) Dataset {
	if n := rows("FromLabels", x, xdims); n != len(labels) {
		panic(fmt.Sprintf("data: FromLabels: %d rows, but %d labels", n, len(labels)))
	}
	return &rowSet{x: x, xdims: xdims, labels: labels, n: len(labels)}
}

func rows(op string, x []float32, dims []int) int {
	size := tensor.SizeOf(dims)
	if size <= 0 || len(x)%size != 0 {
		panic(fmt.Sprintf("data: %s: %d elements are not whole rows of %v", op, len(x), dims))
	}
	return len(x) / size
}

type rowSet struct {
	x, y         []float32
	xdims, ydims []int
	labels       []int32
	n            int
}

func (s *rowSet) Len() int { return s.n }

func (s *rowSet) Batch(index []int, b *Batch) error {
	b.Reset(index, s.xdims, s.ydims, s.labels != nil)
	err := gather(b.X, s.x, index, s.n)
	switch {
	case err != nil:
		return err
	case s.labels != nil:
		return gather(b.Labels, s.labels, index, s.n)
	}
	return gather(b.Y, s.y, index, s.n)
}

// gather copies the rows of src, which has n, that index names to dst, which
// they fill.
func gather[T any](dst, src []T, index []int, n int) error {
	if len(index) == 0 {
		return nil
	}
	w := len(dst) / len(index)
	if w == 1 { // a call of copy would cost more
		src, dst = src[:n], dst[:len(index)]
		for k, i := range index {
			if uint(i) >= uint(len(src)) {
				return checkIndex(i, n)
			}
			dst[k] = src[i]
		}
		return nil
	}
	for k, i := range index {
		if uint(i) >= uint(n) {
			return checkIndex(i, n)
		}
		copy(dst[k*w:(k+1)*w], src[i*w:])
	}
	return nil
}
