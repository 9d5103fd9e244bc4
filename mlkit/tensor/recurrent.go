package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
)

// Recurrent is what one direction of one recurrent layer works with: the
// operands of [Tensor.LSTM], [Tensor.GRU] and [Tensor.RNN]. G is the number
// of gates: 4, 3 and 1.
type Recurrent struct {
	WeightIH, WeightHH Tensor // [G·hidden, in] and [G·hidden, hidden]
	BiasIH, BiasHH     Tensor // [G·hidden]; the zero Tensor for none
	H0, C0             Tensor // [batch, hidden], the states before the first step; the zero Tensor for zeros
	// Lengths, if not empty, holds each sequence's true length, 0…time. The
	// state stops changing there: the final state is the one at the true end,
	// and a reverse pass begins at it. Steps beyond it contribute nothing to
	// any gradient; their outputs repeat the state and are for
	// [Tensor.JoinDirections] to blank. Not copied: they must not change
	// until Reset.
	Lengths Ints
	// Reverse goes from the last step to the first.
	Reverse bool
}

// rowsPerPart is how many sequences of a batch run through all their steps
// together, on one core. Fewer would leave the product of a step too few rows
// to be fast; more would leave cores idle.
const rowsPerPart = 32

// A cell is what tells the recurrent layers apart: one step of some rows.
type cell struct {
	op    string
	gates int
	// The state's share of the gates is kept by itself (GRU), or added onto
	// the input's.
	apart bool
	// forward makes the rows' new states from their gates; backward the
	// gradients of their gates from dh, the gradient of the new state, and,
	// where the old state matters directly, adds to dst (nil: not wanted).
	forward  func(r *recurrence, s step)
	backward func(r *recurrence, s step, dh, dst []float32)
}

// recurrence is the work of one recurrent operation, forward or backward, which
// the node keeps from one to the other. It is divided by rows of the batch: they
// do not meet before the weights' gradients.
type recurrence struct {
	*cell
	time, batch, in, hidden int
	reverse                 bool
	lengths                 []int32

	x []float32 // forward: [time, batch, in]
	// What a step multiplies: of each row h, 1, x, 1 side by side, ldo apart;
	// by the weights, transposed, and biases below each other, ld apart. So
	// one product makes the gates, and one the gradients of all parameters.
	operands, weights []float32
	ldo, ld           int
	oSlot             int // elements between two steps' operands; 0 keeps only the present ones

	whh      []float32 // backward
	acts     []float32 // [time, batch, G·hidden]: gates, activated in place
	gh       []float32 // the state's share, if apart
	hs       []float32 // [time+1, batch, hidden], the initial state at the end where the pass begins
	cs, tanh []float32 // LSTM: as hs, and [time, batch, hidden]
	cSlot    int       // elements between two steps' cells; 0 keeps only the present one

	// Backward goes chunk by chunk of steps from…to−1, so that the gradients
	// of a chunk's gates are still in the cache when they meet the operands.
	from, to    int
	base        int       // rows before the chunk
	dy, dc, dh0 []float32 // of all steps; of the present step (LSTM: dc begins as the gradient of the final cells)
	dacts, dgh  []float32 // of the chunk's gates, rows ldd apart
	ldd         int
}

// chunkSize is about how many gradients of gates are worked on at a time: 512 KB.
const chunkSize = 1 << 17

// step names the rows lo…hi−1 at one time: offsets in units of rows.
type step struct {
	t, before, after int // the time, and those of the states around it
	now              int // in arrays of time steps
	chunk            int // in arrays of the present chunk of steps
	prev, next       int // in hs
	n                int // how many rows
	row              int // the first row within the batch
}

var recurrences = newKeeper[recurrence]()

// run does the work.
func (r *recurrence) run() {
	cpu.Parallel((r.batch+rowsPerPart-1)/rowsPerPart, r)
}

// Part implements cpu.Task.
func (r *recurrence) Part(i int) {
	lo := i * rowsPerPart
	hi := min(lo+rowsPerPart, r.batch)
	if r.dy == nil {
		for k := range r.time {
			r.forwardStep(r.step(k, lo, hi))
		}
		return
	}
	for k := r.to - 1; k >= r.from; k-- {
		r.backwardStep(k, r.step(k, lo, hi))
	}
}

// step describes the k-th step of the pass.
func (r *recurrence) step(k, lo, hi int) step {
	now, prev, next := k, k, k+1
	if r.reverse {
		now = r.time - 1 - k
		prev, next = now+1, now
	}
	return step{t: now, before: prev, after: next, now: now*r.batch + lo, chunk: now*r.batch + lo - r.base, prev: prev*r.batch + lo, next: next*r.batch + lo, n: hi - lo, row: lo}
}

// split takes off the leading rows of s that are all within their sequences,
// or all beyond the end.
func (r *recurrence) split(s step) (head, rest step, active bool) {
	n := s.n
	active = r.active(s, 0)
	if r.lengths != nil {
		for n = 1; n < s.n && r.active(s, n) == active; n++ {
		}
	}
	head, rest = s, s
	head.n = n
	rest.now, rest.chunk, rest.prev, rest.next, rest.row, rest.n = s.now+n, s.chunk+n, s.prev+n, s.next+n, s.row+n, s.n-n
	return head, rest, active
}

func (r *recurrence) active(s step, i int) bool {
	return r.lengths == nil || s.t < int(r.lengths[s.row+i])
}

func (r *recurrence) anyActive(s step) bool {
	for i := range s.n {
		if r.active(s, i) {
			return true
		}
	}
	return false
}

// rows cuts n rows of width elements out of x.
func rows(x []float32, row, n, width int) []float32 { return x[row*width : (row+n)*width] }

// c and tc cut the cells out of those of some time.
func (r *recurrence) c(time int, s step) []float32 {
	return rows(r.cs[time*r.cSlot:], s.row, s.n, r.hidden)
}

func (r *recurrence) tc(s step) []float32 {
	return rows(r.tanh[s.t*r.cSlot:], s.row, s.n, r.hidden)
}

func (r *recurrence) forwardStep(s step) {
	width := r.gates * r.hidden
	o := r.operands[s.t*r.oSlot+s.row*r.ldo:]
	for i := range s.n {
		row := rows(o, i, 1, r.ldo)
		copy(row, rows(r.hs, s.prev+i, 1, r.hidden))
		row[r.hidden] = 1
		copy(row[r.hidden+1:], rows(r.x, s.now+i, 1, r.in))
		row[r.hidden+1+r.in] = 1
	}
	if r.anyActive(s) {
		gates := rows(r.acts, s.now, s.n, width)
		g := gemm.Gemm{M: s.n, N: width, K: r.hidden + 1 + r.in, LDA: r.ldo, LDB: r.ld}
		if r.apart {
			g.K = r.in + 1
			g.Run(gates, o[r.hidden+1:], r.weights[(r.hidden+1)*r.ld:])
			gates, g.K = rows(r.gh, s.now, s.n, width), r.hidden+1
		}
		g.Run(gates, o, r.weights)
	}
	for s.n > 0 {
		var head step
		var active bool
		head, s, active = r.split(s)
		if active {
			r.forward(r, head)
			continue
		}
		copy(rows(r.hs, head.next, head.n, r.hidden), rows(r.hs, head.prev, head.n, r.hidden))
		if r.cs != nil {
			copy(r.c(head.after, head), r.c(head.before, head))
		}
	}
}

// backwardStep turns the gradient of the k-th step's states, in dy, into that
// of its gates, and adds its share to the gradient of the states before.
func (r *recurrence) backwardStep(k int, s step) {
	width := r.gates * r.hidden
	d := r.dacts
	if r.apart {
		d = r.dgh
	}
	product := r.anyActive(s)
	before := r.before(k, s)
	all := s
	for s.n > 0 {
		var head step
		var active bool
		head, s, active = r.split(s)
		dh := rows(r.dy, head.now, head.n, r.hidden)
		dst := r.before(k, head)
		if active {
			r.backward(r, head, dh, dst)
			continue
		}
		clear(rows(r.dacts, head.chunk, head.n, r.ldd))
		if r.apart {
			clear(rows(r.dgh, head.chunk, head.n, r.ldd))
		}
		if dst != nil {
			elementwise.Add(dst, dst, dh)
		}
	}
	if product && before != nil {
		gemm.Gemm{M: all.n, N: r.hidden, K: width, LDA: r.ldd, Accumulate: true}.Run(before, rows(d, all.chunk, all.n, r.ldd), r.whh)
	}
}

// before is where the gradient of the states before the k-th step goes.
func (r *recurrence) before(k int, s step) []float32 {
	switch {
	case k == 0 && r.dh0 == nil:
		return nil
	case k == 0:
		return rows(r.dh0, s.row, s.n, r.hidden)
	case r.reverse:
		return rows(r.dy, s.now+r.batch, s.n, r.hidden)
	}
	return rows(r.dy, s.now-r.batch, s.n, r.hidden)
}

// The operands beyond the node's four.
const (
	moreBiasHH = iota
	moreH0
	moreC0
)

// recurrent checks, computes and records. x is [time, batch, in].
func (x Tensor) recurrent(c *cell, w Recurrent) (out, hN, cN Tensor) {
	nx := x.node(c.op)
	if nx.n != 3 || nx.d[0] == 0 {
		shapePanic(c.op, 0, "the input must be [time, batch, in], with one step at least", x)
	}
	nh := w.WeightHH.node(c.op)
	if nh.n != 2 || nh.d[0] != c.gates*nh.d[1] || nh.d[1] == 0 {
		shapePanic(c.op, 0, fmt.Sprintf("WeightHH must be [%d·hidden, hidden]", c.gates), x, w.WeightHH)
	}
	time, batch, in, hidden := nx.d[0], nx.d[1], nx.d[2], nh.d[1]
	width := c.gates * hidden
	x.operandShape(c.op, "WeightIH", w.WeightIH, width, in)
	x.operandShape(c.op, "BiasIH", w.BiasIH, width)
	x.operandShape(c.op, "BiasHH", w.BiasHH, width)
	x.operandShape(c.op, "H0", w.H0, batch, hidden)
	x.operandShape(c.op, "C0", w.C0, batch, hidden)
	lengths := checkLengths(c.op, w.Lengths, batch, time)

	t := x.t
	more := t.ints.take(3)
	more[moreBiasHH], more[moreH0], more[moreC0] = optional(w.BiasHH), optional(w.H0), optional(w.C0)
	out, n := t.push(c.op)
	n.record(t, backRecurrent, x.i, w.WeightIH.i, w.WeightHH.i, optional(w.BiasIH), more[0], more[1], more[2])
	n.more = more
	n.shape = shape{n: 3, d: [MaxRank]int{time, batch, hidden}}

	r := recurrences.lend(t, n)
	*r = recurrence{cell: c, time: time, batch: batch, in: in, hidden: hidden, reverse: w.Reverse, lengths: lengths}
	r.x = t.operand(n, 0)
	r.ld, r.ldo = rowStride(width), rowStride(hidden+in+2)
	r.weights = t.floats.reuse((hidden + in + 2) * r.ld)
	gemm.TransposeWide(r.weights, t.operand(n, 2), width, hidden, r.ld)
	gemm.TransposeWide(r.weights[(hidden+1)*r.ld:], t.operand(n, 1), width, in, r.ld)
	biasHH, biasIH := r.weights[hidden*r.ld:][:width], r.weights[(hidden+1+in)*r.ld:][:width]
	initial(biasHH, t.dataAt(more[moreBiasHH]))
	initial(biasIH, t.dataAt(n.in[3]))
	if !c.apart { // one bias in two parameters
		elementwise.Add(biasHH, biasHH, biasIH)
	}
	r.acts = t.floats.take(time * batch * width)
	bh := batch * hidden
	r.hs = t.floats.take((time + 1) * bh)
	first, y := r.hs[:bh], r.hs[bh:]
	hLast, last := r.hs[time*bh:], (time-1)*bh
	if w.Reverse {
		first, y = r.hs[time*bh:], r.hs[:time*bh]
		hLast, last = r.hs[:bh], 0
	}
	initial(first, t.dataAt(more[moreH0]))
	n.data = y
	steps := 1
	if n.needs {
		steps, r.cSlot, r.oSlot = time, bh, batch*r.ldo
	}
	cells := 0
	if c == &lstmCell {
		cells = (2*steps + 1) * bh
	}
	state := t.floats.take(cells + steps*batch*r.ldo)
	r.operands = state[cells:]
	var cLast []float32
	if c == &lstmCell {
		r.cs, r.tanh = state[:(steps+1)*bh], state[(steps+1)*bh:cells]
		whole := step{n: batch}
		c0 := r.c(0, whole)
		cLast = r.c(time, whole)
		if w.Reverse {
			c0, cLast = cLast, c0
		}
		initial(c0, t.dataAt(more[moreC0]))
	}
	if c.apart {
		r.gh = t.floats.take(time * batch * width)
	}
	r.run()
	t.floats.recycle(r.weights)

	hN = out.slot("final state", hLast, last, backFinalState)
	if cLast != nil {
		cN = out.slot("final cell", cLast, 0, backFinalCell)
	}
	return out, hN, cN
}

func backRecurrent(t *Tape, n *node) {
	r := n.kept.(*recurrence)
	time, batch, in, hidden := r.time, r.batch, r.in, r.hidden
	width := r.gates * hidden
	r.whh, r.dy, r.dh0 = t.operand(n, 2), n.grad, t.gradMore(n, moreH0)
	r.ldd = width
	if r.cell == &lstmCell {
		r.ldd = rowStride(width)
		if r.dc == nil {
			r.dc = t.floats.zeroed(batch * hidden)
		}
	}
	chunk := min(max(1, chunkSize/max(1, batch*width)), time)
	r.dacts = t.floats.reuse(chunk * batch * r.ldd)
	r.dgh = r.dacts
	if r.apart {
		r.dgh = t.floats.reuse(len(r.dacts))
	}
	// The gradients of weights and biases: those of the gates, transposed,
	// times h, 1 and x side by side.
	var wg weightGrads
	if wg.wanted(t, n) {
		wg.take(t, r)
	}
	gx, accX := t.gradBuffer(n, 0)
	wih := t.operand(n, 1)
	for r.to = time; r.to > 0; r.to = r.from {
		r.from = max(0, r.to-chunk)
		first := r.from
		if r.reverse {
			first = time - r.to
		}
		r.base = first * batch
		r.run()
		steps := (r.to - r.from) * batch
		wg.add(r, steps, r.to < time)
		if gx != nil {
			gemm.Gemm{M: steps, N: in, K: width, LDA: r.ldd, Accumulate: accX}.Run(rows(gx, r.base, steps, in), r.dacts, wih)
		}
	}
	wg.deliver(t, n, r)
	if g := t.gradMore(n, moreC0); g != nil {
		elementwise.Add(g, g, r.dc)
	}
	t.floats.recycle(r.dacts)
	if r.apart {
		t.floats.recycle(r.dgh)
	}
}

// weightGrads sums up the gradients of weights and biases over the chunks:
// of gates from h, 1, x; or, where the two shares are apart, from h, 1 and
// from x, 1.
type weightGrads struct{ h, x []float32 }

func (w *weightGrads) wanted(t *Tape, n *node) bool {
	for _, i := range [4]int32{n.in[1], n.in[2], n.in[3], n.more[moreBiasHH]} {
		if i >= 0 && t.nodes[i].needs {
			return true
		}
	}
	return false
}

func (w *weightGrads) take(t *Tape, r *recurrence) {
	width := r.gates * r.hidden
	if r.apart {
		w.h, w.x = t.floats.reuse(width*(r.hidden+1)), t.floats.reuse(width*(r.in+1))
	} else {
		w.h = t.floats.reuse(width * r.ldo)
	}
}

func (w *weightGrads) add(r *recurrence, steps int, accumulate bool) {
	if w.h == nil {
		return
	}
	o := r.operands[r.base*r.ldo:]
	g := gemm.Gemm{M: r.gates * r.hidden, N: r.hidden + 1, K: steps, TransA: true, LDA: r.ldd, LDB: r.ldo, Accumulate: accumulate}
	if !r.apart {
		g.N, g.LDC = g.N+r.in, r.ldo
		g.Run(w.h, r.dacts, o)
		return
	}
	g.Run(w.h, r.dgh, o)
	g.N = r.in + 1
	g.Run(w.x, r.dacts, o[min(r.hidden+1, len(o)):])
}

// deliver adds the sums to the gradients that are wanted.
func (w *weightGrads) deliver(t *Tape, n *node, r *recurrence) {
	if w.h == nil {
		return
	}
	gwi, gwh, gbi, gbh := t.gradOf(n, 1), t.gradOf(n, 2), t.gradOf(n, 3), t.gradMore(n, moreBiasHH)
	for i := range r.gates * r.hidden {
		var h, x []float32
		var bi, bh float32
		if r.apart {
			h, x = rows(w.h, i, 1, r.hidden+1), rows(w.x, i, 1, r.in+1)
			bh, bi = h[r.hidden], x[r.in]
			h, x = h[:r.hidden], x[:r.in]
		} else {
			h = rows(w.h, i, 1, r.ldo)[:r.hidden+1+r.in]
			bh, bi = h[r.hidden], h[r.hidden]
			h, x = h[:r.hidden], h[r.hidden+1:]
		}
		if gwi != nil {
			g := rows(gwi, i, 1, r.in)
			elementwise.Add(g, g, x)
		}
		if gwh != nil {
			g := rows(gwh, i, 1, r.hidden)
			elementwise.Add(g, g, h)
		}
		if gbi != nil {
			gbi[i] += bi
		}
		if gbh != nil {
			gbh[i] += bh
		}
	}
	t.floats.recycle(w.h)
	if w.x != nil {
		t.floats.recycle(w.x)
	}
}

// slot records a part of x's working memory as a tensor [batch, hidden].
func (x Tensor) slot(op string, data []float32, off int, back func(*Tape, *node)) Tensor {
	s := x.node(op).shape
	y, n := x.t.push(op)
	n.data, n.shape = data, shape{n: 2, d: [MaxRank]int{s.d[1], s.d[2]}}
	finals.lend(x.t, n).off = off
	n.record(x.t, back, x.i)
	return y
}

// final is what the final state keeps: where it is in the outputs.
type final struct{ off int }

var finals = newKeeper[final]()

func backFinalState(t *Tape, n *node) { // one step of the outputs
	g := t.gradOf(n, 0)[n.kept.(*final).off:][:len(n.grad)]
	elementwise.Add(g, g, n.grad)
}

// The cells are no output of their own: their gradient waits at the operation.
func backFinalCell(t *Tape, n *node) {
	t.gradOf(n, 0) // makes sure that the operation goes backwards
	d := t.floats.take(len(n.grad))
	copy(d, n.grad)
	t.nodes[n.in[0]].kept.(*recurrence).dc = d
}

// rowStride is a distance between rows of n elements that starts each on a cache
// line and is off powers of 2, which map all rows to few places in the cache.
func rowStride(n int) int {
	n = (n + 15) &^ 15
	if n%128 == 0 {
		n += 16
	}
	return n
}

func initial(dst, src []float32) {
	if src == nil {
		clear(dst)
	} else {
		copy(dst, src)
	}
}

// optional is the index of an operand that may be the zero Tensor.
func optional(x Tensor) int32 {
	if x.t == nil {
		return -1
	}
	return x.i
}

// dataAt is the value of an operand that may be absent.
func (t *Tape) dataAt(i int32) []float32 {
	if i < 0 {
		return nil
	}
	return t.nodes[i].data
}

// gradMore is gradOf for the operands beyond four.
func (t *Tape) gradMore(n *node, k int) []float32 {
	if n.more[k] < 0 {
		return nil
	}
	return t.gradAt(n.more[k])
}

// operandShape checks an operand, which may be the zero Tensor, beside x.
func (x Tensor) operandShape(op, name string, y Tensor, dims ...int) {
	if y.t == nil {
		return
	}
	n := y.node(op)
	sameTape(op, x, y)
	ok := n.n == len(dims)
	for i := 0; ok && i < n.n; i++ {
		ok = n.d[i] == dims[i]
	}
	if !ok {
		shapePanic(op, 0, fmt.Sprintf("%s must have shape %v", name, append([]int{}, dims...)), x, y)
	}
}

// checkLengths gives the lengths of sequences, nil for none.
func checkLengths(op string, l Ints, batch, time int) []int32 {
	if len(l.Data) == 0 {
		return nil
	}
	if len(l.Data) != batch {
		panic(&ShapeError{Op: op, Shapes: cloneShapes(l.Dims()), Why: fmt.Sprintf("%d lengths for a batch of %d sequences", len(l.Data), batch)})
	}
	for i, v := range l.Data {
		if v < 0 || int(v) > time {
			panic(&ShapeError{Op: op, Shapes: cloneShapes(l.Dims()), Why: fmt.Sprintf("length %d of sequence %d is outside of 0…%d", v, i, time)})
		}
	}
	return l.Data
}
