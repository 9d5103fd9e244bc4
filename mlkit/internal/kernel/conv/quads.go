package conv

// quads describes a row of 2×2 windows side by side on two rows of pixels,
// whose planes lie next to each other.
type quads struct {
	n       int // windows
	vectors int // floats of a pixel, a multiple of 16
	row     int // from the upper pixel to the lower one
	relu    int // 1: max(0, x) of the result
}

// maxQuads writes the largest number of each window, and to arg (unless nil)
// which of its pixels that is, in reading order: the first of several, and a
// NaN before anything.
func maxQuads(y []float32, arg []byte, x []float32, q *quads) {
	_, _ = y[q.n*q.vectors-1], x[q.row+2*q.n*q.vectors-1]
	if arg != nil {
		_ = arg[q.n*q.vectors-1]
	}
	quadsMax(y, arg, x, q)
}

// spreadQuads writes the upper (row 0) or lower (row 1) row of pixels of the
// gradient of maxQuads: dy where arg names the pixel, else 0.
func spreadQuads(dst, dy []float32, arg []byte, row int, q *quads) {
	n := q.n * q.vectors
	_, _, _ = dst[2*n-1], dy[n-1], arg[n-1]
	quadsSpread(dst, dy, arg, row, q)
}

func quadsMaxGo(y []float32, arg []byte, x []float32, q *quads) {
	s := q.vectors
	for o := range q.n * s {
		at := o/s*2*s + o%s
		best, where := x[at], byte(0)
		for k, v := range [4]float32{best, x[at+s], x[at+q.row], x[at+q.row+s]} {
			if v > best || v != v && best == best {
				best, where = v, byte(k)
			}
		}
		if q.relu != 0 {
			best = max(best, 0)
		}
		y[o] = best
		if arg != nil {
			arg[o] = where
		}
	}
}

func quadsSpreadGo(dst, dy []float32, arg []byte, row int, q *quads) {
	s := q.vectors
	for o := range q.n {
		for i, v := range dy[o*s:][:s] {
			var left, right float32
			switch arg[o*s+i] {
			case byte(2 * row):
				left = v
			case byte(2*row + 1):
				right = v
			}
			dst[2*o*s+i], dst[(2*o+1)*s+i] = left, right
		}
	}
}
