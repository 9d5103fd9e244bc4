package tensor

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
	if free >= 0 && known > 0 && len(n.data)%known == 0 {
		s.d[free] = len(n.data) / known
	}
	if s = makeShape("Reshape", s.dims()); len(dims) > MaxRank || s.size() != len(n.data) {
		shapePanic("Reshape", 0, lengthWhy(len(n.data), s.size()), x)
	}
	data := n.data
	y, m := x.t.push("Reshape")
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
	b := n.d[0]
	if b == 0 {
		return x.Reshape(0, n.size())
	}
	return x.Reshape(b, len(n.data)/b)
}
