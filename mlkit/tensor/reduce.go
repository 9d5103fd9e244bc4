package tensor

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// Reductions work over the given axes, or over all of them when none is given,
// and drop those axes: x of shape [2, 3, 4] has x.Sum(1) of shape [2, 4] and
// x.Sum() of shape []. To keep the axes, with length 1, call Unsqueeze with the
// same ones: x.Sub(x.Mean(-1).Unsqueeze(-1)).
//
// Sums of many terms are taken in blocks, so that a mean over a million rows
// has as many digits as one over a hundred. The bits do not depend on the
// number of workers.

// Sum adds up; 0 for no elements.
func (x Tensor) Sum(axes ...int) Tensor {
	y, n, w := x.reduction("Sum", axes, backSum)
	sumRuns(n.data, x.t.operand(n, 0), &w)
	return y
}

func backSum(t *Tape, n *node) {
	w := t.reduced(n)
	g, acc := t.gradBuffer(n, 0)
	repeatRuns(g, n.grad, &w, acc)
}

// Mean is the average; NaN for no elements.
func (x Tensor) Mean(axes ...int) Tensor {
	y, n, w := x.reduction("Mean", axes, backMean)
	data := x.t.operand(n, 0)
	sumRuns(n.data, data, &w)
	r := n.kept.(*reduced)
	r.divisor = float32(len(data)) / float32(len(n.data)) // elements in each mean
	divide(n.data, r.divisor)
	return y
}

func backMean(t *Tape, n *node) {
	divide(n.grad, n.kept.(*reduced).divisor)
	backSum(t, n)
}

func divide(x []float32, by float32) {
	for i := range x {
		x[i] /= by
	}
}

// Var is the variance: the sum of squared deviations from the mean, divided by
// the number of elements less correction: 0 for the variance of the values
// themselves (as batch normalisation has it), 1 for the unbiased estimate
// (PyTorch's default). Like PyTorch it gives NaN or Inf when that divisor is 0.
func (x Tensor) Var(correction int, axes ...int) Tensor {
	y, n, w := x.reduction("Var", axes, backVar)
	data := x.t.operand(n, 0)
	mean := x.t.floats.zeroed(len(n.data))
	sumRuns(mean, data, &w)
	count := float32(len(data)) / float32(len(mean))
	divide(mean, count)
	r := n.kept.(*reduced)
	r.mean, r.divisor = mean, max(count-float32(correction), 0)
	tmp := x.t.floats.reuse(w.run())
	w.sum(n.data, false, func(y []float32, o odometer, y0 int) {
		for ; o.more; o.next() {
			minus(tmp, data[o.a:o.a+o.run], part(mean, o.b, o.run, o.incB))
			addSquares(part(y, o.b-y0, o.run, o.incB), tmp)
		}
	})
	x.t.floats.recycle(tmp)
	divide(n.data, r.divisor)
	return y
}

func backVar(t *Tape, n *node) { // d/dx = 2(x − mean)/(count − correction)
	w := t.reduced(n)
	x, g := t.operand(n, 0), t.gradOf(n, 0)
	r := n.kept.(*reduced)
	elementwise.Scale(n.grad, n.grad, 2/r.divisor)
	tmp := t.floats.reuse(w.run())
	for o := w.start(); o.more; o.next() {
		xs, ms, ds, _ := o.pair(x, r.mean, n.grad)
		minus(tmp, xs, ms)
		addScaled(g[o.a:o.a+o.run], tmp, ds)
	}
	t.floats.recycle(tmp)
}

// Norm is the Euclidean norm √Σx². Its gradient at the zero vector is taken as
// 0. (x.Abs().Sum() is the 1-norm, x.Abs().Max() the ∞-norm.)
func (x Tensor) Norm(axes ...int) Tensor {
	y, n, w := x.reduction("Norm", axes, backNorm)
	data := x.t.operand(n, 0)
	w.sum(n.data, false, func(y []float32, o odometer, y0 int) {
		for ; o.more; o.next() {
			addSquares(part(y, o.b-y0, o.run, o.incB), data[o.a:o.a+o.run])
		}
	})
	elementwise.Sqrt(n.data, n.data)
	return y
}

func backNorm(t *Tape, n *node) { // dx = dy·x/y
	w := t.reduced(n)
	x, g := t.operand(n, 0), t.gradOf(n, 0)
	for i, y := range n.data {
		if y == 0 {
			n.grad[i] = 0
		} else {
			n.grad[i] /= y
		}
	}
	for o := w.start(); o.more; o.next() {
		xs, ds, _, _ := o.pair(x, n.grad, n.grad)
		addScaled(g[o.a:o.a+o.run], xs, ds)
	}
}

// Max is the largest element, NaN if any is NaN. Several equal maxima share the
// gradient evenly (PyTorch's amax). It panics where there are no elements.
func (x Tensor) Max(axes ...int) Tensor { return x.extreme("Max", 1, axes) }

// Min is the smallest element. Otherwise it is like Max.
func (x Tensor) Min(axes ...int) Tensor { return x.extreme("Min", -1, axes) }

func (x Tensor) extreme(op string, sign float32, axes []int) Tensor {
	y, n, w := x.reduction(op, axes, backExtreme)
	data := x.t.operand(n, 0)
	if len(data) == 0 && len(n.data) > 0 {
		shapePanic(op, 0, "no elements, so none is extreme", x)
	}
	extremeRuns(x.t, n.data, data, &w, sign)
	return y
}

// extremeRuns computes the largest (sign 1) or smallest (−1) elements.
func extremeRuns(t *Tape, y, x []float32, w *walk, sign float32) {
	of := elementwise.Max2
	if sign < 0 {
		of = elementwise.Min2
	}
	elementwise.Fill(y, -sign*float32(math.Inf(1)))
	tmp := t.floats.reuse(w.run())
	for o := w.start(); o.more; o.next() {
		xs, ys, _, step := o.pair(x, y, y)
		if step == 0 {
			xs = fold(tmp, xs, of)
		}
		of(ys, ys, xs)
	}
	t.floats.recycle(tmp)
}

// fold brings the extreme element of x to the front of tmp, by halves, and
// returns it: twice the work of a loop, in vectors.
func fold(tmp, x []float32, of func(dst, a, b []float32)) []float32 {
	for len(x) > 1 {
		half := (len(x) + 1) / 2 // of an odd number, the middle one is in both
		of(tmp[:half], x[:half], x[len(x)-half:])
		x = tmp[:half]
	}
	return x
}

func backExtreme(t *Tape, n *node) {
	w := t.reduced(n)
	x, g := t.operand(n, 0), t.gradOf(n, 0)
	ties := t.floats.zeroed(len(n.data))
	for o := w.start(); o.more; o.next() {
		xs, ys, cs, step := o.pair(x, n.data, ties)
		for j, v := range xs {
			if v == ys[j*step] {
				cs[j*step]++
			}
		}
	}
	elementwise.Div(n.grad, n.grad, ties)
	for o := w.start(); o.more; o.next() {
		xs, ys, ds, step := o.pair(x, n.data, n.grad)
		for j, v := range xs {
			if v == ys[j*step] {
				g[o.a+j] += ds[j*step]
			}
		}
	}
	t.floats.recycle(ties)
}

// LogSumExp is log Σeˣ, without overflow and, next to 0, without loss of
// digits: the largest element is taken out first.
func (x Tensor) LogSumExp(axes ...int) Tensor {
	y, n, w := x.reduction("LogSumExp", axes, backLogSumExp)
	t, data := x.t, x.t.operand(n, 0)
	top := t.floats.take(len(n.data))
	extremeRuns(t, top, data, &w, 1)
	for i, v := range top {
		if math.IsInf(float64(v), 0) { // ∞ − ∞ is no number
			top[i] = 0
		}
	}
	tmp := t.floats.reuse(w.run())
	w.sum(n.data, false, func(y []float32, o odometer, y0 int) {
		for ; o.more; o.next() {
			minus(tmp, data[o.a:o.a+o.run], part(top, o.b, o.run, o.incB))
			elementwise.Exp(tmp, tmp)
			gather(part(y, o.b-y0, o.run, o.incB), tmp)
		}
	})
	t.floats.recycle(tmp)
	elementwise.Log(n.data, n.data)
	elementwise.Add(n.data, n.data, top)
	t.logSumExpNearZero(n.data, data, top, &w)
	return y
}

// logSumExpNearZero computes results next to 0 once more, without the 1 that
// the largest element adds to the sum and that drowns the others: the result of
// 0 and −20 is 2e-9.
func (t *Tape) logSumExpNearZero(y, x, top []float32, w *walk) {
	near := func(k int) bool { return max(y[k], -y[k], top[k], -top[k]) < 1.0/64 }
	any := false
	for k := range y {
		any = any || near(k)
	}
	if !any {
		return
	}
	largest, others := t.floats.zeroed(len(y)), t.floats.zeroed(len(y)) // how many; Σ e^(x−top)
	for o := w.start(); o.more; o.next() {
		for j, v := range x[o.a : o.a+o.run] {
			k := o.b
			if o.incB {
				k += j
			}
			switch {
			case !near(k):
			case v == top[k]:
				largest[k]++
			default:
				others[k] += float32(math.Exp(float64(v - top[k])))
			}
		}
	}
	for k := range y {
		if near(k) && largest[k] > 0 {
			n := float64(largest[k])
			y[k] = float32(float64(top[k]) + math.Log(n) + math.Log1p(float64(others[k])/n))
		}
	}
}

func backLogSumExp(t *Tape, n *node) { // dx = dy·e^(x−y), the softmax
	w := t.reduced(n)
	x, g := t.operand(n, 0), t.gradOf(n, 0)
	tmp := t.floats.reuse(w.run())
	for o := w.start(); o.more; o.next() {
		xs, ys, ds, _ := o.pair(x, n.data, n.grad)
		minus(tmp, xs, ys)
		elementwise.Exp(tmp, tmp)
		addScaled(g[o.a:o.a+o.run], tmp, ds)
	}
	t.floats.recycle(tmp)
}

// ArgMax gives the places of the largest elements along an axis, which the
// result lacks. Of several largest elements it is the first; a NaN counts as
// the largest. The ids live until Reset.
func (x Tensor) ArgMax(axis int) Ints {
	n := x.node("ArgMax")
	a := n.axis("ArgMax", axis)
	outer, length, inner := n.around(a)
	if length == 0 {
		shapePanic("ArgMax", a, fmt.Sprintf("axis %d has no elements", a), x)
	}
	_, s := n.without(1 << a)
	ids := x.t.ints.take(outer * inner)
	column := x.t.floats.reuse(length)
	for k := range ids {
		at := k/inner*length*inner + k%inner
		run := column
		if inner == 1 {
			run = n.data[at : at+length]
		} else {
			for i := range column {
				column[i] = n.data[at+i*inner]
			}
		}
		ids[k] = int32(rowwise.ArgMax(run))
	}
	x.t.floats.recycle(column)
	return Ints{ids, s}
}

// reduction records a reduction whose result starts as zeros, and plans the
// walk over x (operand a) beside the result (operand b). The pointer is valid
// until the next operation.
func (x Tensor) reduction(op string, axes []int, back func(*Tape, *node)) (Tensor, *node, walk) {
	in := x.node(op)
	set := in.axes(op, axes)
	_, out := in.without(set)
	w := in.reductionWalk(set)
	data := x.t.floats.zeroed(out.size())
	y, n := x.t.push(op)
	n.data, n.shape = data, out
	reductions.lend(x.t, n).axes = set
	n.record(x.t, back, x.i)
	return y, n, w
}

// reduced is what reductions keep: the set of axes, what means and variances
// were divided by, and the means of variances.
type reduced struct {
	axes    uint
	divisor float32
	mean    []float32
}

var reductions = newKeeper[reduced]()

// reduced is reduction's walk once more.
func (t *Tape) reduced(n *node) walk {
	return t.nodes[n.in[0]].reductionWalk(n.kept.(*reduced).axes)
}

func (s *shape) reductionWalk(set uint) (w walk) {
	if set == 1<<s.n-1 { // a loss
		w.n, w.d[0], w.sa[0] = 1, s.size(), 1
		return w
	}
	kept, _ := s.without(set)
	_, w, _ = broadcast(s, &kept)
	return w
}

// pair gives a run of operand a and what goes with it of two arrays laid out
// like b: element j of the run goes with element j·step of those.
func (o *odometer) pair(a, b, c []float32) (as, bs, cs []float32, step int) {
	if o.incB {
		step = 1
	}
	return a[o.a : o.a+o.run], part(b, o.b, o.run, o.incB), part(c, o.b, o.run, o.incB), step
}

// minus computes x − s of a run, where s is as long or one number.
func minus(dst, x, s []float32) {
	if len(s) == len(x) {
		elementwise.Sub(dst, x, s)
	} else {
		elementwise.AddScalar(dst, x, -s[0])
	}
}

// addScaled adds x∘s to a run of g, where s is as long or one number.
func addScaled(g, x, s []float32) {
	if len(s) == len(x) {
		elementwise.MulAdd(g, x, s)
	} else {
		elementwise.Axpy(g, s[0], x)
	}
}

// addSquares adds x² to a run of y, or their sum to one number.
func addSquares(y, x []float32) {
	if len(y) == len(x) {
		elementwise.MulAdd(y, x, x)
	} else {
		y[0] += rowwise.SumSquares(x)
	}
}

// sumRuns computes the sums of x, laid out like operand a of the walk, in dst,
// zeros laid out like operand b, which repeats.
func sumRuns(dst, x []float32, w *walk) {
	run, last := w.run(), w.n-1
	switch {
	case len(x) == 0:
	case last == 1 && w.sb[1] == 0: // the sums of rows
		rowwise.SumRows(dst, x, run)
	case last == 1: // of columns
		rowwise.AddRowsWide(dst, x, w.d[0], w.sa[0])
	case last == 2 && w.sb[1] == 0: // of the columns of matrices
		for k := range w.d[0] {
			rowwise.AddRowsWide(dst[k*run:(k+1)*run], x[k*w.sa[0]:], w.d[1], w.sa[1])
		}
	default:
		w.sum(dst, false, func(dst []float32, o odometer, dst0 int) {
			for ; o.more; o.next() {
				gather(part(dst, o.b-dst0, o.run, o.incB), x[o.a:o.a+o.run])
			}
		})
	}
}

// repeatRuns is the other way: it writes x, like b, to dst, like a, or adds it.
func repeatRuns(dst, x []float32, w *walk, accumulate bool) {
	for o := w.start(); o.more; o.next() {
		d, v := dst[o.a:o.a+o.run], part(x, o.b, o.run, o.incB)
		switch {
		case accumulate && o.incB:
			elementwise.Add(d, d, v)
		case accumulate:
			elementwise.AddScalar(d, d, v[0])
		case o.incB:
			copy(d, v)
		default:
			elementwise.Fill(d, v[0])
		}
	}
}
