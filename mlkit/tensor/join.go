package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/elementwise"
)

// Concat puts tensors one after the other along an existing axis; the other
// axes must be equal.
func Concat(axis int, xs ...Tensor) Tensor { return join("Concat", axis, false, xs) }

// Stack puts tensors of one shape one after the other along a new axis.
func Stack(axis int, xs ...Tensor) Tensor { return join("Stack", axis, true, xs) }

func join(op string, axis int, stack bool, xs []Tensor) Tensor {
	if len(xs) == 0 {
		panic("tensor: " + op + " of no tensors")
	}
	s, a := xs[0].joinShape(op, axis, stack)
	t := xs[0].t
	length := 0
	for _, x := range xs {
		sameTape(op, xs[0], x)
		sx, _ := x.joinShape(op, axis, stack)
		if sx.n != s.n || sx.with(a, s.d[a]) != s {
			shapePanic(op, a, fmt.Sprintf("all axes but axis %d must be equal", a), xs[0], x)
		}
		if stack && sx != s {
			shapePanic(op, a, "all shapes must be equal", xs[0], x)
		}
		length += sx.d[a]
	}
	s = s.with(a, length)
	outer, _, inner := s.around(a)
	if length*inner > 0 && outer > (1<<31-1)/(length*inner) {
		shapePanic(op, a, "the result exceeds 2³¹−1 elements", xs[0])
	}
	data := t.floats.take(s.size())
	more := t.ints.take(len(xs))
	off, row := 0, length*inner
	for k, x := range xs {
		src := x.node(op).data
		more[k] = x.i
		for o, run := 0, len(src)/max(outer, 1); o < outer && run > 0; o++ {
			copy(data[o*row+off:], src[o*run:o*run+run])
		}
		off += len(src) / max(outer, 1)
	}
	y, n := t.push(op)
	n.data, n.shape = data, s
	n.more = more
	*joins.lend(t, n) = joined{outer, row}
	for _, i := range more {
		n.needs = n.needs || t.nodes[i].needs
	}
	if n.needs {
		n.back = backJoin
	}
	return y
}

// joinShape is x's shape as a part of the joined one, and the axis in that.
func (x Tensor) joinShape(op string, axis int, stack bool) (shape, int) {
	s := x.node(op).shape
	if !stack {
		return s, s.axis(op, axis)
	}
	if s.n == MaxRank {
		shapePanic(op, 0, fmt.Sprintf("the result would have more than %d axes", MaxRank), x)
	}
	s.n++
	a := s.axis(op, axis)
	copy(s.d[a+1:], s.d[a:s.n-1])
	s.d[a] = 1
	return s, a
}

// joined is what Concat and Stack keep: how many rows of how many elements the
// result has from the joined axis on.
type joined struct{ outer, row int }

var joins = newKeeper[joined]()

func backJoin(t *Tape, n *node) {
	j := n.kept.(*joined)
	outer, row := j.outer, j.row
	off := 0
	for _, i := range n.more {
		run := len(t.nodes[i].data) / max(outer, 1)
		g, acc := t.bufferAt(i)
		for o := 0; o < outer && g != nil && run > 0; o++ {
			d, src := g[o*run:o*run+run], n.grad[o*row+off:o*row+off+run]
			if acc {
				elementwise.Add(d, d, src)
			} else {
				copy(d, src)
			}
		}
		off += run
	}
}

// Split cuts x along an axis into parts of the given sizes, which must add up
// to the axis's length. The returned slice lives until Reset.
func (x Tensor) Split(axis int, sizes ...int) []Tensor {
	n := x.node("Split")
	a := n.axis("Split", axis)
	total := 0
	for _, s := range sizes {
		total += max(s, 0)
	}
	if total != n.d[a] {
		shapePanic("Split", a, fmt.Sprintf("the sizes %v do not add up to axis %d", append([]int{}, sizes...), a), x)
	}
	parts := x.t.lists.take(len(sizes))
	at := 0
	for k, s := range sizes {
		parts[k] = x.Slice(a, at, at+s)
		at += s
	}
	return parts
}

// Chunk cuts x along an axis into n equal parts; n must divide the axis. The
// returned slice lives until Reset.
func (x Tensor) Chunk(axis, n int) []Tensor {
	in := x.node("Chunk")
	a := in.axis("Chunk", axis)
	if n < 1 || in.d[a]%n != 0 {
		shapePanic("Chunk", a, fmt.Sprintf("axis %d cannot be cut into %d equal parts", a, n), x)
	}
	size := in.d[a] / n
	parts := x.t.lists.take(n)
	for k := range parts {
		parts[k] = x.Slice(a, k*size, (k+1)*size)
	}
	return parts
}

// Pad surrounds x with a constant: pads are pairs (before, after), the last
// axis first, as in PyTorch's pad: Pad(0, left, right, top, bottom).
func (x Tensor) Pad(value float32, pads ...int) Tensor {
	in := x.node("Pad")
	if len(pads)%2 != 0 || len(pads) > 2*in.n {
		shapePanic("Pad", 0, fmt.Sprintf("%d pads given; each axis, from the last, takes two", len(pads)), x)
	}
	s := in.shape
	before := [MaxRank]int{}
	for k := 0; k < len(pads); k += 2 {
		a := in.n - 1 - k/2
		if pads[k] < 0 || pads[k+1] < 0 {
			shapePanic("Pad", a, "a pad is negative; Slice cuts off", x)
		}
		before[a] = pads[k]
		s.d[a] += pads[k] + pads[k+1]
	}
	s = makeShape("Pad", s.dims())
	v := s.view()
	for k, d := range in.dims() {
		v.d[k] = d
		v.off += before[k] * v.s[k]
	}
	src := in.data
	data := x.t.floats.take(s.size())
	elementwise.Fill(data, value)
	v.put(data, src)
	y, n := x.t.push("Pad")
	n.data, n.shape = data, s
	views.lend(x.t, n).view = v
	n.record(x.t, backPad, x.i)
	return y
}

func backPad(t *Tape, n *node) {
	g := t.gradOf(n, 0)
	v := n.kept.(*viewed).view
	tmp := t.floats.reuse(len(g))
	v.pick(tmp, n.grad)
	elementwise.Add(g, g, tmp)
	t.floats.recycle(tmp)
}
