package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// Linear is x·Wᵀ + b, a dense layer: x has shape [..., in], w [out, in], b
// [out] (or is the zero Tensor for none); the result has shape [..., out].
func (x Tensor) Linear(w, b Tensor) Tensor { return x.linear(&linear{op: "Linear", w: w, b: b}) }

// LinearReLU is Linear followed by ReLU, in one pass over the result.
func (x Tensor) LinearReLU(w, b Tensor) Tensor {
	return x.linear(&linear{op: "LinearReLU", w: w, b: b, act: actReLU})
}

// LinearGELU is Linear followed by the exact GELU (Hendrycks & Gimpel 2016).
func (x Tensor) LinearGELU(w, b Tensor) Tensor {
	return x.linear(&linear{op: "LinearGELU", w: w, b: b, act: actGELU})
}

// LinearAdd is Linear plus y, which has the result's shape: the end of a
// residual branch.
func (x Tensor) LinearAdd(w, b, y Tensor) Tensor {
	return x.linear(&linear{op: "LinearAdd", w: w, b: b, add: y})
}

// LinearRows is Linear with the rows lo…hi−1 of w and b only, for weights of
// several layers that are kept in one parameter; the result has shape
// [..., hi−lo].
func (x Tensor) LinearRows(w, b Tensor, lo, hi int) Tensor {
	return x.linear(&linear{op: "LinearRows", w: w, b: b, part: true, lo: lo, hi: hi})
}

// linear describes a dense layer and what is fused with it.
type linear struct {
	op        string
	w, b, add Tensor
	act       int
	part      bool // use the rows lo…hi−1 only
	lo, hi    int
}

const (
	actNone = iota
	actReLU
	actGELU
)

func (x Tensor) linear(l *linear) Tensor {
	nx, nw := x.node(l.op), l.w.node(l.op)
	sameTape(l.op, x, l.w)
	in := nx.last()
	if nx.n < 1 || nw.n != 2 || nw.d[1] != in {
		shapePanic(l.op, -1, "the input's last axis must equal the weight's second: [..., in] and [out, in]", x, l.w)
	}
	if !l.part {
		l.hi = nw.d[0]
	}
	if l.lo < 0 || l.lo > l.hi || l.hi > nw.d[0] {
		shapePanic(l.op, 0, fmt.Sprintf("the weight has no rows %d…%d", l.lo, l.hi-1), x, l.w)
	}
	out := l.hi - l.lo
	var bias []float32
	if l.b.t != nil {
		nb := l.b.node(l.op)
		sameTape(l.op, x, l.b)
		if nb.n != 1 || nb.d[0] != nw.d[0] {
			shapePanic(l.op, 0, fmt.Sprintf("the bias must have shape [%d]", nw.d[0]), x, l.w, l.b)
		}
		bias = nb.data[l.lo:l.hi]
	}
	s := nx.shape
	s.d[s.n-1] = out
	rows := SizeOf(s.d[:s.n-1])
	t := x.t
	y := t.floats.take(rows * out)
	g := gemm.Gemm{M: rows, N: out, K: in, TransB: true, LDA: in, LDB: in, LDC: out, Bias: bias, Alpha: 1}
	if l.add.t != nil {
		na := l.add.node(l.op)
		sameTape(l.op, x, l.add)
		if na.shape != s {
			shapePanic(l.op, 0, fmt.Sprintf("what is added must have the result's shape, %v", append([]int{}, s.dims()...)), x, l.w, l.add)
		}
		copy(y, na.data)
		g.Accumulate = true
	}
	if l.act == actReLU {
		g.Act = gemm.ReLUAct
	}
	g.RunUnchecked(y, nx.data, nw.data[l.lo*in:])
	var slope []float32
	switch {
	case l.act == actGELU && t.noGrad:
		elementwise.GELU(y, y)
	case l.act == actGELU:
		slope = y
		y = t.floats.take(len(slope))
		elementwise.GELUSlope(y, slope, slope)
	}
	res, n := t.push(l.op)
	n.data, n.shape = y, s
	n.record(t, backLinear, x.i, l.w.i, optional(l.b), optional(l.add))
	if n.needs && (l.part || l.act != actNone) { // a plain layer keeps nothing: small ones feel the loan
		*denses.lend(t, n) = dense{l.act, l.lo, out, slope}
	}
	return res
}

// dense is what a dense layer that is not a plain one keeps: its activation,
// which rows of the weight it used, and the slopes of GELU.
type dense struct {
	act     int
	lo, out int
	slope   []float32
}

var denses = newKeeper[dense]()

// rowsTogether is how many rows of a batch go back through a dense layer
// together: as many as stay in the cache. Large weights are used by more of
// them, for the products read each weight, and each weight's gradient, once for
// all rows: 64 rows at a time, a layer of 2048 units took 40 % longer. The
// larger chunk is one of the blocks that a paramSum adds up, so that sums do
// not change with it.
func rowsTogether(in, out int) int {
	chunk := max(blockRows, chunkSize/max(in, out, 1))
	if in*out > smallWeights {
		chunk *= (rowsBlock + chunk - 1) / chunk
	}
	return chunk
}

func backLinear(t *Tape, n *node) {
	x, w := &t.nodes[n.in[0]], &t.nodes[n.in[1]]
	lo, out, in := 0, w.d[0], w.d[1]
	kept, _ := n.kept.(*dense)
	if kept != nil {
		lo, out = kept.lo, kept.out
	}
	rows := 0
	if out > 0 {
		rows = len(n.data) / out
	}
	dy := n.grad
	if kept != nil {
		switch kept.act {
		case actReLU:
			elementwise.ReLUMask(dy, dy, n.data)
		case actGELU:
			elementwise.Mul(dy, dy, kept.slope)
		}
	}
	gx, accX := t.gradBuffer(n, 0)
	var gw []float32
	accW := true
	if out == w.d[0] && t.waits(w, rows) {
		t.wait(w, dy, x.data)
	} else if out == w.d[0] && rows > 0 {
		gw, accW = t.gradBuffer(n, 1)
	} else {
		gw = t.gradOf(n, 1)
	}
	gb := t.gradOf(n, 2)
	if gw != nil {
		gw = gw[lo*in : (lo+out)*in]
	}
	if gb != nil {
		gb = gb[lo : lo+out]
	}
	chunk := rowsTogether(in, out)
	if rows <= min(chunk, manyRows) { // one piece, in which no sum is too long for a block
		if gb != nil {
			rowwise.AddRowsWide(gb, dy, rows, out)
		}
		if gx != nil {
			g := gemm.Gemm{M: rows, N: in, K: out, LDA: out, LDB: in, LDC: in, Accumulate: accX, Alpha: 1}
			g.RunUnchecked(gx, dy, w.data[lo*in:])
		}
		if gw != nil && rows > 0 {
			g := gemm.Gemm{M: out, N: in, K: rows, TransA: true, LDA: out, LDB: in, LDC: in, Accumulate: accW, Alpha: 1}
			g.RunUnchecked(gw, dy, x.data)
		}
	} else {
		dw, db := t.paramSum(gw, accW, rows), t.paramSum(gb, true, rows)
		// All that needs dy, for some rows at a time: they stay in the cache.
		for r := 0; r < rows; r += chunk {
			k := min(chunk, rows-r)
			d := dy[r*out : (r+k)*out]
			db.rows(d, k, out)
			if gx != nil { // dx = dy·W
				gemm.Gemm{M: k, N: in, K: out, Accumulate: accX}.Run(gx[r*in:], d, w.data[lo*in:])
			}
			dw.product(&gemm.Gemm{M: out, N: in, K: k}, d, x.data[r*in:]) // dyᵀ·x
		}
		dw.done(t)
		db.done(t)
	}
	if n.in[3] >= 0 {
		t.handOn(n, 3)
	}
}
