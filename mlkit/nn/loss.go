package nn

import (
	"fmt"
	"math"

	"descent/mlkit/tensor"
)

// Reduction says how a loss becomes one number.
type Reduction uint8

const (
	// ReduceMean is the mean: over all elements, or over the rows of losses
	// that give one number a row, where class weights weigh the rows.
	ReduceMean Reduction = iota
	ReduceSum
	// ReduceNone leaves the losses as they are.
	ReduceNone
	// ReduceBatchMean is the sum divided by the length of the first axis:
	// PyTorch's "batchmean", what KLDivLoss needs to be a divergence.
	ReduceBatchMean
)

func (r Reduction) apply(l tensor.Tensor) tensor.Tensor {
	switch r {
	case ReduceSum:
		return l.Sum()
	case ReduceNone:
		return l
	case ReduceBatchMean:
		if l.Rank() == 0 {
			return l
		}
		recordMean(l.Tape(), float64(l.Dim(0)))
		return l.Sum().Scale(1 / float32(l.Dim(0)))
	}
	recordMean(l.Tape(), float64(l.Size()))
	return l.Mean()
}

// recordMean notes that a loss was divided by weight, for those who put the
// means of several batches together (package train).
func recordMean(t *tensor.Tape, weight float64) {
	t.RecordMean(tensor.Mean{Weight: weight, Divisor: weight})
}

// WeightedMean is Σ w·l / Σ w of losses l and weights w of the same shape:
// weights of samples, or a mask that is 0 for padding. NaN where all weights
// are 0. No gradient flows into the weights. A loss made with it trains in
// pieces (train.Config.Accumulate, MicroBatch) as it does in one.
func WeightedMean(l, w tensor.Tensor) tensor.Tensor {
	sameShape("WeightedMean", l, w)
	w = w.Detach()
	total := 0.0
	for _, v := range w.Data() {
		total += float64(v)
	}
	recordMean(l.Tape(), total)
	return l.Mul(w).Sum().Scale(float32(1 / total)) // 0·Inf = NaN when nothing counts
}

// sameShape guards losses against silent broadcasting: [n] against [n, 1]
// would compare every prediction with every target.
func sameShape(op string, a, b tensor.Tensor) {
	da, db := a.Dims(), b.Dims()
	same := len(da) == len(db)
	for i := 0; same && i < len(da); i++ {
		same = da[i] == db[i]
	}
	if !same {
		lossShape(op, "prediction and target must have the same shape (no broadcasting: it would compare every row with every row)", da, db)
	}
}

func lossShape(op, why string, dims ...[]int) {
	e := &tensor.ShapeError{Op: op, Why: why}
	for _, d := range dims {
		e.Shapes = append(e.Shapes, append([]int{}, d...))
	}
	panic(e)
}

// checkTargets panics where a target is not what a loss is defined for, low to
// high: the loss would fall without end or say something else. A rounding
// error is allowed, and NaN makes the loss NaN.
func checkTargets(op string, target tensor.Tensor, low, high float32) {
	const rounding = 1e-5
	for i, y := range target.Data() {
		if y < low-rounding || y > high+rounding {
			lossShape(op, fmt.Sprintf("target %v at element %d: must lie in %v…%v", y, i, low, high), target.Dims())
		}
	}
}

// checkSigns panics where a target is neither −1 nor 1.
func checkSigns(op string, target tensor.Tensor) {
	for i, y := range target.Data() {
		if y != 1 && y != -1 {
			lossShape(op, fmt.Sprintf("target %v at element %d: must be −1 or 1", y, i), target.Dims())
		}
	}
}

// checkFinite panics where a weight would turn a loss around or make it NaN.
func checkFinite(op string, w []float32) {
	for i, v := range w {
		if !(v >= 0 && v <= math.MaxFloat32) {
			lossShape(op, fmt.Sprintf("weight %d is %v: must be finite and at least 0", i, v), []int{len(w)})
		}
	}
}

// checkSetting panics where a number of a loss is out of its range.
func checkSetting(op, name string, v float32, ok bool, want string) {
	if !ok {
		panic(fmt.Sprintf("nn: %s: %s is %v, must be %s", op, name, v, want))
	}
}

// pointwise makes a loss of a function of two numbers that also gives its
// derivatives. It computes in float64: for losses whose float32 form cancels.
func pointwise(name string, f func(x, y float64) (v, dx, dy float64)) func(x, y tensor.Tensor) tensor.Tensor {
	g := pointwiseWith(name, func(x, y, _ float64) (v, dx, dy float64) { return f(x, y) })
	return func(x, y tensor.Tensor) tensor.Tensor { return g(x, y, 0) }
}

// pointwiseWith is pointwise for a loss with a parameter p.
func pointwiseWith(name string,
	f func(x, y, p float64) (v, dx, dy float64)) func(x, y tensor.Tensor, p float32) tensor.Tensor {
	op := tensor.NewOp(name, func(b tensor.Back) {
		x, y, gx, gy, p := b.X(0), b.X(1), b.DX(0), b.DX(1), float64(b.Saved(0)[0])
		for i, g := range b.DY() {
			_, dx, dy := f(float64(x[i]), float64(y[i]), p)
			if gx != nil {
				gx[i] += g * float32(dx)
			}
			if gy != nil {
				gy[i] += g * float32(dy)
			}
		}
	})
	return func(x, y tensor.Tensor, p float32) tensor.Tensor {
		sameShape(name, x, y)
		out, saved := x.Tape().Scratch(x.Size()), x.Tape().Scratch(1)
		saved[0] = p
		b := y.Data()
		for i, a := range x.Data() {
			v, _, _ := f(float64(a), float64(b[i]), float64(p))
			out[i] = float32(v)
		}
		return op.Apply(out, x.Dims(), []tensor.Tensor{x, y}, saved)
	}
}
