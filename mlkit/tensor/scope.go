package tensor

// Scope returns f's result. On a tape that records no gradients, the memory of
// whatever else f computes is used again from then on, so that a deep network
// takes that of one block, and finds it in cache: tensors made in f, but for
// the result and parameters, become invalid. Scopes may be nested. On other
// tapes Scope is f and nothing else.
//
// Memory that f has from [Tape.Scratch] is given back, too; what f leaves for
// the end of the step ([Tape.CollectBuffer], [Tape.RecordMean]) makes its scope
// keep everything.
func (t *Tape) Scope(f func() Tensor) Tensor {
	if !t.noGrad {
		return f()
	}
	first, nodes := t.first, len(t.nodes)
	begin, later := t.floats.mark(), len(t.pending)+len(t.means)
	t.first = nodes
	y := f()
	y.node("Scope")            // computed, if it waited for its first reader
	outside := t.first < nodes // something of outside has its memory here
	t.first = min(t.first, first)
	if outside || later != len(t.pending)+len(t.means) || !t.noGrad {
		t.floats.floor = begin.floor
		return y
	}
	t.floats.rewind(begin)
	for i := nodes; i < len(t.nodes); i++ {
		switch n := &t.nodes[i]; {
		case i == int(y.i):
			s := t.floats.take(len(n.data))
			copy(s, n.data) // which may lie before it
			n.data = s
		case n.param == nil:
			n.data, n.fill, n.over = nil, nil, true
		}
	}
	for k := range t.used { // what changes have made of parameters is gone
		if u := &t.used[k]; u.gen == t.gen+1 && u.y != u.i && int(u.y) >= nodes {
			u.gen, t.live = 0, t.live-1
		}
	}
	return y
}

// arenaMark is how far an arena has been handed out.
type arenaMark struct{ block, off, used, floor int }

// mark begins a part of what is handed out that rewind can take back: what is
// recycled before it is left alone until then.
func (a *arena[T]) mark() arenaMark {
	m := arenaMark{a.block, a.off, a.used, a.floor}
	a.floor = len(a.free)
	return m
}

// rewind takes back what was handed out since the mark.
func (a *arena[T]) rewind(m arenaMark) {
	a.peak = max(a.peak, a.used)
	clear(a.free[a.floor:])
	a.free = a.free[:a.floor]
	a.block, a.off, a.used, a.floor = m.block, m.off, m.used, m.floor
}
