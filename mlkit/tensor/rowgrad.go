package tensor

import (
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// The gradient of a look-up has as many rows as there were ids, that of the
// table as many as the table has. So a parameter that is only looked up gets no
// gradient of its size: its look-ups wait, and are added up where they are
// wanted, by rows (Grads.Rows) or in full (Grads.Of, or another use of the
// parameter, as output weights tied to an embedding). Both add the gradients of
// a row in the same order, so they have the same bits.

// taken is what a look-up keeps: the ids, and how many blocks there are, of how
// many rows, of how many elements. The row padding gets no gradient.
type taken struct {
	ids                  []int32
	from                 []int32 // the row of the gradient that belongs to each id; nil: the one at its place
	outer, length, inner int
	padding              int
	counts               []int32 // of a mean over bags: where each begins

	grad []float32 // of the result, waiting
	next *taken    // the look-up that waits behind this one
	of   []int32   // which of the rows found each id is, −1 for padding
}

var takes = newKeeper[taken]()

// rowGrad is what a parameter keeps that has been looked up: the look-ups that
// wait, or, once wanted by rows, their sum.
type rowGrad struct {
	first, last *taken
	rows        []int32
	values      []float32
}

var rowGrads = newKeeper[rowGrad]()

func backTake(t *Tape, n *node) {
	k := n.kept.(*taken)
	m := &t.nodes[n.in[0]]
	if !m.needs { // the pass for the norms of samples
		return
	}
	if _, ok := m.kept.(*outerGrad); ok || m.param == nil || m.grad != nil || k.outer != 1 {
		t.addTaken(t.gradOf(n, 0), k, n.grad)
		return
	}
	r, ok := m.kept.(*rowGrad)
	if !ok {
		r = rowGrads.lend(t, m)
		t.waiting = true
	}
	k.grad, n.grad = n.grad, nil
	if r.first == nil {
		r.first = k
	} else {
		r.last.next = k
	}
	r.last = k
}

// whole is the gradient of a node, in full, nil if there is none. It is small
// enough for the compiler to put it where it is called, for every operand.
func (t *Tape) whole(m *node) []float32 {
	if m.grad == nil && m.param != nil && m.kept != nil {
		t.spread(m)
	}
	return m.grad
}

// spread writes the gradient of the rows looked up into one of all rows.
func (t *Tape) spread(m *node) {
	if o, ok := m.kept.(*outerGrad); ok {
		t.multiply(m, o)
		return
	}
	r := m.kept.(*rowGrad)
	m.grad = t.floats.reuse(len(m.data))
	elementwise.Fill(m.grad, 0)
	if r.rows != nil {
		elementwise.AxpyRows(m.grad, 1, r.values, r.rows, len(m.data)/max(1, m.d[0]))
	}
	for k := r.first; k != nil; k = k.next {
		t.addTaken(m.grad, k, k.grad)
		t.floats.recycle(k.grad)
	}
	*r = rowGrad{}
	m.kept = nil
}

// addUp adds up the look-ups of a parameter that wait, by the rows they touch.
func (t *Tape) addUp(r *rowGrad) {
	total, length, inner := 0, r.first.length, r.first.inner
	for k := r.first; k != nil; k = k.next {
		total += len(k.ids)
	}
	most := min(total, length) // shapes, not ids, decide how much memory a step takes
	rows := t.ints.take(most)[:0]
	for k := r.first; k != nil; k = k.next {
		rows = t.number(k, rows)
	}
	t.forget(rows)
	values := t.floats.take(most * inner)[:len(rows)*inner]
	clear(values)
	for k := r.first; k != nil; k = k.next {
		rowwise.AddLists(values, k.grad, t.together(k, len(rows), most), inner)
		t.floats.recycle(k.grad)
	}
	*r = rowGrad{rows: rows, values: values}
}

// fewIDs is up to where additions one after another are no slower, nor less
// exact, than bringing equal ids together.
const fewIDs = 1 << 9

// addTaken adds the gradient of a look-up to that of the table.
func (t *Tape) addTaken(g []float32, k *taken, dy []float32) {
	if len(dy) == 0 {
		return
	}
	size, block := len(dy)/k.outer, k.length*k.inner
	if len(k.ids) <= fewIDs {
		for o := range k.outer {
			g, dy := g[o*block:], dy[o*size:]
			for i, id := range k.ids {
				if k.from != nil {
					i = int(k.from[i])
				}
				if int(id) != k.padding {
					row := rows(g, int(id), 1, k.inner)
					elementwise.Add(row, row, rows(dy, i, 1, k.inner))
				}
			}
		}
		return
	}
	most := min(len(k.ids), k.length)
	found := t.number(k, t.ints.take(most)[:0])
	t.forget(found)
	l := t.together(k, len(found), most)
	l.To = found
	for o := range k.outer {
		rowwise.AddLists(g[o*block:(o+1)*block], dy[o*size:(o+1)*size], l, k.inner)
	}
}

// number gives each id the place of its row in found, and adds the rows that
// are not there yet.
func (t *Tape) number(k *taken, found []int32) []int32 {
	if len(t.places) < k.length {
		t.places = make([]int32, k.length)
	}
	k.of = t.ints.take(len(k.ids))
	for i, id := range k.ids {
		if int(id) == k.padding {
			k.of[i] = -1
			continue
		}
		p := t.places[id]
		if p == 0 {
			found = append(found, id)
			p = int32(len(found))
			t.places[id] = p
		}
		k.of[i] = p - 1
	}
	return found
}

// forget clears the places of rows.
func (t *Tape) forget(found []int32) {
	for _, id := range found {
		t.places[id] = 0
	}
}

// together lists what each of n rows is the sum of: a counting sort, so
// that equal ids stay in their order.
func (t *Tape) together(k *taken, n, most int) rowwise.Lists {
	first, at := t.ints.take(most + 2)[:n+2], t.ints.take(len(k.of))
	clear(first)
	for _, p := range k.of {
		if p >= 0 {
			first[p+2]++
		}
	}
	for i := 2; i < len(first); i++ {
		first[i] += first[i-1]
	}
	for i, p := range k.of {
		if p >= 0 {
			if k.from != nil {
				i = int(k.from[i])
			}
			at[first[p+1]] = int32(i)
			first[p+1]++
		}
	}
	return rowwise.Lists{At: at[:first[n]], First: first[:n+1]}
}

// Rows is [Grads.OfHint] for a parameter that was only looked up
// ([Tensor.Rows], [Tensor.Embed], [Tensor.EmbedBag]): rows are those looked up,
// each once, in the order in which the backward pass met them first, and grad
// their gradients, one after the other; the gradient of every other row is
// zero. Where rows is nil, grad is the gradient in full, or nil, as of OfHint.
// A call of Of puts the gradient, in whatever state it is by then, in full.
func (g Grads) Rows(p *Param, hint int) (rows []int32, grad []float32) {
	g.check()
	if g.tape == nil {
		return nil, g.OfHint(p, hint)
	}
	n := g.tape.find(p, hint)
	if n == nil {
		return nil, nil
	}
	if n.grad != nil || n.kept == nil {
		return nil, n.grad
	}
	if r, ok := n.kept.(*rowGrad); ok {
		return g.tape.summed(r)
	}
	return nil, g.tape.whole(n)
}

// summed are the rows that wait, added up, and which they are.
func (t *Tape) summed(r *rowGrad) (rows []int32, grad []float32) {
	if r.first != nil {
		t.addUp(r)
	}
	return r.rows, r.values
}
