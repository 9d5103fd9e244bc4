package tensor

import "fmt"

// UpsampleNearest enlarges (or shrinks) images [n, c, h, w] to [n, c, oh, ow]:
// row i shows row ⌊i·h/oh⌋.
func (x Tensor) UpsampleNearest(oh, ow int) Tensor {
	return x.resample("UpsampleNearest", oh, ow, func(i, in, out int) (lo, hi int, f float32) {
		return i * in / out, i * in / out, 0
	})
}

// UpsampleBilinear interpolates images [n, c, h, w] linearly in both
// directions to [n, c, oh, ow]. With alignCorners the centres of the corner
// pixels stay where they are, without it the edges of the image do (PyTorch's
// default and Keras's).
func (x Tensor) UpsampleBilinear(oh, ow int, alignCorners bool) Tensor {
	if alignCorners {
		return x.resample("UpsampleBilinear", oh, ow, func(i, in, out int) (lo, hi int, f float32) {
			if out > 1 {
				f = float32(i) * (float32(in-1) / float32(out-1))
			}
			return between(f, in)
		})
	}
	return x.resample("UpsampleBilinear", oh, ow, func(i, in, out int) (lo, hi int, f float32) {
		return between(max((float32(i)+0.5)*(float32(in)/float32(out))-0.5, 0), in)
	})
}

func between(at float32, n int) (lo, hi int, f float32) {
	lo = min(int(at), n-1)
	return lo, min(lo+1, n-1), at - float32(lo)
}

// resample mixes each row of the result, and each column, from a share 1−f of
// lo and f of hi.
func (x Tensor) resample(op string, oh, ow int, place func(i, in, out int) (lo, hi int, f float32)) Tensor {
	in := x.node(op)
	if in.n != 4 || in.d[2] < 1 || in.d[3] < 1 || oh < 1 || ow < 1 {
		shapePanic(op, 2, fmt.Sprintf("needs images [n, channels, h, w] with pixels, and a size of at least 1×1, not %d×%d", oh, ow), x)
	}
	h, w, src := in.d[2], in.d[3], in.data
	s := makeShape(op, []int{in.d[0], in.d[1], oh, ow})
	t := x.t
	ids, shares := t.ints.take(2*(oh+ow)), t.floats.take(oh+ow)
	for i := range oh + ow {
		at, from, to := i, h, oh
		if i >= oh {
			at, from, to = i-oh, w, ow
		}
		lo, hi, f := place(at, from, to)
		ids[2*i], ids[2*i+1], shares[i] = int32(lo), int32(hi), f
	}
	data := t.floats.take(s.size())
	y, n := t.push(op)
	n.data, n.shape = data, s
	*resamplings.lend(t, n) = resampling{ids, shares}
	n.record(t, backResample, x.i)
	cols, shareX := ids[2*oh:], shares[oh:]
	for k := range s.d[0] * s.d[1] * oh {
		p, i := k/oh, k%oh
		out := data[k*ow : (k+1)*ow]
		lo, hi := src[(p*h+int(ids[2*i]))*w:], src[(p*h+int(ids[2*i+1]))*w:]
		switch {
		case op != "UpsampleNearest":
			mixRows(out, lo, hi, cols, shareX, shares[i])
		case i > 0 && ids[2*i] == ids[2*i-2]: // the row before once more
			copy(out, data[(k-1)*ow:])
		default:
			for j := range out {
				out[j] = lo[cols[2*j]]
			}
		}
	}
	return y
}

func mixRows(out, lo, hi []float32, cols []int32, shares []float32, fy float32) {
	for j := range out {
		l, r, fx := cols[2*j], cols[2*j+1], shares[j]
		out[j] = (1-fy)*((1-fx)*lo[l]+fx*lo[r]) + fy*((1-fx)*hi[l]+fx*hi[r])
	}
}

// resampling is what interpolation keeps, of the rows and then of the columns:
// the two places that each mixes, and the share of the second.
type resampling struct {
	places []int32
	shares []float32
}

var resamplings = newKeeper[resampling]()

func backResample(t *Tape, n *node) {
	g, in := t.gradOf(n, 0), &t.nodes[n.in[0]]
	h, w, oh, ow := in.d[2], in.d[3], n.d[2], n.d[3]
	r := n.kept.(*resampling)
	cols, shareX := r.places[2*oh:], r.shares[oh:]
	for k := range n.d[0] * n.d[1] * oh {
		p, i := k/oh, k%oh
		dy := n.grad[k*ow : (k+1)*ow]
		lo, hi, fy := g[(p*h+int(r.places[2*i]))*w:], g[(p*h+int(r.places[2*i+1]))*w:], r.shares[i]
		if n.op == "UpsampleNearest" {
			for j, d := range dy {
				lo[cols[2*j]] += d
			}
			continue
		}
		for j, d := range dy {
			l, r, fx := cols[2*j], cols[2*j+1], shareX[j]
			lo[l] += d * (1 - fy) * (1 - fx)
			lo[r] += d * (1 - fy) * fx
			hi[l] += d * fy * (1 - fx)
			hi[r] += d * fy * fx
		}
	}
}
