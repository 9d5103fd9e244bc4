package tensor

import "descent/mlkit/internal/kernel/elementwise"

// GRUResetBefore is [Tensor.GRU] with the reset gate on the state before the
// product, not on the product (Cho et al. 2014; Keras's reset_after=False,
// ONNX's linear_before_reset=0):
//
//	n = tanh(W_in·x + b_in + W_hn·(r∘h) + b_hn)
//
// It is computed step by step, by several operations each: several times
// slower.
func (x Tensor) GRUResetBefore(w Recurrent) (out, hN Tensor) {
	out, hN, _ = x.unrolled(&gruResetBefore, w)
	return out, hN
}

// gruResetBefore is unrolled only.
var gruResetBefore = cell{op: "GRUResetBefore", gates: 3}

// unrolled computes a recurrent layer step by step, of simpler operations,
// which have second derivatives. It takes and gives what the one operation
// does.
func (x Tensor) unrolled(c *cell, w Recurrent) (out, hN, cN Tensor) {
	time, batch, _, hidden, lengths := x.recurrentShapes(c, w)
	t := x.t
	h, state := w.H0, w.C0
	if h.t == nil {
		h = t.Full(0, batch, hidden)
	}
	if state.t == nil && c == &lstmCell {
		state = t.Full(0, batch, hidden)
	}
	inputs := x.Linear(w.WeightIH, w.BiasIH)
	outs := t.lists.take(time)
	for k := range time {
		if w.Reverse {
			k = time - 1 - k
		}
		met := h // where the weights meet it
		if m, size := w.StateMask, batch*hidden; m != nil {
			if len(m) != size {
				m = m[k*size : (k+1)*size]
			}
			met = h.Mul(t.Input(m, batch, hidden))
		}
		newH, newState := c.unrolledStep(inputs.Select(0, k), h, met, state, &w)
		if lengths != nil {
			mask := t.floats.take(batch)
			for b := range mask {
				mask[b] = 0
				if within(lengths, b, k) {
					mask[b] = 1
				}
			}
			m := t.Input(mask, batch, 1)
			newH = Where(m, newH, h)
			if c == &lstmCell {
				newState = Where(m, newState, state)
			}
		}
		h, state = newH, newState
		outs[k] = h
	}
	return Stack(0, outs...), h, state
}

// unrolledStep is one step, given the input's share of the gates and the state
// as it is and as the weights meet it.
func (c *cell) unrolledStep(in, h, met, state Tensor, w *Recurrent) (newH, newState Tensor) {
	n := h.Dim(1)
	if c == &gruResetBefore {
		rz := in.Slice(1, 0, 2*n).Add(met.LinearRows(w.WeightHH, w.BiasHH, 0, 2*n)).Sigmoid()
		r, z := rz.Slice(1, 0, n), rz.Slice(1, n, 2*n)
		fresh := in.Slice(1, 2*n, 3*n).Add(r.Mul(met).LinearRows(w.WeightHH, w.BiasHH, 2*n, 3*n)).Tanh()
		return z.Mul(h.Sub(fresh)).Add(fresh), Tensor{}
	}
	hh := met.Linear(w.WeightHH, w.BiasHH)
	switch c {
	case &lstmCell:
		g := in.Add(hh)
		i, f, o := g.Slice(1, 0, n).Sigmoid(), g.Slice(1, n, 2*n).Sigmoid(), g.Slice(1, 3*n, 4*n).Sigmoid()
		newState = f.Mul(state).Add(i.Mul(g.Slice(1, 2*n, 3*n).Tanh()))
		return o.Mul(newState.Tanh()), newState
	case &gruCell:
		rz := in.Slice(1, 0, 2*n).Add(hh.Slice(1, 0, 2*n)).Sigmoid()
		r, z := rz.Slice(1, 0, n), rz.Slice(1, n, 2*n)
		fresh := in.Slice(1, 2*n, 3*n).Add(r.Mul(hh.Slice(1, 2*n, 3*n))).Tanh()
		return z.Mul(h.Sub(fresh)).Add(fresh), Tensor{}
	case &reluCell:
		return in.Add(hh).ReLU(), Tensor{}
	}
	return in.Add(hh).Tanh(), Tensor{}
}

// recurrent goes on with the layer, node i, computed step by step.
func (d *twice) recurrent(n *node, i int32, r *recurrence, dy Tensor) bool {
	from := len(d.t.nodes)
	out, _, state := d.operand(n, 0).unrolled(r.cell, Recurrent{
		WeightIH: d.operand(n, 1), WeightHH: d.operand(n, 2), BiasIH: d.operand(n, 3),
		BiasHH: d.tensor(n.more[moreBiasHH]), H0: d.tensor(n.more[moreH0]), C0: d.tensor(n.more[moreC0]),
		Lengths: NewInts(r.lengths), Reverse: r.reverse, StateMask: r.mask})
	d.grads[out.i] = dy
	if g, ok := d.states[i]; ok {
		d.grads[state.i] = g
	}
	d.err = d.walk(out.i, int32(from)) // the last to be recorded
	return true
}

// finalState and finalCell hand the gradients of final states to the layer: to
// its outputs, and, where it has no output of its own, to recurrent.
func (d *twice) finalState(n *node, dy Tensor) {
	at, size := n.kept.(*final).off, n.size()
	d.add(n, 0, func() Tensor {
		return dy.linearMap(n.op, d.shape(n, 0), linearMap{
			func(dst, src []float32) { elementwise.Add(dst[at:at+size], dst[at:at+size], src) },
			func(dst, src []float32) { elementwise.Add(dst, dst, src[at:at+size]) }})
	})
}

func (d *twice) finalCell(n *node, dy Tensor) {
	d.add(n, 0, func() Tensor {
		if d.states == nil {
			d.states = map[int32]Tensor{}
		}
		d.states[n.in[0]] = dy
		s := d.shape(n, 0)
		return d.t.Full(0, s.dims()...)
	})
}

// turn is TimeMajor and JoinDirections, which move rows.
func (d *twice) turn(n *node, j *directions, dy Tensor) {
	if n.op == "TimeMajor" {
		time, batch, f := n.d[0], n.d[1], n.d[2]
		move := func(to func(b, s int) (dst, src int)) func(dst, src []float32) {
			return func(dst, src []float32) {
				for b := range batch {
					for s := range end(j.lengths, b, time) {
						i, k := to(b, s)
						row := rows(dst, i, 1, f)
						elementwise.Add(row, row, rows(src, k, 1, f))
					}
				}
			}
		}
		d.add(n, 0, func() Tensor {
			return dy.linearMap(n.op, d.shape(n, 0), linearMap{
				move(func(b, s int) (int, int) { return b*time + s, s*batch + b }),
				move(func(b, s int) (int, int) { return s*batch + b, b*time + s })})
		})
		return
	}
	for k := range j.width / max(j.h, 1) {
		d.add(n, k, func() Tensor {
			return dy.linearMap(n.op, d.shape(n, k), linearMap{
				func(dst, src []float32) { j.scatter(dst, src[min(k*j.h, len(src)):], true) },
				func(dst, src []float32) {
					for s := range j.time {
						for b := range j.batch {
							if within(j.lengths, b, s) {
								to := dst[(s*j.stepRow+b*j.batchRow)*j.width+k*j.h:][:j.h]
								elementwise.Add(to, to, rows(src, s*j.batch+b, 1, j.h))
							}
						}
					}
				}})
		})
	}
}
