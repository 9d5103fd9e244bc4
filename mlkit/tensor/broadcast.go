package tensor

import (
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// binary describes an element-wise operation of two operands. Each function
// works on a run of elements in which an operand either advances with the
// result or stands still (stride 0); the runs come from a walk over the
// broadcast shape.
type binary struct {
	name string
	// forward: both advance; only a does, b is one number; only b does.
	vv func(dst, a, b []float32)
	vs func(dst, a []float32, b float32)
	sv func(dst []float32, a float32, b []float32)
	// da and db write dL/da and dL/db of a run to dst, given dy and the run's
	// operands, each of the run's length or of length 1. They may return one
	// of their arguments instead of writing dst.
	da, db  func(dst, dy, a, b []float32) []float32
	passes  bool // dL/da is dy as it stands
	product bool // dL/da is dy·b and dL/db is dy·a
}

// walk is the plan of a broadcast: the result's axes, merged where both
// operands move alike, with each operand's stride on them.
type walk struct {
	n      int
	d      [MaxRank]int
	sa, sb [MaxRank]int
}

// broadcast aligns two shapes at their last axes; an axis of length 1 repeats
// (NumPy's rule). ok is false when they do not fit.
func broadcast(a, b *shape) (out shape, w walk, ok bool) {
	if *a == *b { // by far the commonest case, where small networks feel each step
		w.n, w.d[0], w.sa[0], w.sb[0] = 1, a.size(), 1, 1
		return *a, w, true
	}
	out.n = max(a.n, b.n)
	ca, cb := 1, 1 // strides, growing from the last axis
	// Built from the last axis outwards, reversed at the end.
	for k := 1; k <= out.n; k++ {
		da, db := 1, 1
		if k <= a.n {
			da = a.d[a.n-k]
		}
		if k <= b.n {
			db = b.d[b.n-k]
		}
		d := da
		if da == 1 {
			d = db
		}
		if (da != d && da != 1) || (db != d && db != 1) {
			return out, w, false
		}
		out.d[out.n-k] = d
		sa, sb := ca, cb
		if da == 1 {
			sa = 0
		}
		if db == 1 {
			sb = 0
		}
		ca, cb = ca*da, cb*db
		if d == 1 {
			continue
		}
		if w.n > 0 {
			// Merge with the axis inside of it when both operands step on
			// from where that one ends, or both stand still.
			in := w.n - 1
			if mergeable(sa, w.sa[in], w.d[in]) && mergeable(sb, w.sb[in], w.d[in]) {
				w.d[in] *= d
				continue
			}
		}
		w.d[w.n], w.sa[w.n], w.sb[w.n] = d, sa, sb
		w.n++
	}
	if w.n == 0 {
		w.n, w.d[0] = 1, 1
		w.sa[0], w.sb[0] = 1, 1
	}
	for i, j := 0, w.n-1; i < j; i, j = i+1, j-1 {
		w.d[i], w.d[j] = w.d[j], w.d[i]
		w.sa[i], w.sa[j] = w.sa[j], w.sa[i]
		w.sb[i], w.sb[j] = w.sb[j], w.sb[i]
	}
	return out, w, true
}

func mergeable(outer, inner, length int) bool {
	return outer == inner*length
}

// odometer steps through the outer axes of a walk; the last axis is the run.
type odometer struct {
	walk
	at         [MaxRank]int
	a, b, y    int // offsets of the current run
	run        int
	more       bool
	incA, incB bool // whether an operand advances within a run
}

// run is the length of the walk's runs.
func (w *walk) run() int { return w.d[w.n-1] }

func (w *walk) start() odometer {
	last := w.n - 1
	o := odometer{walk: *w, run: w.d[last], more: true, incA: w.sa[last] != 0, incB: w.sb[last] != 0}
	for _, d := range w.d[:w.n] {
		if d == 0 {
			o.more = false
		}
	}
	return o
}

func (o *odometer) next() {
	o.y += o.run
	for k := o.n - 2; k >= 0; k-- {
		o.at[k]++
		o.a += o.sa[k]
		o.b += o.sb[k]
		if o.at[k] < o.d[k] {
			return
		}
		o.a -= o.sa[k] * o.d[k]
		o.b -= o.sb[k] * o.d[k]
		o.at[k] = 0
	}
	o.more = false
}

// part is the run's share of an operand: run elements, or one.
func part(x []float32, off, run int, advances bool) []float32 {
	if advances {
		return x[off : off+run]
	}
	return x[off : off+1]
}

// apply computes and records a broadcasting operation.
func (op *binary) apply(a, b Tensor) Tensor {
	na, nb := a.node(op.name), b.node(op.name)
	sameTape(op.name, a, b)
	t := a.t
	out, w, ok := broadcast(&na.shape, &nb.shape)
	if !ok {
		shapePanic(op.name, 0, "shapes do not broadcast: aligned at their last axes, each pair of lengths must be equal or contain a 1", a, b)
	}
	if out != na.shape && out != nb.shape { // both repeat: the result may be huge
		out = makeShape(op.name, out.dims())
	}
	xa, xb := na.data, nb.data
	y := t.floats.take(out.size())
	for o := w.start(); o.more; o.next() {
		dst := y[o.y : o.y+o.run]
		switch {
		case o.incA && o.incB:
			op.vv(dst, xa[o.a:o.a+o.run], xb[o.b:o.b+o.run])
		case o.incA:
			op.vs(dst, xa[o.a:o.a+o.run], xb[o.b])
		default:
			op.sv(dst, xa[o.a], xb[o.b:o.b+o.run])
		}
	}
	res, n := t.push(op.name)
	n.data, n.shape, n.kept = y, out, op
	if op.da != nil { // a comparison has no gradient
		n.record(t, backBinary, a.i, b.i)
	}
	return res
}

func backBinary(t *Tape, n *node) {
	op := n.kept.(*binary)
	backOperand(t, n, 1, op, op.db)
	backOperand(t, n, 0, op, op.da) // last: it may hand n.grad on
}

// backOperand computes the gradient of operand k by slope, op.da or op.db.
func backOperand(t *Tape, n *node, k int, op *binary, slope func(dst, dy, a, b []float32) []float32) {
	na, nb, m := &t.nodes[n.in[0]], &t.nodes[n.in[1]], &t.nodes[n.in[k]]
	if !m.needs {
		return
	}
	if k == 0 && op.passes && na.shape == n.shape {
		t.handOn(n, 0)
		return
	}
	g, acc := t.gradBuffer(n, k)
	if !acc && m.shape != n.shape { // something repeats, so gradients add up
		clear(g)
		acc = true
	}
	_, w, _ := broadcast(&na.shape, &nb.shape)
	tmp := t.floats.reuse(w.run())
	w.sum(g, k == 0, func(g []float32, o odometer, g0 int) {
		for ; o.more; o.next() {
			dy := n.grad[o.y : o.y+o.run]
			a, b := part(na.data, o.a, o.run, o.incA), part(nb.data, o.b, o.run, o.incB)
			var to, other []float32
			if k == 0 {
				to, other = part(g, o.a-g0, o.run, o.incA), b
			} else {
				to, other = part(g, o.b-g0, o.run, o.incB), a
			}
			switch {
			case !acc:
				if d := slope(to, dy, a, b); &d[0] != &to[0] {
					copy(to, d)
				}
			case op.product && len(to) == len(dy):
				addScaled(to, dy, other)
			case op.product && len(other) == len(dy):
				to[0] += rowwise.Dot(dy, other)
			default:
				gather(to, slope(tmp, dy, a, b))
			}
		}
	})
	t.floats.recycle(tmp)
}

// sum adds up what repeats along a walk: in g, laid out like operand a or b,
// which does not move on some of the axes. add adds the terms of some steps to
// the elements of g from g0 on. Where an element gets thousands of terms they
// come in blocks, whose sums [rowwise.SumBlocks] puts together.
func (w *walk) sum(g []float32, a bool, add func(g []float32, o odometer, g0 int)) {
	s := &w.sb
	if a {
		s = &w.sa
	}
	const many = 1 << 12
	at, terms := -1, 1 // the axis to cut, and how many terms all axes but the run make
	for k := range w.n - 1 {
		if s[k] == 0 {
			if terms *= w.d[k]; at < 0 || w.d[k] > many {
				at = k
			}
		}
	}
	if terms <= many {
		add(g, w.start(), 0)
		return
	}
	below, each := 1, 1 // elements of g, and terms of each, in one step along the axis
	for k := at + 1; k < w.n; k++ {
		switch {
		case s[k] != 0:
			below *= w.d[k]
		case k < w.n-1:
			each *= w.d[k]
		}
	}
	inner := *w
	inner.n = copy(inner.d[:], w.d[at:w.n])
	copy(inner.sa[:], w.sa[at:w.n])
	copy(inner.sb[:], w.sb[at:w.n])
	steps := inner.d[0]
	length := SizeOf(inner.d[1:inner.n]) // of the result, in one step
	outer := *w                          // the axes before, with a run of one
	outer.n = at + 1
	outer.d[at], outer.sa[at], outer.sb[at] = 1, 0, 0
	for p := outer.start(); p.more; p.next() {
		g0 := p.b
		if a {
			g0 = p.a
		}
		rowwise.SumBlocks(g[g0:g0+below], steps, each, func(g []float32, first, n int) {
			part := inner
			part.d[0] = n
			o := part.start()
			o.a, o.b = p.a+first*inner.sa[0], p.b+first*inner.sb[0]
			o.y = (p.y*steps + first) * length
			add(g, o, g0)
		})
	}
}

// gather adds a run's gradient to an operand's: element by element, or all of
// it to the one element that was repeated.
func gather(g, d []float32) {
	if len(g) == len(d) {
		elementwise.Add(g, g, d)
	} else {
		g[0] += rowwise.Sum(d)
	}
}

// times computes dst = x∘s where s has x's length or is one number.
func times(dst, x, s []float32) []float32 {
	dst = dst[:len(x)]
	if len(s) == len(x) {
		elementwise.Mul(dst, x, s)
	} else {
		elementwise.Scale(dst, x, s[0])
	}
	return dst
}
