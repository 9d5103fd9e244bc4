package tensor

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// ArgSort gives the places of x's elements along an axis in ascending order, or
// in descending order: Ints of x's shape. Equal elements keep their order; NaN
// counts as the largest, as in PyTorch. The ids live until Reset.
func (x Tensor) ArgSort(axis int, descending bool) Ints {
	return x.order("ArgSort", axis, -1, descending)
}

// Sort is x in ascending or descending order along an axis, and where each
// element was: see [Tensor.ArgSort]. The gradient goes back to where an element
// came from.
func (x Tensor) Sort(axis int, descending bool) (Tensor, Ints) {
	ids := x.order("Sort", axis, -1, descending)
	return x.Gather(axis, ids), ids
}

// TopK is the k largest elements along an axis, the largest first, and their
// places; the result has k in place of the axis's length. Of equal elements the
// first come first.
func (x Tensor) TopK(axis, k int) (Tensor, Ints) {
	ids := x.order("TopK", axis, k, true)
	return x.Gather(axis, ids), ids
}

// ArgMin gives the places of the smallest elements along an axis, which the
// result lacks; of several the first. A NaN counts as the smallest.
func (x Tensor) ArgMin(axis int) Ints { return x.Detach().Neg().ArgMax(axis) }

// order is the first k places, all for k < 0, of the elements in order.
func (x Tensor) order(op string, axis, k int, descending bool) Ints {
	n := x.node(op)
	a := n.axis(op, axis)
	outer, length, inner := n.around(a)
	switch {
	case k < 0 && op == "TopK" || k > length:
		shapePanic(op, a, fmt.Sprintf("%d elements of the %d along axis %d", k, length, a), x)
	case k < 0:
		k = length
	}
	s := n.shape
	s.d[a] = k
	ids := x.t.ints.take(s.size())
	line := x.t.ints.take(length)
	for o := range outer {
		for i := range inner {
			at := o*length*inner + i
			for j := range line {
				line[j] = int32(j)
			}
			slices.SortStableFunc(line, func(p, q int32) int {
				// cmp.Compare puts NaN first: the other way round.
				u, v := n.data[at+int(p)*inner], n.data[at+int(q)*inner]
				c := -cmp.Compare(-u, -v)
				if descending {
					c = -c
				}
				return c
			})
			for j := range k {
				ids[(o*k+j)*inner+i] = line[j]
			}
		}
	}
	return Ints{ids, s}
}

// SearchSorted gives, for each element of x, where it would go into an
// ascending list: the number of elements below it, or, from the right, not
// above it (NumPy's searchsorted). NaN goes to the end. Ints of x's shape,
// which live until Reset.
func (x Tensor) SearchSorted(list []float32, right bool) Ints {
	n := x.node("SearchSorted")
	if !slices.IsSorted(list) {
		panic("tensor: SearchSorted: the list is not in ascending order")
	}
	ids := x.t.ints.take(len(n.data))
	for i, v := range n.data {
		ids[i] = int32(sort.Search(len(list), func(k int) bool { return list[k] > v || !right && list[k] == v }))
	}
	return Ints{ids, n.shape}
}

// Unique gives the different elements of x in ascending order, the place of
// each of x's elements among them (Ints of x's shape), and how often each
// occurs. All NaN count as one, the last. The lists are the caller's, the Ints
// live until Reset.
func (x Tensor) Unique() (values []float32, inverse Ints, counts []int) {
	n := x.node("Unique")
	ids := x.t.ints.take(len(n.data))
	order := x.Detach().Reshape(-1).order("Unique", 0, -1, false)
	for _, i := range order.Data {
		v := x.node("Unique").data[i]
		if k := len(values) - 1; k < 0 || values[k] != v && (v == v || values[k] == values[k]) {
			values, counts = append(values, v), append(counts, 0)
		}
		ids[i] = int32(len(values) - 1)
		counts[len(counts)-1]++
	}
	return values, Ints{ids, x.node("Unique").shape}, counts
}
