package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// checkBias panics unless Bias and Relative fit.
func (at *Attend) checkBias(op string, x Tensor, batch, tq, tk int) {
	if at.Bias.t != nil {
		n := at.Bias.node(op)
		sameTape(op, x, at.Bias)
		want := [4]int{batch, at.Heads, tq, tk}
		ok := n.n >= 2 && n.n <= 4
		for k := 0; ok && k < n.n; k++ {
			d := n.d[n.n-1-k]
			ok = d == want[3-k] || d == 1 && k > 0
		}
		if !ok {
			shapePanic(op, -1, fmt.Sprintf("Bias must be [Tq, Tk], [heads, Tq, Tk] or [batch, heads, Tq, Tk], here [%d %d %d %d]; batch, heads and Tq may be 1", batch, at.Heads, tq, tk), at.Bias)
		}
	}
	if at.Relative.t != nil {
		n := at.Relative.node(op)
		sameTape(op, x, at.Relative)
		if n.n != 2 || n.d[0] != at.Heads && n.d[0] != 1 || n.d[1] != max(tq+tk-1, 0) {
			shapePanic(op, -1, fmt.Sprintf("Relative must be [heads, Tq+Tk−1], here [%d %d]; heads may be 1", at.Heads, max(tq+tk-1, 0)), at.Relative)
		}
	}
}

// learns reports whether gradients are wanted of what is added to the scores.
func (at *Attend) learns() bool {
	needs := func(x Tensor) bool { return x.t != nil && x.t.nodes[x.i].needs }
	return needs(at.Bias) || needs(at.Relative)
}

// scoreBias is what attention adds to its scores.
type scoreBias struct {
	in, relativeIn int32 // the operands; data are nil where there are none

	data             []float32
	batch, head, row int // from one to the next; 0: the same

	relative     []float32
	heads        int // of relative
	length, last int // of its rows; the element of query 0 and key 0

	// backward
	samples      int
	grad         []float32 // nil: not wanted
	relativeGrad []float32
	partials     []float32 // [parts, length]
}

// start says where Bias and Relative lie.
func (s *scoreBias) start(at *Attend, tq int) {
	if at.Bias.t != nil {
		n := &at.Bias.t.nodes[at.Bias.i]
		s.in, s.data = at.Bias.i, n.data
		step := 1
		for k, stride := range []*int{nil, &s.row, &s.head, &s.batch} {
			if k >= n.n {
				break
			}
			d := n.d[n.n-1-k]
			if k > 0 && d > 1 {
				*stride = step
			}
			step *= d
		}
	}
	if at.Relative.t != nil {
		n := &at.Relative.t.nodes[at.Relative.i]
		s.relativeIn, s.relative, s.heads, s.length, s.last = at.Relative.i, n.data, n.d[0], n.d[1], tq-1
	}
}

// rows are what is added to the scores of one query, for the first seen keys;
// nil for nothing.
func (s *scoreBias) rows(b, h, i, seen int) (bias, relative []float32) {
	if s.data != nil {
		bias = s.data[b*s.batch+h*s.head+i*s.row:][:seen]
	}
	if s.relative != nil {
		relative = s.relative[min(h, s.heads-1)*s.length+s.last-i:][:seen]
	}
	return bias, relative
}

// startBack finds the gradients to add to.
func (s *scoreBias) startBack(t *Tape) {
	if s.data != nil {
		s.grad = t.gradAt(s.in)
	}
	if s.relative != nil {
		s.relativeGrad = t.gradAt(s.relativeIn)
	}
}

// reserve makes memory for the parts' gradients of Relative.
func (s *scoreBias) reserve(t *Tape, a *attention, batch int) {
	if s.relativeGrad != nil {
		s.partials = t.floats.reuse(a.parts(batch) * s.length)
		clear(s.partials)
	}
}

// partial is where a part adds its gradient of Relative; nil: not wanted.
func (s *scoreBias) partial(a *attention, b, h, group int) []float32 {
	if s.relativeGrad == nil {
		return nil
	}
	return s.partials[a.part(b, h, group)*s.length:][:s.length]
}

// finish adds up the parts' gradients of Relative, in their order, and computes
// that of Bias.
func (s *scoreBias) finish(t *Tape, a *attention, batch int) {
	if s.relativeGrad != nil {
		for i := range a.parts(batch) {
			h := min(i/a.groups%a.heads, s.heads-1)
			g := s.relativeGrad[h*s.length:][:s.length]
			elementwise.Add(g, g, s.partials[i*s.length:][:s.length])
		}
		t.floats.recycle(s.partials)
	}
	if s.grad != nil {
		s.samples = batch
		cpu.Parallel(s.slices(a)*s.blocks(a), (*biasGrad)(a))
	}
}

// slices is how many pieces of Bias, [Tq, Tk], this batch reads.
func (s *scoreBias) slices(a *attention) int {
	n := 1
	if s.batch > 0 {
		n = s.samples
	}
	if s.head > 0 {
		n *= a.heads
	}
	return n
}

// blocks is how many pieces a slice's gradient falls into.
func (s *scoreBias) blocks(a *attention) int {
	if s.row == 0 { // one row for all queries
		return min(a.blocks, 1)
	}
	return a.blocks
}

// biasGrad is an attention that computes the gradient of Bias: dS, once more,
// of every sample and head that read it, added up in their order. A part is a
// block of queries of one slice, so that no two write to one place.
type biasGrad attention

func (g *biasGrad) Part(i int) {
	a := (*attention)(g)
	s := &a.bias
	slice, first := i/s.blocks(a), i%s.blocks(a)
	samples, sample, heads, head := s.samples, 0, a.heads, 0
	if s.head > 0 {
		heads, head = 1, slice%a.heads
		slice /= a.heads
	}
	if s.batch > 0 {
		samples, sample = 1, slice
	}
	size := a.block * a.ldp
	w := workspace(3 * size)
	defer workspaces.Put(w)
	free := carve(*w)
	block, dp, mask := free.take(size), free.take(size), free.take(size)
	for n := range samples * heads {
		b, h := a.base+sample+n/heads, head+n%heads
		for k := first; k < a.blocks; k += s.blocks(a) {
			q := k * a.block
			rows := min(a.block, a.tq-q)
			a.scoreGrads(block, dp, mask, q, rows, b, h)
			for r := range rows {
				seen := a.seen(b, q+r)
				to := s.grad[b*s.batch+h*s.head+(q+r)*s.row:][:seen]
				elementwise.Add(to, to, dp[r*a.ldp:][:seen])
			}
		}
	}
}

// scoreGrads computes the gradients of rows rows of a head's scores, from query
// i on, as backward does.
func (a *attention) scoreGrads(p, dp, mask []float32, i, rows, b, h int) {
	if a.probs != nil {
		p = a.kept(b, h, i)
	} else {
		a.probabilities(p, a.ldp, i, rows, nil, b, h)
	}
	n := a.seen(b, i+rows-1)
	dy := a.dy[((b-a.base)*a.tq+i)*a.width+h*(a.width/a.heads):]
	a.times(dp, a.ldp, dy, a.width, rows, n, 1, nil, 2, b, h)
	if a.keep < 1 {
		a.drop(dp, dp, a.mask(mask, i, rows, b, h), rows, n)
	}
	for r := range rows {
		seen := a.seen(b, i+r)
		rowwise.SoftmaxGradRow(dp[r*a.ldp:][:seen], p[r*a.ldp:][:seen])
	}
}
