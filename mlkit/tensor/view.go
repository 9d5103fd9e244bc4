package tensor

import (
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
)

// view reads a contiguous tensor in another order: axes with a length and a
// stride each, from an offset on. It exists for the moment of a copy only;
// tensors themselves are always contiguous.
type view struct {
	n    int
	d, s [MaxRank]int
	off  int
}

// view is the plain view of all of s.
func (s *shape) view() (v view) {
	v.n, v.d = s.n, s.d
	st := 1
	for k := s.n - 1; k >= 0; k-- {
		v.s[k] = st
		st *= s.d[k]
	}
	return v
}

// merged drops axes of length 1 and joins neighbours that step as one.
func (v view) merged() view {
	out := view{off: v.off}
	for k := range v.n {
		if v.d[k] == 1 {
			continue
		}
		if in := out.n - 1; in >= 0 && out.s[in] == v.s[k]*v.d[k] {
			out.d[in] *= v.d[k]
			out.s[in] = v.s[k]
			continue
		}
		out.d[out.n], out.s[out.n] = v.d[k], v.s[k]
		out.n++
	}
	if out.n == 0 {
		out.n, out.d[0], out.s[0] = 1, 1, 1
	}
	return out
}

// steps walks over all axes of a view but the inner ones.
type steps struct {
	*view
	at    [MaxRank]int
	outer int
	off   int
	more  bool
}

func (v *view) start(inner int) steps {
	s := steps{view: v, outer: v.n - inner, off: v.off, more: true}
	for _, d := range v.d[:v.n] {
		if d == 0 {
			s.more = false
		}
	}
	return s
}

func (s *steps) next() {
	for k := s.outer - 1; k >= 0; k-- {
		s.at[k]++
		s.off += s.s[k]
		if s.at[k] < s.d[k] {
			return
		}
		s.off -= s.s[k] * s.d[k]
		s.at[k] = 0
	}
	s.more = false
}

// pick copies what the view shows of src to dst, in order.
func (v view) pick(dst, src []float32) {
	v = v.merged()
	run, st := v.d[v.n-1], v.s[v.n-1]
	if v.n > 1 && v.s[v.n-2] == 1 && st == v.d[v.n-2] { // a transposed matrix
		size := run * st
		for o := v.start(2); o.more; o.next() {
			gemm.Transpose(dst[:size], src[o.off:o.off+size], run, st)
			dst = dst[size:]
		}
		return
	}
	for o := v.start(1); o.more; o.next() {
		if st == 1 {
			copy(dst[:run], src[o.off:])
		} else {
			for i, at := 0, o.off; i < run; i, at = i+1, at+st {
				dst[i] = src[at]
			}
		}
		dst = dst[run:]
	}
}

// spread adds src, in order, to the elements of dst that the view shows.
func (v view) spread(dst, src []float32) {
	v = v.merged()
	run, st := v.d[v.n-1], v.s[v.n-1]
	for o := v.start(1); o.more; o.next() {
		if st == 1 {
			d := dst[o.off : o.off+run]
			elementwise.Add(d, d, src[:run])
		} else {
			for i, at := 0, o.off; i < run; i, at = i+1, at+st {
				dst[at] += src[i]
			}
		}
		src = src[run:]
	}
}

// put copies src, in order, to the elements of dst that the view shows.
func (v view) put(dst, src []float32) {
	v = v.merged()
	run, st := v.d[v.n-1], v.s[v.n-1]
	for o := v.start(1); o.more; o.next() {
		if st == 1 {
			copy(dst[o.off:], src[:run])
		} else {
			for i, at := 0, o.off; i < run; i, at = i+1, at+st {
				dst[at] = src[i]
			}
		}
		src = src[run:]
	}
}
