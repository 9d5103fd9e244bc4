package datasets

import (
	"math"

	"gonum.org/v1/gonum/mathext/prng"
)

// NumPyRand draws the numbers that np.random.seed and then np.random.rand and
// np.random.randn draw: the Mersenne twister MT19937 (Matsumoto & Nishimura
// 1998), doubles of 53 bits, and the polar method (Marsaglia & Bray 1964) that
// keeps its second value for the next call.
//
// Uniform numbers are NumPy's bit for bit, and so are normal ones rounded to
// float32. As doubles, one normal number in some 3,000 differs by a few units
// in the last place: NumPy takes the C library's logarithm, which does not
// always round to the nearest double (and not alike on all systems); this one
// does.
type NumPyRand struct {
	mt       *prng.MT19937
	second   float64
	isSecond bool
}

// NewNumPyRand seeds the generator as np.random.seed(seed).
func NewNumPyRand(seed uint32) *NumPyRand {
	r := &NumPyRand{mt: prng.NewMT19937()}
	r.mt.Seed(uint64(seed))
	return r
}

// Rand is uniform in [0, 1).
func (r *NumPyRand) Rand() float64 {
	a, b := r.mt.Uint32()>>5, r.mt.Uint32()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// Randn is standard normal.
func (r *NumPyRand) Randn() float64 {
	if r.isSecond {
		r.isSecond = false
		return r.second
	}
	for {
		x, y := 2*r.Rand()-1, 2*r.Rand()-1
		// The conversions keep the compiler from fusing product and sum, which
		// would round otherwise than NumPy does.
		s := float64(x*x) + float64(y*y)
		if s < 1 && s != 0 {
			f := math.Sqrt(-2 * roundedLog(s) / s)
			r.second, r.isSecond = f*x, true
			return f * y
		}
	}
}
