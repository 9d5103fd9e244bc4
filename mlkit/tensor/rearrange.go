package tensor

import "fmt"

// Roll moves the elements of x by shift places along an axis; what leaves at
// one end comes in at the other.
func (x Tensor) Roll(axis, shift int) Tensor {
	return x.along("Roll", axis, 0, 0, func(i, n int) int { return i - shift })
}

// Tile repeats x along each axis as often as times says, one number for each
// axis (NumPy's tile): Tile(2, 1) of [3, 4] is [6, 4].
func (x Tensor) Tile(times ...int) Tensor {
	in := x.node("Tile")
	if len(times) != in.n {
		shapePanic("Tile", 0, fmt.Sprintf("%d numbers for %d axes", len(times), in.n), x)
	}
	for a, k := range times {
		n := x.Dim(a)
		if k < 0 {
			shapePanic("Tile", a, fmt.Sprintf("%d times", k), x)
		}
		if k != 1 {
			x = x.along("Tile", a, 0, (k-1)*n, func(i, n int) int { return i })
		}
	}
	return x
}

// PadMode says what surrounds a tensor.
type PadMode uint8

const (
	// Reflect mirrors at the last element, which does not come twice: c b a b
	// c.
	Reflect PadMode = iota
	// Replicate repeats the last element: a a a b c.
	Replicate
	// Circular goes on at the other end: b c a b c.
	Circular
)

// PadWith surrounds x with its own elements. The pads are pairs as for
// [Tensor.Pad]. A reflected pad must be shorter than the axis, a circular one
// at most as long.
func (x Tensor) PadWith(mode PadMode, pads ...int) Tensor {
	const op = "PadWith"
	in := x.node(op)
	if len(pads)%2 != 0 || len(pads) > 2*in.n {
		shapePanic(op, 0, fmt.Sprintf("%d pads given; each axis, from the last, takes two", len(pads)), x)
	}
	place := [...]func(i, n int) int{
		Reflect:   func(i, n int) int { return n - 1 - max(n-1-max(i, -i), i-n+1) },
		Replicate: func(i, n int) int { return min(max(i, 0), n-1) },
		Circular:  func(i, n int) int { return i },
	}[mode]
	for k := 0; k < len(pads); k += 2 {
		before, after := pads[k], pads[k+1]
		a := x.Rank() - 1 - k/2
		n := x.Dim(a)
		if limit := [...]int{Reflect: n - 1, Replicate: 1 << 30, Circular: n}[mode]; min(before, after) < 0 ||
			max(before, after) > 0 && (n == 0 || max(before, after) > limit) {
			shapePanic(op, a, fmt.Sprintf("pads of %d and %d to an axis of %d", before, after, n), x)
		}
		if before+after > 0 {
			x = x.along(op, a, before, after, place)
		}
	}
	return x
}

// along picks along an axis, which grows by before and after: element i of the
// old axis, counted on beyond both ends, is the one at from(i, n) modulo its
// length n.
func (x Tensor) along(op string, axis, before, after int, from func(i, n int) int) Tensor {
	in := x.node(op)
	a := in.axis(op, axis)
	n := in.d[a]
	s := in.shape
	s.d[a] = max(n+before+after, 0)
	s = makeShape(op, s.dims())
	ids := x.t.ints.take(s.d[a])
	for i := range ids {
		ids[i] = int32(((from(i-before, n) % n) + n) % n)
	}
	return x.take(op, a, NewInts(ids, len(ids)))
}
