package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/elementwise"
)

// Reshape gives x another shape with as many elements, without a copy. One
// dimension may be −1: it is worked out from the others.
func (x Tensor) Reshape(dims ...int) Tensor {
	n := x.node("Reshape")
	s := shape{}
	s.n = copy(s.d[:], dims)
	free, known := -1, 1
	for i, d := range dims {
		if d == -1 && free < 0 {
			free = i
			continue
		}
		known *= d
	}
	if free >= 0 && free < MaxRank && known > 0 && len(n.data)%known == 0 {
		s.d[free] = len(n.data) / known
	}
	if s = makeShape("Reshape", s.dims()); len(dims) > MaxRank || s.size() != len(n.data) {
		shapePanic("Reshape", 0, lengthWhy(len(n.data), s.size()), x)
	}
	return x.reshaped("Reshape", s)
}

// reshaped shares x's memory under a shape of the same size.
func (x Tensor) reshaped(op string, s shape) Tensor {
	data := x.node(op).data
	y, m := x.t.push(op)
	m.data, m.shape = data, s
	m.record(x.t, backReshape, x.i)
	return y
}

func backReshape(t *Tape, n *node) { t.handOn(n, 0) }

// Flatten turns [batch, ...] into [batch, rest].
func (x Tensor) Flatten() Tensor {
	n := x.node("Flatten")
	if n.n == 0 {
		shapePanic("Flatten", 0, "a scalar has no batch axis", x)
	}
	s := shape{n: 2}
	s.d[0], s.d[1] = n.d[0], 1
	for _, d := range n.d[1:n.n] {
		s.d[1] *= d
	}
	return x.reshaped("Flatten", s)
}

// Unsqueeze inserts axes of length 1, which get the given places in the result
// (NumPy's expand_dims). After a reduction it keeps the reduced axes:
// x.Mean(-1).Unsqueeze(-1) broadcasts against x.
func (x Tensor) Unsqueeze(axes ...int) Tensor {
	n := x.node("Unsqueeze")
	s := shape{n: n.n + len(axes)}
	if s.n > MaxRank {
		shapePanic("Unsqueeze", 0, fmt.Sprintf("the result would have more than %d axes", MaxRank), x)
	}
	mask := s.axes("Unsqueeze", axes)
	from := 0
	for k := range s.n {
		if mask>>k&1 == 1 && len(axes) > 0 {
			s.d[k] = 1
		} else {
			s.d[k] = n.d[from]
			from++
		}
	}
	return x.reshaped("Unsqueeze", s)
}

// Squeeze drops the given axes, which must have length 1; without axes, all
// axes of length 1.
func (x Tensor) Squeeze(axes ...int) Tensor {
	n := x.node("Squeeze")
	mask := n.axes("Squeeze", axes)
	s := shape{}
	for k, d := range n.dims() {
		if mask>>k&1 == 1 && d == 1 {
			continue
		}
		if mask>>k&1 == 1 && len(axes) > 0 {
			shapePanic("Squeeze", k, fmt.Sprintf("axis %d has length %d, not 1", k, d), x)
		}
		s.d[s.n] = d
		s.n++
	}
	return x.reshaped("Squeeze", s)
}

// Transpose swaps two axes; Transpose(-2, -1) transposes matrices.
func (x Tensor) Transpose(a, b int) Tensor {
	n := x.node("Transpose")
	a, b = n.axis("Transpose", a), n.axis("Transpose", b)
	perm := [MaxRank]int{0, 1, 2, 3, 4, 5}
	perm[a], perm[b] = b, a
	return x.permute("Transpose", perm)
}

// Permute reorders the axes: axis k of the result is axis axes[k] of x.
func (x Tensor) Permute(axes ...int) Tensor {
	n := x.node("Permute")
	if len(axes) != n.n {
		shapePanic("Permute", 0, fmt.Sprintf("%d axes given; every axis must be named once", len(axes)), x)
	}
	n.axes("Permute", axes) // no axis twice
	var perm [MaxRank]int
	for k, a := range axes {
		perm[k] = n.axis("Permute", a)
	}
	return x.permute("Permute", perm)
}

func (x Tensor) permute(op string, perm [MaxRank]int) Tensor {
	in := x.node(op)
	src, all := in.data, in.view()
	v := all
	s := in.shape
	for k := range s.n {
		v.d[k], v.s[k] = all.d[perm[k]], all.s[perm[k]]
		s.d[k] = v.d[k]
	}
	data := x.t.floats.take(len(src))
	v.pick(data, src)
	y, m := x.t.push(op)
	m.data, m.shape = data, s
	permutations.lend(x.t, m).from = perm
	m.record(x.t, backPermute, x.i)
	return y
}

// permutation is what Permute keeps: the axis of x that each of the result's
// is.
type permutation struct{ from [MaxRank]int }

var permutations = newKeeper[permutation]()

func backPermute(t *Tape, n *node) {
	g, acc := t.gradBuffer(n, 0)
	src, dst := n.view(), t.nodes[n.in[0]].view()
	from := &n.kept.(*permutation).from
	if acc {
		v := dst
		for k := range n.n {
			v.d[k], v.s[k] = dst.d[from[k]], dst.s[from[k]]
		}
		v.spread(g, n.grad)
		return
	}
	v := src
	for k := range n.n {
		v.d[from[k]], v.s[from[k]] = src.d[k], src.s[k]
	}
	v.pick(g, n.grad)
}

// End as the end of a [Tensor.Slice] is the axis's length.
const End = int(^uint(0) >> 1)

// Slice is x[start:end] along an axis. Negative places count from the end of
// the axis; [End] is its length. Places outside of the axis panic.
func (x Tensor) Slice(axis, start, end int) Tensor { return x.SliceStep(axis, start, end, 1) }

// SliceStep is Slice with every step-th element only; step ≥ 1.
func (x Tensor) SliceStep(axis, start, end, step int) Tensor {
	n := x.node("Slice")
	a := n.axis("Slice", axis)
	d := n.d[a]
	if start < 0 {
		start += d
	}
	if end == End {
		end = d
	} else if end < 0 {
		end += d
	}
	if start < 0 || start > end || end > d || step < 1 {
		shapePanic("Slice", a, fmt.Sprintf("[%d:%d] in steps of %d does not fit axis %d of length %d", start, end, step, a, d), x)
	}
	v := n.view()
	v.off = start * v.s[a]
	v.d[a] = (end - start + step - 1) / step
	v.s[a] *= step
	return x.sliced("Slice", v, n.shape.with(a, v.d[a]))
}

// Select is x[..., i, ...] at an axis, which the result lacks. A negative i
// counts from the end.
func (x Tensor) Select(axis, i int) Tensor {
	n := x.node("Select")
	a := n.axis("Select", axis)
	if i < 0 {
		i += n.d[a]
	}
	if i < 0 || i >= n.d[a] {
		shapePanic("Select", a, fmt.Sprintf("no element %d in axis %d", i, a), x)
	}
	v := n.view()
	v.off, v.d[a] = i*v.s[a], 1
	_, out := n.without(1 << a)
	return x.sliced("Select", v, out)
}

// Flip reverses the order along axes (all of them if none is given).
func (x Tensor) Flip(axes ...int) Tensor {
	n := x.node("Flip")
	mask := n.axes("Flip", axes)
	v := n.view()
	for k := range n.n {
		if mask>>k&1 == 1 && v.d[k] > 0 {
			v.off += (v.d[k] - 1) * v.s[k]
			v.s[k] = -v.s[k]
		}
	}
	return x.sliced("Flip", v, n.shape)
}

// sliced copies a view of x that shows no element twice.
func (x Tensor) sliced(op string, v view, s shape) Tensor {
	src := x.node(op).data
	data := x.t.floats.take(s.size())
	v.pick(data, src)
	y, m := x.t.push(op)
	m.data, m.shape = data, s
	views.lend(x.t, m).view = v
	m.record(x.t, backSliced, x.i)
	return y
}

// viewed is what slices and Pad keep: where the smaller tensor lies in the
// larger.
type viewed struct{ view }

var views = newKeeper[viewed]()

func backSliced(t *Tape, n *node) {
	n.kept.(*viewed).spread(t.gradOf(n, 0), n.grad)
}

// Expand repeats axes of length 1 to the given dimensions, aligned at the last
// axis as in broadcasting; −1 keeps an axis. Element-wise operations broadcast
// by themselves and without this copy.
func (x Tensor) Expand(dims ...int) Tensor {
	n := x.node("Expand")
	s := shape{}
	s.n = copy(s.d[:], dims)
	for k := range s.n {
		if from := k - s.n + n.n; s.d[k] == -1 && from >= 0 {
			s.d[k] = n.d[from]
		}
	}
	s = makeShape("Expand", s.dims())
	out, w, ok := broadcast(&s, &n.shape)
	if !ok || out != s || len(dims) > MaxRank {
		shapePanic("Expand", 0, fmt.Sprintf("only axes of length 1 can be repeated to fit %v", append([]int{}, s.dims()...)), x)
	}
	return x.expand(s, &w)
}

func (x Tensor) expand(s shape, w *walk) Tensor {
	src := x.node("Expand").data
	data := x.t.floats.take(s.size())
	repeatRuns(data, src, w, false)
	y, m := x.t.push("Expand")
	m.data, m.shape = data, s
	m.record(x.t, backExpand, x.i)
	return y
}

func backExpand(t *Tape, n *node) {
	_, w, _ := broadcast(&n.shape, &t.nodes[n.in[0]].shape)
	g, acc := t.gradBuffer(n, 0)
	sums := g
	if acc {
		sums = t.floats.reuse(len(g))
	}
	clear(sums)
	sumRuns(sums, n.grad, &w)
	if acc {
		elementwise.Add(g, g, sums)
		t.floats.recycle(sums)
	}
}
