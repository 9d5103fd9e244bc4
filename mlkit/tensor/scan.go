package tensor

// CumSum is the running sum of x along an axis: y[i] = x[0] + … + x[i], of x's
// shape.
func (x Tensor) CumSum(axis int) Tensor {
	y, n := x.scan("CumSum", axis, backCumSum)
	n.kept.(*scanned).lines(func(at, length, step int) {
		var sum float32
		for range length {
			sum += n.data[at]
			n.data[at] = sum
			at += step
		}
	})
	return y
}

func backCumSum(t *Tape, n *node) {
	g := t.gradOf(n, 0)
	n.kept.(*scanned).lines(func(at, length, step int) {
		var sum float32
		for i := length - 1; i >= 0; i-- {
			sum += n.grad[at+i*step]
			g[at+i*step] += sum
		}
	})
}

// CumProd is the running product of x along an axis: y[i] = x[0]·…·x[i], of x's
// shape. Its gradient is right at zeros too.
func (x Tensor) CumProd(axis int) Tensor {
	y, n := x.scan("CumProd", axis, backCumProd)
	n.kept.(*scanned).lines(func(at, length, step int) {
		product := float32(1)
		for range length {
			product *= n.data[at]
			n.data[at] = product
			at += step
		}
	})
	return y
}

// backCumProd: dy[i]/dx[k] is y[i]/x[k] for k ≤ i. Behind a zero at z all y are
// 0: nothing moves them but x[z] itself, by the product of the others.
func backCumProd(t *Tape, n *node) {
	g, x := t.gradOf(n, 0), t.operand(n, 0)
	n.kept.(*scanned).lines(func(at, length, step int) {
		z := 0
		for z < length && x[at+z*step] != 0 {
			z++
		}
		var sum float32
		for i := z - 1; i >= 0; i-- {
			o := at + i*step
			sum += n.grad[o] * n.data[o]
			g[o] += sum / x[o]
		}
		if z == length {
			return
		}
		others := float32(1)
		if z > 0 {
			others = n.data[at+(z-1)*step]
		}
		for i := z; i < length && others != 0; i++ {
			if i > z {
				others *= x[at+i*step]
			}
			g[at+z*step] += n.grad[at+i*step] * others
		}
	})
}

// Prod is the product of x along an axis, which the result lacks; 1 where the
// axis has no elements.
func (x Tensor) Prod(axis int) Tensor {
	in := x.node("Prod")
	a := in.axis("Prod", axis)
	if in.d[a] == 0 {
		_, s := in.without(1 << a)
		return x.t.Full(1, s.dims()...)
	}
	return x.CumProd(a).Select(a, -1)
}

// scanned are the lines along an axis that a scan goes through.
type scanned struct{ outer, length, inner int }

var scans = newKeeper[scanned]()

// scan records an operation whose result starts as a copy of x.
func (x Tensor) scan(op string, axis int, back func(*Tape, *node)) (Tensor, *node) {
	in := x.node(op)
	outer, length, inner := in.around(in.axis(op, axis))
	y, n := x.unary(op, back)
	*scans.lend(x.t, n) = scanned{outer, length, inner}
	copy(n.data, x.t.operand(n, 0))
	return y, n
}

// lines calls f with the first place of each line, its length and its step.
func (s *scanned) lines(f func(at, length, step int)) {
	for o := range s.outer {
		for i := range s.inner {
			f(o*s.length*s.inner+i, s.length, s.inner)
		}
	}
}
