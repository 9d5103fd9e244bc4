package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
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
	// StateMask, if not nil, multiplies the state where W_hh meets it, and
	// nowhere else: W_hh·(m∘h). It has batch·hidden numbers, the same mask at
	// every step, or time·batch·hidden, a mask for each. With zeros and
	// 1/(1−p) it is recurrent dropout (Gal & Ghahramani, A Theoretically
	// Grounded Application of Dropout in Recurrent Neural Networks, 2016). It
	// is a constant, not copied: it must not change until Reset.
	StateMask []float32
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
// the node keeps from one to the other. It is divided by rows of the batch:
// they do not meet before the weights' gradients.
type recurrence struct {
	*cell
	time, batch, in, hidden int
	reverse                 bool
	lengths                 []int32

	x []float32 // [time, batch, in]
	// Forward: the weights, rows ld apart; transposed, because that is how a
	// product reads them fastest, unless there are too few rows to pay for it.
	wih          []float32
	whh          []float32 // backward: as it is
	across       []float32 // where the weights are transposed; nil: they are read as they are
	ld           int
	asTheyAre    bool
	bias, biasHH []float32 // added to the input's share of the gates; to the state's, if apart
	ahead        int       // of how many steps the input's share is computed at a time
	mask         []float32 // of the states, [batch, hidden] or, if maskSteps, [time, batch, hidden]
	maskSteps    bool
	masked       []float32 // [time, batch, hidden]: the states before each step as the weights meet them
	acts         []float32 // [time, batch, G·hidden]: gates, activated in place
	gh           []float32 // the state's share, if apart
	hs           []float32 // [time+1, batch, hidden], the initial state at the end where the pass begins
	cs, tanh     []float32 // LSTM: as hs, and [time, batch, hidden]
	cSlot        int       // elements between two steps' cells; 0 keeps only the present one

	// Backward goes chunk by chunk of steps from…to−1, so that the gradients
	// of a chunk's gates are still in the cache when they meet the operands.
	from, to    int
	base        int       // rows before the chunk
	dy, dc, dh0 []float32 // of all steps; of the present step (LSTM: dc begins as the gradient of the final cells)
	dacts, dgh  []float32 // of the chunk's gates, rows ldd apart
	dmasked     []float32 // [batch, hidden]: of the masked states before a step
	ldd         int
	steps       int // of a chunk

	gx, gwi, gwh, gbi, gbh []float32 // gradients to write to, nil: not wanted,
	accX, accI, accH       bool      // or to add to

	other *recurrence // of two that were begun together, the earlier one; and its node
	node  int32
}

// chunkSize is about how many gates, or gradients of gates, are worked on at a
// time: 512 KB.
const chunkSize = 1 << 17

// stepsAtATime is how many steps of n gates make a chunk.
func stepsAtATime(n int) int { return max(1, chunkSize/max(1, n)) }

// fewRows is below how many rows, of all steps together, the weights are read
// as they are: to transpose them costs as much as a product with some ten rows.
const fewRows = 16

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
			s := r.step(k, lo, hi)
			r.inputs(k, s)
			r.forwardStep(s)
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
	return step{t: now, before: prev, after: next, now: now*r.batch + lo, chunk: now*r.batch + lo - r.base,
		prev: prev*r.batch + lo, next: next*r.batch + lo, n: hi - lo, row: lo}
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
	rest.now, rest.chunk, rest.prev, rest.next, rest.row, rest.n =
		s.now+n, s.chunk+n, s.prev+n, s.next+n, s.row+n, s.n-n
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

// inputs computes the input's share of the gates: of several steps at once
// where the part is the whole batch, so that one product reads the weights for
// all of them.
func (r *recurrence) inputs(k int, s step) {
	n, width := 1, r.gates*r.hidden
	if s.n == r.batch {
		if k%r.ahead != 0 {
			return
		}
		n = min(r.ahead, r.time-k)
	} else if !r.anyActive(s) {
		return
	}
	first := s.now
	if r.reverse {
		first -= (n - 1) * r.batch
	}
	g := gemm.Gemm{M: n * s.n, N: width, K: r.in, LDB: r.ld, TransB: r.asTheyAre, Bias: r.bias}
	g.Run(rows(r.acts, first, g.M, width), rows(r.x, first, g.M, r.in), r.wih)
}

func (r *recurrence) forwardStep(s step) {
	width := r.gates * r.hidden
	if r.anyActive(s) {
		g := gemm.Gemm{M: s.n, N: width, K: r.hidden, LDB: r.ld, TransB: r.asTheyAre, Accumulate: true}
		gates := r.acts
		if r.apart {
			gates, g.Accumulate, g.Bias = r.gh, false, r.biasHH
		}
		h := rows(r.hs, s.prev, s.n, r.hidden)
		if r.mask != nil {
			m := rows(r.masked, s.now, s.n, r.hidden)
			elementwise.Mul(m, h, r.maskAt(s))
			h = m
		}
		g.Run(rows(gates, s.now, s.n, width), h, r.whh)
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

// maskAt is the mask of the states before a step.
func (r *recurrence) maskAt(s step) []float32 {
	if r.maskSteps {
		return rows(r.mask, s.now, s.n, r.hidden)
	}
	return rows(r.mask, s.row, s.n, r.hidden)
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
	if !product || before == nil {
		return
	}
	g := gemm.Gemm{M: all.n, N: r.hidden, K: width, LDA: r.ldd, Accumulate: r.mask == nil}
	to := before
	if r.mask != nil {
		to = rows(r.dmasked, all.row, all.n, r.hidden)
	}
	g.Run(to, rows(d, all.chunk, all.n, r.ldd), r.whh)
	if r.mask != nil {
		elementwise.Mul(to, to, r.maskAt(all))
		elementwise.Add(before, before, to)
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
	out, r := x.recurrence(c, w)
	r.compute()
	hN, cN = r.finals(out)
	return out, hN, cN
}

// recurrentShapes checks the operands of a recurrent layer.
func (x Tensor) recurrentShapes(c *cell, w Recurrent) (time, batch, in, hidden int, lengths []int32) {
	nx := x.node(c.op)
	if nx.n != 3 || nx.d[0] == 0 {
		shapePanic(c.op, 0, "the input must be [time, batch, in], with one step at least", x)
	}
	nh := w.WeightHH.node(c.op)
	if nh.n != 2 || nh.d[0] != c.gates*nh.d[1] || nh.d[1] == 0 {
		shapePanic(c.op, 0, fmt.Sprintf("WeightHH must be [%d·hidden, hidden]", c.gates), x, w.WeightHH)
	}
	time, batch, in, hidden = nx.d[0], nx.d[1], nx.d[2], nh.d[1]
	width := c.gates * hidden
	x.operandShape(c.op, "WeightIH", w.WeightIH, width, in)
	x.operandShape(c.op, "BiasIH", w.BiasIH, width)
	x.operandShape(c.op, "BiasHH", w.BiasHH, width)
	x.operandShape(c.op, "H0", w.H0, batch, hidden)
	x.operandShape(c.op, "C0", w.C0, batch, hidden)
	bh := batch * hidden
	if n := len(w.StateMask); w.StateMask != nil && n != bh && n != time*bh {
		shapePanic(c.op, 0, fmt.Sprintf("StateMask must have %d·%d = %d numbers, or that for each of %d steps, not %d", batch, hidden, bh, time, n), x, w.WeightHH)
	}
	return time, batch, in, hidden, checkLengths(c.op, w.Lengths, batch, time)
}

// recurrence checks, records, and prepares the work.
func (x Tensor) recurrence(c *cell, w Recurrent) (out Tensor, r *recurrence) {
	time, batch, in, hidden, lengths := x.recurrentShapes(c, w)
	width, bh := c.gates*hidden, batch*hidden
	t := x.t
	more := t.ints.take(3)
	more[moreBiasHH], more[moreH0], more[moreC0] = optional(w.BiasHH), optional(w.H0), optional(w.C0)
	out, n := t.push(c.op)
	n.record(t, backRecurrent, x.i, w.WeightIH.i, w.WeightHH.i, optional(w.BiasIH), more[0], more[1], more[2])
	n.more = more
	n.shape = shape{n: 3, d: [MaxRank]int{time, batch, hidden}}

	r = recurrences.lend(t, n)
	*r = recurrence{cell: c, time: time, batch: batch, in: in, hidden: hidden, reverse: w.Reverse, lengths: lengths}
	r.x = t.operand(n, 0)
	r.ahead = stepsAtATime(batch * width)
	r.bias, r.biasHH = t.dataAt(n.in[3]), t.dataAt(more[moreBiasHH])
	if !c.apart && r.biasHH != nil { // one bias in two parameters
		sum := t.floats.take(width)
		initial(sum, r.bias)
		elementwise.Add(sum, sum, r.biasHH)
		r.bias = sum
	}
	r.wih, r.whh = t.operand(n, 1), t.operand(n, 2)
	if r.asTheyAre = time*batch < fewRows; !r.asTheyAre {
		r.ld = rowStride(width)
		r.across = t.floats.reuse((hidden + in) * r.ld)
	}
	r.acts = t.floats.take(time * batch * width)
	r.hs = t.floats.take((time + 1) * bh)
	first, y := r.hs[:bh], r.hs[bh:]
	if w.Reverse {
		first, y = r.hs[time*bh:], r.hs[:time*bh]
	}
	initial(first, t.dataAt(more[moreH0]))
	n.data = y
	steps := 1
	if n.needs {
		steps, r.cSlot = time, bh
	}
	if c == &lstmCell {
		cells := t.floats.take((2*steps + 1) * bh)
		r.cs, r.tanh = cells[:(steps+1)*bh], cells[(steps+1)*bh:]
		whole := step{n: batch}
		c0 := r.c(0, whole)
		if w.Reverse {
			c0 = r.c(time, whole)
		}
		initial(c0, t.dataAt(more[moreC0]))
	}
	if c.apart {
		r.gh = t.floats.take(time * batch * width)
	}
	if w.StateMask != nil {
		r.mask, r.maskSteps = w.StateMask, len(w.StateMask) != bh
		r.masked = t.floats.zeroed(time * bh) // where all sequences have ended nothing is written
	}
	return out, r
}

// compute runs the forward pass.
func (r *recurrence) compute() {
	if r.across != nil {
		width := r.gates * r.hidden
		whh, wih := r.across, r.across[r.hidden*r.ld:]
		gemm.TransposeWide(whh, r.whh, width, r.hidden, r.ld)
		gemm.TransposeWide(wih, r.wih, width, r.in, r.ld)
		r.whh, r.wih = whh, wih
	}
	r.run()
}

// finals gives back the working memory of the forward pass and makes tensors of
// the final state and, of an LSTM, the final cells.
func (r *recurrence) finals(out Tensor) (hN, cN Tensor) {
	if r.across != nil {
		out.t.floats.recycle(r.across)
		r.across = nil
	}
	bh, last, end := r.batch*r.hidden, (r.time-1)*r.batch*r.hidden, r.time
	h := r.hs[r.time*bh:]
	if r.reverse {
		h, last, end = r.hs[:bh], 0, 0
	}
	hN = out.slot("final state", h, last, backFinalState)
	if r.cs != nil {
		cN = out.slot("final cell", r.c(end, step{n: r.batch}), 0, backFinalCell)
	}
	return hN, cN
}

func backRecurrent(t *Tape, n *node) {
	r := n.kept.(*recurrence)
	r.prepareBack(t, n)
	if t.samples.on || r.other == nil || !r.backTogether(t, n) {
		r.walkBack()
	}
	if !t.samples.on { // else sampleSquare and weigh read what finishBack gives back
		r.finishBack(t, n)
	}
}

// prepareBack collects all that the backward pass writes to.
func (r *recurrence) prepareBack(t *Tape, n *node) {
	width := r.gates * r.hidden
	r.wih, r.whh, r.dy, r.dh0 = t.operand(n, 1), t.operand(n, 2), n.grad, t.gradMore(n, moreH0)
	r.ldd = width
	if r.cell == &lstmCell {
		r.ldd = rowStride(width)
		if r.dc == nil {
			r.dc = t.floats.zeroed(r.batch * r.hidden)
		}
	}
	r.steps = min(stepsAtATime(r.batch*width), r.time)
	if t.samples.on {
		r.steps = r.time
	}
	r.dacts = t.floats.reuse(r.steps * r.batch * r.ldd)
	r.dgh = r.dacts
	if r.apart {
		r.dgh = t.floats.reuse(len(r.dacts))
	}
	if r.mask != nil {
		r.dmasked = t.floats.reuse(r.batch * r.hidden)
	}
	r.gx, r.accX = t.gradBuffer(n, 0)
	r.gwi, r.accI = t.gradBuffer(n, 1)
	r.gwh, r.accH = t.gradBuffer(n, 2)
	r.gbi, r.gbh = t.gradOf(n, 3), t.gradMore(n, moreBiasHH)
}

// walkBack runs the backward pass.
func (r *recurrence) walkBack() {
	batch, in, hidden := r.batch, r.in, r.hidden
	for r.to = r.time; r.to > 0; r.to = r.from {
		r.from = max(0, r.to-r.steps)
		first, before := r.from, r.from // the chunk's first step, and where the states before its steps begin
		if r.reverse {
			first = r.time - r.to
			before = first + 1
		}
		r.base = first * batch
		r.run()
		steps := (r.to - r.from) * batch
		x, h := rows(r.x, r.base, steps, in), rows(r.hs, before*batch, steps, hidden)
		if r.mask != nil {
			h = rows(r.masked, r.base, steps, hidden)
		}
		r.sumWeights(x, h, steps)
		if r.gx != nil {
			gemm.Gemm{M: steps, N: in, K: r.gates * hidden, LDA: r.ldd,
				Accumulate: r.accX}.Run(rows(r.gx, r.base, steps, in), r.dacts, r.wih)
		}
	}
}

// sumWeights adds what steps gradients of gates, with the inputs x and the
// states before, h, make of the gradients of weights and biases.
func (r *recurrence) sumWeights(x, h []float32, steps int) {
	g := gemm.Gemm{M: r.gates * r.hidden, K: steps, TransA: true, LDA: r.ldd}
	if r.gwi != nil {
		g.N, g.Accumulate, r.accI = r.in, r.accI, true
		g.Run(r.gwi, r.dacts, x)
	}
	if r.gwh != nil {
		g.N, g.Accumulate, r.accH = r.hidden, r.accH, true
		g.Run(r.gwh, r.dgh, h)
	}
	if r.gbi != nil {
		rowwise.AddRowsWide(r.gbi, r.dacts, steps, r.ldd)
	}
	if r.gbh != nil {
		rowwise.AddRowsWide(r.gbh, r.dgh, steps, r.ldd)
	}
}

// finishBack hands on the gradient of the first cells and gives back memory.
func (r *recurrence) finishBack(t *Tape, n *node) {
	if g := t.gradMore(n, moreC0); g != nil {
		elementwise.Add(g, g, r.dc)
	}
	t.floats.recycle(r.dacts)
	if r.apart {
		t.floats.recycle(r.dgh)
	}
	if r.mask != nil {
		t.floats.recycle(r.dmasked)
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

// The cells are not an output of their own: their gradient waits at the
// operation.
func backFinalCell(t *Tape, n *node) {
	t.gradOf(n, 0) // makes sure that the operation goes backwards
	d := t.floats.take(len(n.grad))
	copy(d, n.grad)
	t.nodes[n.in[0]].kept.(*recurrence).dc = d
}

// rowStride is a distance between rows of n elements that starts each on a
// cache line and is off powers of 2, which map all rows to few places in the
// cache.
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
