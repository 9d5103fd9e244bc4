package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// EmbedBag adds up, or averages, the rows of a table [n, width] that bags of
// ids name, without the rows themselves in memory (PyTorch's embedding_bag): a
// bag of words. Where there are no lengths (no Ints), the last axis of ids
// [..., words] is a bag, and the result is [..., width]. lengths [bags] say how
// many ids of each bag count: of ids [bags, words] the first ones of each row,
// of ids [total] the bags lie one after the other. The result is [bags, width]
// then.
//
// The id padding counts for nothing, not even in a mean; a negative padding
// means that there is none. An empty bag gives zeros. A wrong shape, or an id
// that counts and is outside of 0…n−1, panics with a [*ShapeError].
func (x Tensor) EmbedBag(ids, lengths Ints, padding int, mean bool) Tensor {
	const op = "EmbedBag"
	in := x.node(op)
	if in.n != 2 {
		shapePanic(op, 0, "the table must be [n, width]", x)
	}
	count, width := in.d[0], in.d[1]
	bags, stride, s := bagsOf(op, ids, lengths)
	s.d[s.n] = width
	s.n++
	s = makeShape(op, s.dims())

	t := x.t
	picked, from := t.ints.take(len(ids.Data))[:0], t.ints.take(len(ids.Data))[:0]
	first := t.ints.take(bags + 1)
	at := 0
	for b := range bags {
		first[b] = int32(len(picked))
		n := stride
		if lengths.Data != nil {
			n = int(lengths.Data[b])
		}
		for i, id := range ids.Data[at : at+n] {
			if int(id) == padding {
				continue
			}
			if id < 0 || int(id) >= count {
				panic(&ShapeError{Op: op, Why: fmt.Sprintf("id %d at place %d is outside of 0…%d", id, at+i, count-1)})
			}
			picked, from = append(picked, id), append(from, int32(b))
		}
		if at += stride; stride == 0 {
			at += n
		}
	}
	first[bags] = int32(len(picked))
	data := t.floats.zeroed(s.size())
	rowwise.AddLists(data, in.data, rowwise.Lists{At: picked, First: first}, width)
	y, n := t.push(op)
	n.data, n.shape, n.picked = data, s, true
	n.record(t, backBag, x.i)
	if n.needs {
		*takes.lend(t, n) = taken{ids: picked, from: from, outer: 1, length: count, inner: width, padding: -1}
	}
	if mean {
		divideByCounts(data, first, width)
		if n.needs {
			n.kept.(*taken).counts = first
		}
	}
	return y
}

func backBag(t *Tape, n *node) {
	if k := n.kept.(*taken); k.counts != nil {
		divideByCounts(n.grad, k.counts, k.inner)
	}
	backTake(t, n)
}

// divideByCounts makes sums over bags means; first is where each bag begins.
func divideByCounts(x []float32, first []int32, width int) {
	for b := range len(first) - 1 {
		if c := first[b+1] - first[b]; c > 1 {
			row := rows(x, b, 1, width)
			elementwise.Scale(row, row, 1/float32(c))
		}
	}
}

// bagsOf is how many bags there are, how many ids lie between two that begin
// (0: as many as the bag has), and the axes of the bags.
func bagsOf(op string, ids, lengths Ints) (bags, stride int, s shape) {
	wrong := func(why string) {
		panic(&ShapeError{Op: op, Shapes: cloneShapes(ids.Dims(), lengths.Dims()), Why: why})
	}
	if ids.dims.n == 0 {
		wrong("ids have no axis: want [..., words]")
	}
	if lengths.Data == nil {
		s, stride = ids.dims, ids.dims.d[ids.dims.n-1]
		s.n--
		s.d[s.n] = 0
		return s.size(), stride, s
	}
	bags = len(lengths.Data)
	s = shape{n: 1, d: [MaxRank]int{bags}}
	if lengths.dims.n != 1 || ids.dims.n > 2 || ids.dims.n == 2 && ids.dims.d[0] != bags {
		wrong("with lengths [bags], ids must be [bags, words], or [total] for bags one after the other")
	}
	if ids.dims.n == 2 {
		stride = ids.dims.d[1]
	}
	total := 0
	for b, l := range lengths.Data {
		if l < 0 || ids.dims.n == 2 && int(l) > stride {
			wrong(fmt.Sprintf("length %d of bag %d is not within 0…%d", l, b, stride))
		}
		total += int(l)
	}
	if ids.dims.n == 1 && total != len(ids.Data) {
		wrong(fmt.Sprintf("the lengths add up to %d, there are %d ids", total, len(ids.Data)))
	}
	return bags, stride, s
}
