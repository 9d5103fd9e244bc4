package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/elementwise"
)

// Backward computes the gradient of x, which must have one element, with
// respect to every parameter and variable it depends on, by walking the tape
// backwards once (reverse-mode differentiation; Griewank & Walther, Evaluating
// Derivatives, 2008, ch. 3). A second call before Reset panics: it would add to
// the gradients of the first. Two networks that train against each other take a
// tape each: see the example Adversarial of package nn.
func (x Tensor) Backward() Grads {
	if n := x.node("Backward"); len(n.data) != 1 {
		shapePanic("Backward", 0, "the loss must have one element: take a Mean or a Sum, or use BackwardFrom", x)
	}
	seed := x.t.floats.take(1)
	seed[0] = 1
	return x.backward(seed)
}

// BackwardFrom is Backward for a tensor of any shape, given dL/dx of the same
// number of elements: a vector–Jacobian product.
func (x Tensor) BackwardFrom(grad []float32) Grads {
	n := x.node("BackwardFrom")
	if len(grad) != len(n.data) {
		shapePanic("BackwardFrom", 0, lengthWhy(len(grad), len(n.data)), x)
	}
	seed := x.t.floats.take(len(grad))
	copy(seed, grad)
	return x.backward(seed)
}

func (x Tensor) backward(seed []float32) Grads {
	t := x.t
	if n := &t.nodes[x.i]; n.needs {
		if t.walked {
			panic("tensor: a second Backward before Tape.Reset; add the losses up, or take a tape for each")
		}
		t.walked = true
		n.grad = seed
	}
	for i := x.i; i >= 0; i-- {
		n := &t.nodes[i]
		if n.grad == nil || n.back == nil {
			if n.param != nil && t.complete != nil { // all that uses it comes after it on the tape
				if g := t.whole(n); g != nil {
					t.complete(n.param, g)
				}
			}
			continue
		}
		var kept []float32
		if n.keep { // someone will read it, and a backward function may overwrite it
			kept = t.floats.reuse(len(n.grad))
			copy(kept, n.grad)
		}
		n.back(t, n)
		if n.stays {
			continue
		}
		if n.grad != nil {
			t.floats.recycle(n.grad)
		}
		n.grad = kept
	}
	return Grads{tape: t, gen: t.gen}
}

// OnComplete makes every Backward on the tape call f for each parameter as soon
// as its gradient is complete, while those of layers before it are still to be
// computed; nil ends that. Data-parallel training sends gradients from here. f
// may read and overwrite g, which is what Grads.Of will return.
func (t *Tape) OnComplete(f func(p *Param, g []float32)) { t.complete = f }

// GradMemory makes every Backward on the tape compute the gradients of
// parameters in the memory that f gives for each, of its length; nil is memory
// of the tape. Gradients that an operation has in memory of its own stay there:
// to gather all in one place, check where Grads.Of lies. A nil f ends that.
func (t *Tape) GradMemory(f func(p *Param) []float32) { t.memory = f }

// gradMemory is memory for the gradient of a node.
func (t *Tape) gradMemory(n *node) []float32 {
	if n.param != nil && t.memory != nil {
		if g := t.memory(n.param); g != nil {
			return g
		}
	}
	return t.floats.reuse(len(n.data))
}

// record links a result to its operands and its backward function. Without an
// operand that needs a gradient the result needs none either.
func (n *node) record(t *Tape, back func(*Tape, *node), in ...int32) {
	for k, i := range in {
		if k < len(n.in) {
			n.in[k] = i
		}
		if i >= 0 && t.nodes[i].needs {
			n.needs = true
		}
	}
	if n.needs {
		n.back = back
	}
}

// gradOf gives the gradient buffer of operand k to add into, or nil when none
// is wanted.
func (t *Tape) gradOf(n *node, k int) []float32 {
	if n.in[k] < 0 {
		return nil
	}
	return t.gradAt(n.in[k])
}

func (t *Tape) gradAt(i int32) []float32 {
	m := &t.nodes[i]
	if !m.needs {
		return nil
	}
	if m.grad == nil && t.whole(m) == nil {
		m.grad = t.gradMemory(m)
		clear(m.grad)
	}
	return m.grad
}

// gradBuffer is gradOf for kernels that can write or accumulate: it does not
// clear a new buffer, and says whether there is something to add to.
func (t *Tape) gradBuffer(n *node, k int) (g []float32, accumulate bool) {
	if n.in[k] < 0 {
		return nil, false
	}
	return t.bufferAt(n.in[k])
}

func (t *Tape) bufferAt(i int32) (g []float32, accumulate bool) {
	m := &t.nodes[i]
	if !m.needs {
		return nil, false
	}
	if m.grad != nil || t.whole(m) != nil {
		return m.grad, true
	}
	m.grad = t.gradMemory(m)
	return m.grad, false
}

// handOn gives n.grad, as it stands, to operand k: the buffer itself where the
// operand has no gradient yet, else its sum. The last use of n.grad in a
// backward function; afterwards n has no gradient. (A backward function is
// n.grad's last reader and may overwrite it first.)
func (t *Tape) handOn(n *node, k int) {
	m := &t.nodes[n.in[k]]
	switch {
	case !m.needs:
	case m.grad != nil || t.whole(m) != nil:
		elementwise.Add(m.grad, m.grad, n.grad)
	default:
		m.grad, n.grad = n.grad, nil
	}
}

// Grads are the gradients of one Backward. They live on the tape until its
// Reset, or in the [GradSum] they were added to. An optimizer's Step consumes
// them: it may scale and clip them in place.
type Grads struct {
	tape *Tape
	gen  uint32
	sum  *GradSum
}

func (g Grads) check() {
	if g.tape != nil && g.gen != g.tape.gen {
		panic("tensor: gradients from before Tape.Reset; step the optimizer first, or add them to a GradSum")
	}
}

// Of is the gradient with respect to a parameter, of the parameter's length,
// or nil when the loss does not depend on it.
func (g Grads) Of(p *Param) []float32 { return g.OfHint(p, 0) }

// OfHint is Of with a guess at the parameter's position in the order of first
// use. A right guess saves a map look-up in hot loops; a wrong one costs only
// time.
func (g Grads) OfHint(p *Param, hint int) []float32 {
	g.check()
	if g.sum != nil {
		return g.sum.of(p)
	}
	if g.tape == nil {
		return nil
	}
	if n := g.tape.find(p, hint); n != nil {
		return g.tape.whole(n)
	}
	return nil
}

// Wait reports whether the gradient of some parameter may be there as rows or
// as factors: see [Grads.Rows] and [Grads.Outer].
func (g Grads) Wait() bool { return g.tape != nil && g.tape.waiting }

// OfAll writes the gradients of parameters to grads, as Of gives them, nil for
// frozen ones. It is quickest where they stand in the order of their first use.
func (g Grads) OfAll(params []*Param, grads [][]float32) {
	g.check()
	t := g.tape
	for i, p := range params {
		switch {
		case p.Frozen:
			grads[i] = nil
		case t != nil && i < len(t.used) && t.used[i].p == p && t.used[i].gen == t.gen+1:
			grads[i] = t.whole(&t.nodes[t.used[i].i])
		default:
			grads[i] = g.OfHint(p, i)
		}
	}
}

// Wrt is the gradient with respect to a [Tape.Variable], or to a tensor marked
// by [Tensor.RetainGrad]; nil when nothing flowed there.
func (g Grads) Wrt(x Tensor) []float32 {
	g.check()
	n := x.node("Wrt")
	if g.tape != x.t {
		panic("tensor: Wrt of a tensor from another tape")
	}
	if !n.keep {
		if n.in[0] < 0 && n.more == nil { // nothing went into it
			panic("tensor: Wrt of a tensor that gets no gradient (" + n.op + "); use Variable instead of Input")
		}
		panic("tensor: Wrt of an intermediate tensor; call RetainGrad on it before Backward")
	}
	return x.t.whole(n)
}

// Commit applies what forward passes in training mode collected for buffers
// (running statistics), once. An optimizer's Step and [GradSum.Add] call it,
// so that buffers are written by one goroutine, after the step.
func (g Grads) Commit() {
	g.check()
	if g.tape == nil {
		return
	}
	for _, p := range g.tape.pending {
		m := p.momentum
		for i, v := range p.value {
			p.buf.Data[i] += m * (v - p.buf.Data[i])
		}
		p.buf.Count++
	}
	g.tape.pending = g.tape.pending[:0]
}

// Collected calls f for what forward passes collected for buffers and Commit
// has not applied yet: value is what the buffer is to be moved to, by the
// fraction momentum of the way.
func (g Grads) Collected(f func(b *Buffer, value []float32, momentum float32)) {
	g.check()
	if g.tape == nil {
		return
	}
	for _, p := range g.tape.pending {
		f(p.buf, p.value, p.momentum)
	}
}

// A GradSum adds up the gradients of several steps or of several tapes in
// memory of its own: gradient accumulation, data-parallel workers. The order
// of the Adds decides the bits, not the order in which workers finish.
type GradSum struct {
	sums  map[*Param]*summed
	order []*Param
	// Added counts the calls of Add since Clear.
	Added int
}

type summed struct {
	g   []float32
	set bool
}

// NewGradSum makes an empty sum.
func NewGradSum() *GradSum { return &GradSum{sums: map[*Param]*summed{}} }

// Add adds weight·g to the sum, for every parameter that g's tape used, and
// commits g's buffers. Weight 1/k makes k equal batches a mean.
func (s *GradSum) Add(g Grads, weight float32) {
	g.check()
	if g.tape == nil {
		panic("tensor: GradSum.Add needs the gradients of a tape")
	}
	for _, u := range g.tape.used {
		if u.gen != g.tape.gen+1 {
			continue
		}
		grad := g.tape.whole(&g.tape.nodes[u.i])
		if grad == nil {
			continue
		}
		e := s.sums[u.p]
		if e == nil {
			e = &summed{g: make([]float32, len(grad))}
			s.sums[u.p] = e
			s.order = append(s.order, u.p)
		}
		if len(e.g) != len(grad) {
			panic(fmt.Sprintf("tensor: parameter %q changed its size between two Adds", u.p.Name))
		}
		if e.set {
			elementwise.Axpy(e.g, weight, grad)
		} else {
			elementwise.Scale(e.g, grad, weight)
			e.set = true
		}
	}
	s.Added++
	g.Commit()
}

// Set makes g, which stays the caller's memory, the sum for p until Clear.
func (s *GradSum) Set(p *Param, g []float32) {
	if len(g) != p.Size() {
		panic(fmt.Sprintf("tensor: GradSum.Set: %d numbers for parameter %q of %d", len(g), p.Name, p.Size()))
	}
	e := s.sums[p]
	if e == nil {
		e = &summed{}
		s.sums[p] = e
		s.order = append(s.order, p)
	}
	e.g, e.set = g, true
}

// Grads are the sums, for an optimizer. They stay the GradSum's own.
func (s *GradSum) Grads() Grads { return Grads{sum: s} }

// Full is the sum of a parameter's gradients, which may be changed in place;
// zeros that count as a gradient where there is none.
func (s *GradSum) Full(p *Param) []float32 {
	e := s.sums[p]
	if e == nil || len(e.g) != p.Size() {
		e = &summed{g: make([]float32, p.Size())}
		if s.sums[p] == nil {
			s.order = append(s.order, p)
		}
		s.sums[p] = e
	}
	if !e.set {
		clear(e.g)
		e.set = true
	}
	return e.g
}

// Clear empties the sum and keeps its memory.
func (s *GradSum) Clear() {
	for _, p := range s.order {
		s.sums[p].set = false
	}
	s.Added = 0
}

func (s *GradSum) of(p *Param) []float32 {
	if e := s.sums[p]; e != nil && e.set {
		return e.g
	}
	return nil
}
