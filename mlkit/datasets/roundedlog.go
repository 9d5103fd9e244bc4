package datasets

import "math"

// roundedLog is the natural logarithm of a normal x > 0, rounded to the nearest
// double but for about one x in ten thousand, where two are equally near.
// math.Log gives a neighbour for one number in fourteen.
//
// x is m·2ᵏ with m between √½ and √2, and log m = 2·artanh z for z =
// (m−1)/(m+1), which is 2z·(1 + z²/3 + z⁴/5 + …). The first terms, the division
// and what k adds are in pairs of numbers. The conversions to float64 keep
// compilers from fusing a product with a sum, as arm64's does: the errors of
// the roundings are what the pairs are made of.
func roundedLog(x float64) float64 {
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, k = 2*m, k-1
	}
	num := m - 1 // exact
	den := pairSum(m, 1)
	q := num / den.hi
	rest := math.FMA(-q, den.hi, num) - float64(q*den.lo) // num − q·den
	z := pairSum(q, rest/den.hi)

	s := z.times(z)
	t := 0.0 // z⁶·(1/7 + z²/9 + …)
	for i := 27; i >= 7; i -= 2 {
		t = float64(t*s.hi) + 1/float64(i)
	}
	t = float64(t * (s.hi * s.hi * s.hi))
	series := s.times(s).times(fifth).plus(s.times(third)).plus(pair{t, 0}).plus(pair{1, 0})
	log := z.times(series)
	log = pair{2 * log.hi, 2 * log.lo}.plus(ln2.times(pair{float64(k), 0}))
	return log.hi + log.lo
}

// A pair is the sum of two numbers, the second at most half a unit in the last
// place of the first (Dekker 1971).
type pair struct{ hi, lo float64 }

var (
	third = pair{1.0 / 3, 0x1p-54 / 3}
	fifth = pair{1.0 / 5, -0x1p-54 / 5}
	ln2   = pair{math.Ln2, 0x1.abc9e3b39803fp-56}
)

// pairSum is a + b without error; |a| is not below |b|, or both have exponents
// next to each other.
func pairSum(a, b float64) pair {
	hi := a + b
	v := hi - a
	return pair{hi, (a - (hi - v)) + (b - v)}
}

func (a pair) plus(b pair) pair {
	s := pairSum(a.hi, b.hi)
	return pairSum(s.hi, s.lo+(a.lo+b.lo))
}

func (a pair) times(b pair) pair {
	p := float64(a.hi * b.hi)
	return pairSum(p, math.FMA(a.hi, b.hi, -p)+(float64(a.hi*b.lo)+float64(a.lo*b.hi)))
}
