package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/rowwise"
)

// There is one look-up by id, IndexSelect, with two short forms: Rows, because
// the axis is nearly always the first, and Embed, because only the table of an
// embedding has a row that is not to be trained.

// IndexSelect picks x[..., id, ...] along an axis (NumPy's take): the axes of
// the ids take the place of that one. An id may occur often; its gradients add
// up in the order of the ids. An id outside of 0…n−1, n the axis's length,
// panics with a [*ShapeError]. The ids are not copied and must not change until
// Reset.
func (x Tensor) IndexSelect(axis int, ids Ints) Tensor { return x.take("IndexSelect", axis, ids) }

// Rows is IndexSelect along the first axis: x [n, ...] and ids [...] give
// [...ids, ...].
func (x Tensor) Rows(ids Ints) Tensor { return x.take("Rows", 0, ids) }

// Embed is Rows of a table [n, width], whose row padding gets no gradient: the
// vector of the id that fills up sequences stays as it is. A negative padding
// means that there is no such row.
func (x Tensor) Embed(ids Ints, padding int) Tensor {
	y := x.take("Embed", 0, ids)
	if k, ok := x.t.nodes[y.i].kept.(*taken); ok {
		k.padding = padding
	}
	return y
}

func (x Tensor) take(op string, axis int, ids Ints) Tensor {
	in := x.node(op)
	a := in.axis(op, axis)
	outer, length, inner := in.around(a)
	checkIDs(op, ids, length)
	s := shape{n: in.n - 1 + ids.dims.n}
	if s.n > MaxRank {
		shapePanic(op, a, fmt.Sprintf("with ids of shape %v the result would have more than %d axes", append([]int{}, ids.dims.dims()...), MaxRank), x)
	}
	copy(s.d[:], in.d[:a])
	copy(s.d[a:], ids.dims.dims())
	copy(s.d[a+ids.dims.n:], in.d[a+1:in.n])
	s = makeShape(op, s.dims())
	data := x.t.floats.take(s.size())
	for o := range outer {
		size := len(ids.Data) * inner
		rowwise.TakeRows(data[o*size:(o+1)*size], in.data[o*length*inner:(o+1)*length*inner], ids.Data, inner)
	}
	y, n := x.t.push(op)
	n.data, n.shape = data, s
	n.picked = true
	n.record(x.t, backTake, x.i)
	if n.needs {
		*takes.lend(x.t, n) = taken{ids: ids.Data, outer: outer, length: length, inner: inner, padding: -1}
	}
	return y
}

func checkIDs(op string, ids Ints, n int) {
	for i, id := range ids.Data {
		if id < 0 || int(id) >= n {
			panic(&ShapeError{Op: op, Why: fmt.Sprintf("id %d at place %d is outside of 0…%d", id, i, n-1)})
		}
	}
}

// Gather picks along an axis with ids for every element of the result, as
// PyTorch's gather: y[i][j] = x[ids[i][j]][j] for axis 0. The ids have x's rank
// and, on the other axes, at most x's lengths; they give the result its shape.
func (x Tensor) Gather(axis int, ids Ints) Tensor {
	at := x.offsets("Gather", axis, ids)
	src := x.node("Gather").data
	data := x.t.floats.take(len(at))
	for i, o := range at {
		data[i] = src[o]
	}
	y, n := x.t.push("Gather")
	n.data, n.shape, n.picked = data, ids.dims, true
	gathered.lend(x.t, n).from = at
	n.record(x.t, backGather, x.i)
	return y
}

func backGather(t *Tape, n *node) {
	g := t.gradOf(n, 0)
	for i, o := range n.kept.(*places).from {
		g[o] += n.grad[i]
	}
}

// places are what Gather and ScatterAdd keep: the offsets that they read from
// or add to.
type places struct{ from []int32 }

var gathered = newKeeper[places]()

// ScatterAdd is x with the elements of src added at the places that Gather with
// the same ids would read, in the order of src (PyTorch's scatter_add). src has
// the shape of the ids.
func (x Tensor) ScatterAdd(axis int, ids Ints, src Tensor) Tensor {
	const op = "ScatterAdd"
	at := x.targets(op, axis, ids, src)
	y, n := x.unary(op, backScatterAdd)
	gathered.lend(x.t, n).from = at
	n.record(x.t, backScatterAdd, x.i, src.i)
	copy(n.data, x.t.operand(n, 0))
	values := x.t.operand(n, 1)
	for i, o := range at {
		n.data[o] += values[i]
	}
	return y
}

func backScatterAdd(t *Tape, n *node) {
	if g := t.gradOf(n, 1); g != nil {
		for i, o := range n.kept.(*places).from {
			g[i] += n.grad[o]
		}
	}
	t.handOn(n, 0)
}

// ScatterSet is x with the elements of src at the places that Gather with the
// same ids would read (PyTorch's scatter). Where several go to one place the
// last stays, and has the gradient alone (PyTorch, which promises neither,
// gives it to all). src has the shape of the ids.
func (x Tensor) ScatterSet(axis int, ids Ints, src Tensor) Tensor {
	return x.scatter("ScatterSet", axis, ids, src, func(_, _ float32) bool { return true })
}

// ScatterMax is x with the larger of each element and those of src that go to
// its place (PyTorch's scatter_reduce with amax). Of equal ones the gradient
// goes to x, or to the first of src. A NaN stays.
func (x Tensor) ScatterMax(axis int, ids Ints, src Tensor) Tensor {
	return x.scatter("ScatterMax", axis, ids, src, func(new, old float32) bool { return new > old || new != new && old == old })
}

// scatter is x with those elements of src that replace what is there.
func (x Tensor) scatter(op string, axis int, ids Ints, src Tensor, replaces func(new, old float32) bool) Tensor {
	at := x.targets(op, axis, ids, src)
	y, n := x.unary(op, backScatter)
	n.record(x.t, backScatter, x.i, src.i)
	copy(n.data, x.t.operand(n, 0))
	owner := x.t.ints.take(len(n.data)) // the element of src that stays, −1 for x's own
	for i := range owner {
		owner[i] = -1
	}
	for i, v := range x.t.operand(n, 1) {
		if o := at[i]; replaces(v, n.data[o]) {
			n.data[o], owner[o] = v, int32(i)
		}
	}
	gathered.lend(x.t, n).from = owner
	return y
}

func backScatter(t *Tape, n *node) {
	gx, gs := t.gradOf(n, 0), t.gradOf(n, 1)
	for o, i := range n.kept.(*places).from {
		switch {
		case i >= 0 && gs != nil:
			gs[i] += n.grad[o]
		case i < 0 && gx != nil:
			gx[o] += n.grad[o]
		}
	}
}

// targets gives the place in x of each element of src.
func (x Tensor) targets(op string, axis int, ids Ints, src Tensor) []int32 {
	sameTape(op, x, src)
	if ids.dims != src.node(op).shape {
		shapePanic(op, 0, fmt.Sprintf("the source must have the shape of the ids, %v", append([]int{}, ids.dims.dims()...)), x, src)
	}
	return x.offsets(op, axis, ids)
}

// offsets gives the place in x of each id's element.
func (x Tensor) offsets(op string, axis int, ids Ints) []int32 {
	in := x.node(op)
	a := in.axis(op, axis)
	if ids.dims.n != in.n {
		shapePanic(op, a, fmt.Sprintf("the ids have shape %v; they need x's rank", append([]int{}, ids.dims.dims()...)), x)
	}
	checkIDs(op, ids, in.d[a])
	v := in.view()
	for k, d := range ids.dims.dims() {
		if k != a && d > in.d[k] {
			shapePanic(op, k, fmt.Sprintf("the ids have shape %v, longer than x on axis %d", append([]int{}, ids.dims.dims()...), k), x)
		}
		v.d[k] = d
	}
	along := v.s[a]
	v.s[a] = 0 // the ids decide there
	at := x.t.ints.take(len(ids.Data))
	k, run, st := 0, v.d[v.n-1], v.s[v.n-1]
	for o := v.start(1); o.more; o.next() {
		for j := range run {
			at[k] = int32(o.off + j*st + int(ids.Data[k])*along)
			k++
		}
	}
	return at
}

// OneHot turns ids of shape [...] into [..., classes] with a 1 at each id and 0
// elsewhere, without gradient. An id outside of 0…classes−1 panics.
func (t *Tape) OneHot(ids Ints, classes int) Tensor {
	checkIDs("OneHot", ids, classes)
	s := ids.dims
	if s.n == MaxRank {
		panic(&ShapeError{Op: "OneHot", Shapes: cloneShapes(s.dims()), Why: "no axis is left for the classes"})
	}
	s.d[s.n] = classes
	s.n++
	s = makeShape("OneHot", s.dims())
	data := t.floats.zeroed(s.size())
	for i, id := range ids.Data {
		data[i*classes+int(id)] = 1
	}
	y, n := t.push("OneHot")
	n.data, n.shape = data, s
	return y
}

// Tril keeps the lower triangle of the matrices in the last two axes, the
// elements [i, j] with j ≤ i + diagonal, and puts 0 elsewhere: a causal mask is
// tape.Full(1, n, n).Tril(0).
func (x Tensor) Tril(diagonal int) Tensor { return x.triangle("Tril", diagonal, false) }

// Triu keeps the upper triangle, the elements with j ≥ i + diagonal.
func (x Tensor) Triu(diagonal int) Tensor { return x.triangle("Triu", diagonal, true) }

func (x Tensor) triangle(op string, diagonal int, upper bool) Tensor {
	if x.node(op).n < 2 {
		shapePanic(op, 0, "a triangle needs two axes", x)
	}
	y, n := x.unary(op, backTriangle)
	k := triangles.lend(x.t, n)
	*k = triangle{diagonal, upper}
	copy(n.data, x.t.operand(n, 0))
	k.clear(n.data, n.d[n.n-2], n.d[n.n-1])
	return y
}

func backTriangle(t *Tape, n *node) {
	n.kept.(*triangle).clear(n.grad, n.d[n.n-2], n.d[n.n-1])
	t.handOn(n, 0)
}

// triangle says which part of matrices stays.
type triangle struct {
	diagonal int
	upper    bool
}

var triangles = newKeeper[triangle]()

// clear puts zeros elsewhere in matrices of rows×cols.
func (k *triangle) clear(x []float32, rows, cols int) {
	for r := 0; (r+1)*cols <= len(x) && cols > 0; r++ {
		row := x[r*cols : r*cols+cols]
		edge := min(max(r%rows+k.diagonal, -1), cols) // the diagonal's column
		if k.upper {
			clear(row[:max(edge, 0)])
		} else {
			clear(row[min(edge+1, cols):])
		}
	}
}
