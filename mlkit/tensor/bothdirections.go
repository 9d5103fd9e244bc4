package tensor

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
)

// LSTMBoth is [Tensor.LSTM] of two directions, neither of which waits for the
// other: where a batch is too small to keep the cores busy, each direction has
// a core of its own. The results come in the order of a and b.
func (x Tensor) LSTMBoth(a, b Recurrent) (out, hN, cN [2]Tensor) {
	return x.bothDirections(&lstmCell, a, b)
}

// GRUBoth is [Tensor.GRU] of two directions, as [Tensor.LSTMBoth].
func (x Tensor) GRUBoth(a, b Recurrent) (out, hN [2]Tensor) {
	out, hN, _ = x.bothDirections(&gruCell, a, b)
	return out, hN
}

// RNNBoth is [Tensor.RNN] of two directions, as [Tensor.LSTMBoth].
func (x Tensor) RNNBoth(a, b Recurrent, relu bool) (out, hN [2]Tensor) {
	out, hN, _ = x.bothDirections(simple(relu), a, b)
	return out, hN
}

func (x Tensor) bothDirections(c *cell, a, b Recurrent) (out, hN, cN [2]Tensor) {
	var p pair
	out[0], p[0] = x.recurrence(c, a)
	out[1], p[1] = x.recurrence(c, b)
	p[1].other, p[1].node = p[0], out[0].i
	p.run()
	for i, r := range p {
		hN[i], cN[i] = r.finals(out[i])
	}
	return out, hN, cN
}

// pair is the work of two directions. Each is the same numbers whether they run
// side by side or in turn.
type pair [2]*recurrence

var pairs cpu.FreeList[pair]

// Many cores do better to share the products of a step than to leave all but
// two idle, unless these are small: manyCores and smallStep are the bounds.
const (
	manyCores = 4
	smallStep = 1 << 20
)

func (p pair) run() {
	r, workers := p[0], cpu.Workers()
	task := pairs.Get()
	*task = p
	if r.batch <= rowsPerPart*(workers-1) && (workers < manyCores || r.batch*r.hidden*r.gates*r.hidden < smallStep) {
		cpu.Parallel(len(p), task)
	} else {
		task.Part(0)
		task.Part(1)
	}
	*task = pair{}
	pairs.Put(task)
}

// Part implements cpu.Task: a direction.
func (p *pair) Part(i int) {
	if p[i].dy == nil {
		p[i].compute()
	} else {
		p[i].walkBack()
	}
}

// backTogether runs the backward pass of r, whose node is n and which is
// prepared, and of the direction begun before it. It reports false, and does
// nothing, where that one has no gradient, someone wants to read it, or both
// would write to the same place.
func (r *recurrence) backTogether(t *Tape, n *node) bool {
	m := &t.nodes[r.node]
	if m.grad == nil || m.keep || share(n, m) {
		return false
	}
	r.other.prepareBack(t, m)
	apart := r.other.gx != nil
	if apart { // both add to the gradient of x
		r.other.gx, r.other.accX = t.floats.reuse(len(r.other.gx)), false
	}
	pair{r.other, r}.run()
	if apart {
		elementwise.Add(r.gx, r.gx, r.other.gx)
		t.floats.recycle(r.other.gx)
	}
	r.other.finishBack(t, m)
	t.floats.recycle(m.grad)
	m.grad = nil // it is done
	return true
}

// share reports whether two operations have an operand in common, beside x.
func share(n, m *node) bool {
	for k := 1; k < len(n.in)+len(n.more); k++ {
		for l := 1; l < len(m.in)+len(m.more); l++ {
			if i := n.operand(k); i >= 0 && i == m.operand(l) {
				return true
			}
		}
	}
	return false
}

// operand is the node of operand k, or −1.
func (n *node) operand(k int) int32 {
	if k < len(n.in) {
		return n.in[k]
	}
	return n.more[k-len(n.in)]
}
