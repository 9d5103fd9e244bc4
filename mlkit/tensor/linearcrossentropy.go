package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// LinearCrossEntropy is what [Tensor.LinearCrossEntropy] works with.
type LinearCrossEntropy struct {
	Weight, Bias Tensor // [classes, in] and [classes]; the bias may be the zero Tensor
	// Labels are as many as x has rows: a class, or a negative number for a row
	// that does not count.
	Labels      Ints
	ClassWeight []float32 // [classes]; nil: 1 for all
	Smoothing   float32   // in [0, 1): how much of the target goes to all classes evenly
	// RowWeight, if not nil, has one factor a row and makes the result one
	// number, the weighted sum over the rows.
	RowWeight []float32
}

// LinearCrossEntropy is the softmax cross-entropy of a dense layer's logits,
// x·Wᵀ + b, as one operation: x [..., in] gives the losses [...], or their
// weighted sum. With ε for Smoothing and c for ClassWeight a row's loss is
//
//	−(1−ε)·c[y]·logp[y] − ε/classes·Σ c[k]·logp[k],  p = softmax(x·Wᵀ + b)
//
// The logits of a large vocabulary are never whole in memory: some rows at a
// time go to the loss and, if RowWeight is known, on to the gradients at once
// (Hsu et al., Liger Kernel, 2024); without it the backward pass computes them
// again. A label that is no class panics, as do shapes that do not fit.
func (x Tensor) LinearCrossEntropy(l LinearCrossEntropy) Tensor {
	const op = "LinearCrossEntropy"
	nx, nw := x.node(op), l.Weight.node(op)
	sameTape(op, x, l.Weight)
	if nx.n < 1 || nw.n != 2 || nw.d[1] != nx.last() || nw.d[0] == 0 {
		shapePanic(op, -1, "the input's last axis must equal the weight's second: [..., in] and [classes, in], with one class at least", x, l.Weight)
	}
	classes, in := nw.d[0], nw.d[1]
	x.operandShape(op, "Bias", l.Bias, classes)
	s := nx.shape
	s.n--
	s.d[s.n] = 0
	count := s.size()
	if len(l.Labels.Data) != count {
		shapePanic(op, 0, fmt.Sprintf("%d labels for %d rows; one label a row is needed", len(l.Labels.Data), count), x)
	}
	if l.ClassWeight != nil && len(l.ClassWeight) != classes || l.RowWeight != nil && len(l.RowWeight) != count {
		shapePanic(op, 0, fmt.Sprintf("%d class weights for %d classes, %d row weights for %d rows", len(l.ClassWeight), classes, len(l.RowWeight), count), x)
	}
	if !(l.Smoothing >= 0 && l.Smoothing < 1) {
		panic(fmt.Sprintf("tensor: %s: a smoothing of %v is outside of [0, 1)", op, l.Smoothing))
	}
	counted := 0
	for i, y := range l.Labels.Data {
		if int(y) >= classes {
			shapePanic(op, -1, fmt.Sprintf("label %d of row %d is outside of 0…%d", y, i, classes-1), x)
		}
		if y >= 0 {
			counted++
		}
	}
	t := x.t
	y, n := t.push(op)
	n.record(t, backLinearCrossEntropy, x.i, l.Weight.i, optional(l.Bias))
	h := classHeads.lend(t, n)
	*h = classHead{count: count, counted: counted, in: in, classes: classes, x: t.operand(n, 0),
		w: t.operand(n, 1), b: t.dataAt(n.in[2]),
		labels: l.Labels.Data, classWeight: l.ClassWeight, smoothing: l.Smoothing,
		rowWeight: l.RowWeight, known: l.RowWeight != nil}
	h.weightSum = float64(classes)
	if l.ClassWeight != nil {
		h.weightSum = rowwise.LongSum(l.ClassWeight)
	}
	h.loss = t.floats.take(count)
	var dx, dw, db []float32
	if h.known && n.needs {
		own := func(k int) []float32 {
			if i := n.in[k]; i >= 0 && t.nodes[i].needs {
				return t.floats.reuse(len(t.nodes[i].data))
			}
			return nil
		}
		dx, dw, db = own(0), own(1), own(2)
	}
	h.run(t, dx, false, dw, false, db, false)
	n.data, n.shape = h.loss, s
	if h.known {
		h.dx, h.dw, h.db = dx, dw, db
		sum := 0.0
		for i, v := range h.loss {
			sum += float64(l.RowWeight[i]) * float64(v)
		}
		n.data, n.shape = t.floats.take(1), shape{}
		n.data[0] = float32(sum)
	}
	return y
}

// headLogits is about how many logits are in memory at a time: 8 MB.
const headLogits = 1 << 21

// classHead is the work of one operation. Its parts are rows of the piece that
// is in memory.
type classHead struct {
	count, counted, in, classes int
	x, w, b                     []float32
	labels                      []int32
	classWeight                 []float32
	weightSum                   float64 // of the classes
	smoothing                   float32
	rowWeight                   []float32
	known                       bool // rowWeight was given
	loss                        []float32

	logits     []float32 // of rows first…end−1, then their gradients
	lost       []float32 // of these rows, before weights and smoothing
	first, end int
	grads      bool // gradients are wanted
	back       bool // losses are known already

	dx, dw, db []float32 // known: gradients for a dy of 1
}

var classHeads = newKeeper[classHead]()

// partRows is how many rows of logits one worker takes at a time.
const partRows = 8

// Part implements cpu.Task.
func (h *classHead) Part(i int) {
	lo := h.first + i*partRows
	for r := lo; r < min(lo+partRows, h.end); r++ {
		row := rows(h.logits, r-h.first, 1, h.classes)
		y := h.labels[r]
		if y < 0 {
			h.loss[r] = 0
			clear(row)
			continue
		}
		eps, cy := h.smoothing, float32(1)
		if h.classWeight != nil {
			cy = h.classWeight[y]
		}
		var all, xy float64
		if eps != 0 && !h.back {
			all, xy = h.weighted(row), float64(row[y])
		}
		lost := h.lost[r-h.first:][:1]
		rowwise.SoftmaxCrossEntropy(lost, row, row, h.labels[r:r+1], h.classes)
		share := float64(eps) / float64(h.classes)
		if !h.back {
			h.loss[r] = (1 - eps) * cy * lost[0]
			if eps != 0 {
				h.loss[r] += float32(share * (h.weightSum*(float64(lost[0])+xy) - all)) // log Σeˣ = lost + x[y]
			}
		}
		if !h.grads {
			continue
		}
		d := h.rowWeight[r]
		elementwise.Scale(row, row, d*float32(float64((1-eps)*cy)+share*h.weightSum))
		row[y] -= d * (1 - eps) * cy
		switch {
		case eps == 0:
		case h.classWeight != nil:
			elementwise.Axpy(row, -d*float32(share), h.classWeight)
		default:
			elementwise.AddScalar(row, row, -d*float32(share))
		}
	}
}

// weighted is Σ c[k]·x[k].
func (h *classHead) weighted(x []float32) float64 {
	if h.classWeight == nil {
		return rowwise.LongSum(x)
	}
	s := 0.0
	for k, v := range x {
		s += float64(h.classWeight[k]) * float64(v)
	}
	return s
}

// run computes losses, and writes or adds the gradients that are not nil.
func (h *classHead) run(t *Tape, gx []float32, addX bool, gw []float32, addW bool, gb []float32, addB bool) {
	h.grads = gx != nil || gw != nil || gb != nil
	if h.count == 0 {
		for k, g := range [3][]float32{gx, gw, gb} {
			if add := [3]bool{addX, addW, addB}[k]; !add {
				clear(g)
			}
		}
		return
	}
	piece := min(h.count, max(blockRows, min(headLogits/h.classes, 512)&^7))
	h.logits, h.lost = t.floats.reuse(piece*h.classes), t.floats.reuse(piece)
	dw, db := t.paramSum(gw, addW, h.count), t.paramSum(gb, addB, h.count)
	for h.first = 0; h.first < h.count; h.first = h.end {
		h.end = min(h.first+piece, h.count)
		k := h.end - h.first
		x := rows(h.x, h.first, k, h.in)
		gemm.Gemm{M: k, N: h.classes, K: h.in, TransB: true, Bias: h.b}.Run(h.logits, x, h.w)
		cpu.Parallel((k+partRows-1)/partRows, h)
		if gx != nil {
			gemm.Gemm{M: k, N: h.in, K: h.classes, Accumulate: addX}.Run(rows(gx, h.first, k, h.in), h.logits, h.w)
		}
		dw.product(&gemm.Gemm{M: h.classes, N: h.in, K: k}, h.logits, x)
		db.rows(h.logits, k, h.classes)
	}
	dw.done(t)
	db.done(t)
	t.floats.recycle(h.logits)
	t.floats.recycle(h.lost)
	h.logits, h.lost = nil, nil
}

func backLinearCrossEntropy(t *Tape, n *node) {
	h := n.kept.(*classHead)
	if !h.known {
		h.rowWeight, h.back = n.grad, true
		gx, addX := t.gradBuffer(n, 0)
		gw, addW := t.gradBuffer(n, 1)
		gb, addB := t.gradBuffer(n, 2)
		h.run(t, gx, addX, gw, addW, gb, addB)
		return
	}
	for k, g := range [3][]float32{h.dx, h.dw, h.db} {
		if g == nil {
			continue
		}
		if d := n.grad[0]; d != 1 && h.counted > 0 {
			elementwise.Scale(g, g, d)
		}
		if m := &t.nodes[n.in[k]]; m.grad == nil {
			m.grad = g
		} else {
			elementwise.Add(m.grad, m.grad, g)
			t.floats.recycle(g)
		}
	}
}
