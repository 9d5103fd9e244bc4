//go:build gen

package main

import (
	"math"
)

// The elementary functions. Coefficients are minimax fits by iteratively
// reweighted least squares (Lawson), rounded to float32 from the lowest to the
// highest with the rest fitted again; the errors in the comments are relative
// to the result.

// Cody and Waite's split of log 2: the first part times an exponent is exact or
// cancels exactly.
const (
	ln2Hi = 0x1.62e43p-1
	ln2Lo = math.Ln2 - ln2Hi
	magic = 0x1.8p23 // adding it rounds to an integer, which is then in the low bits
)

// expReduce writes x = n*log 2 + r, |r| <= log(2)/2, and returns p = e^r - 1, n
// as a float, and n + magic, whose low bits are n. It changes x, whose size
// must be below 2^21.
func (v *vm) expReduce(x vec) (p, n, shifted vec) {
	shifted = v.set(v.c(magic))
	v.addTo(shifted, x, v.c(math.Log2E))
	n = v.sub(shifted, v.c(magic))
	v.addTo(x, n, v.c(-ln2Hi))
	v.addTo(x, n, v.c(-ln2Lo))
	// (e^r - 1 - r)/r^2 to 1.4e-8
	q := v.poly(x, 0.49999997, 0.16666546, 0.041667435, 0.0083662733, 0.0013870709)
	r2 := v.mul(x, x)
	v.addTo(x, r2, q)
	return x, n, shifted
}

// pow2 returns 2^(n+bias) from n + magic; the sum must be in [-126, 127].
func (v *vm) pow2(shifted vec, bias int) vec {
	return v.addi(v.shl(shifted, 23), v.bits(uint32(0x3f800000+bias<<23)))
}

// clampTop returns min(x, top), clampBottom max(x, bottom); NaN stays NaN.
func (v *vm) clampTop(x vec, top float64) vec       { return v.min(v.set(v.c(top)), x) }
func (v *vm) clampBottom(x vec, bottom float64) vec { return v.max(v.set(v.c(bottom)), x) }

// Where e^x leaves float32: above, +Inf; below, 0 after rounding.
const expTop, expBottom = 89, -104

func (v *vm) exp(x vec) vec {
	return v.expInRange(v.clampBottom(v.clampTop(x, expTop), expBottom))
}

// expNegative is exp for x <= 0.
func (v *vm) expNegative(x vec) vec {
	p, n, shifted := v.expReduce(v.clampBottom(x, expBottom))
	p = v.add(p, v.c(1))
	if r, ok := v.ldexp(p, n); ok {
		return r
	}
	// n is -150 at least: the first product is a normal number and exact, only
	// the second can round.
	return v.mul(v.mul(p, v.pow2(shifted, 30)), v.c(0x1p-30))
}

// expInRange changes x.
func (v *vm) expInRange(x vec) vec {
	p, n, shifted := v.expReduce(x)
	p = v.add(p, v.c(1))
	if r, ok := v.ldexp(p, n); ok {
		return r
	}
	return v.twoFactors(p, shifted)
}

// twoFactors is p times 2^n, from n + magic: two factors, since 2^n may not be
// a float32; only the second product can round.
func (v *vm) twoFactors(p, shifted vec) vec {
	i := v.subi(shifted, v.c(magic))
	half := v.sra(i, 1)
	rest := v.subi(i, half)
	for _, f := range []vec{half, rest} {
		p = v.mul(p, v.addi(v.shl(f, 23), v.c(1)))
	}
	return p
}

// expNormal is exp for x in [-87, 88]; it changes x.
func (v *vm) expNormal(x vec) vec {
	p, _, shifted := v.expReduce(x)
	s := v.pow2(shifted, 0)
	v.mulTo(p, s, s)
	return p
}

func (v *vm) expm1(x vec) vec {
	y := v.clampBottom(v.clampTop(x, expTop), -18)
	p, _, shifted := v.expReduce(y)
	// Half of 2^n*p + (2^n - 1), because 2^128 is no float32.
	s := v.pow2(shifted, -1)
	v.mulTo(p, s, v.sub(s, v.c(0.5)))
	// e^x - 1 is x there; the half above would lose a bit of the denormals, and
	// the sign of -0.
	return v.sel(v.cmp(lt, v.abs(x), v.c(0x1p-25)), x, v.add(p, p))
}

// tanh is x + x^3*P(x^2) in the middle and 1 - 2/(e^(2|x|) + 1) outside.
func (v *vm) tanh(x vec) vec {
	t := v.abs(x)
	outer := v.cmp(gt, t, v.c(0.55))
	e := v.expNormal(v.clampTop(v.add(t, t), 20))
	q := v.div(v.set(v.c(2)), v.add(e, v.c(1)))
	r := v.or(v.sub(v.set(v.c(1)), q), v.sign(x))
	s := v.mul(x, x)
	// (tanh(x)/x - 1)/x^2 in x^2 to 1.1e-9
	p := v.poly(s, -0.33333316, 0.13332544, -0.053847548, 0.021050714, -0.006242849)
	v.mulTo(p, v.mul(s, x), x)
	return v.sel(outer, r, p)
}

// sigmoid is 1/(1+e) above 0 and e/(1+e) below, e = e^-|x|.
func (v *vm) sigmoid(x vec) vec {
	one := v.set(v.c(1))
	e := v.expNegative(v.or(x, v.bits(0x80000000)))
	d := v.add(e, one)
	r := v.div(v.sel(v.cmp(lt, x, v.zero()), e, one), d)
	// What the sum d lost counts as much as all other roundings. It is small,
	// so a line will do for 1/d.
	lost := v.add(v.sub(one, d), e)
	v.mulTo(e, v.set(v.c(-0.5)), one)
	v.subTo(r, v.mul(lost, e), r)
	return r
}

// logReduce writes u = 2^e * (1+f), sqrt(1/2) <= 1+f < sqrt(2), for normal u >
// 0.
func (v *vm) logReduce(u vec) (f, e vec) {
	const root = 0x3f3504f3
	i := v.subi(u, v.bits(root))
	e = v.toFloat(v.sra(i, 23))
	m := v.addi(v.and(i, v.bits(0x7fffff)), v.bits(root))
	return v.sub(m, v.c(1)), e
}

// logSum returns log(1+f) + e*log 2.
func (v *vm) logSum(f, e vec) vec {
	// (log(1+f) - f + f^2/2)/f^3 to 5.8e-9
	p := v.poly(f, 0.3333333, -0.2500082, 0.20001242, -0.16623409, 0.1420158, -0.1315961, 0.12762217, -0.07636439)
	f2 := v.mul(f, f)
	p = v.mul(v.mul(p, f), f2)
	// 0.693359375 has nine bits: times an exponent it is exact.
	v.addTo(p, e, v.c(math.Ln2-0.693359375))
	v.addTo(p, f2, v.c(-0.5))
	p = v.add(p, f)
	v.addTo(p, e, v.c(0.693359375))
	return p
}

// logEnds puts right what logSum makes of u = 0, +Inf, NaN and of negative u.
func (v *vm) logEnds(r, u vec) vec {
	r = v.sel(v.cmp(lt, u, v.c(math.Inf(1))), r, u)
	r = v.sel(v.cmp(eq, u, v.zero()), v.c(math.Inf(-1)), r)
	return v.sel(v.cmp(lt, u, v.zero()), v.bits(0x7fc00000), r)
}

func (v *vm) log(x vec) vec {
	tiny := v.cmp(lt, x, v.c(0x1p-126))
	f, e := v.logReduce(v.sel(tiny, v.mul(x, v.c(0x1p23)), x))
	e = v.sub(e, v.keep(tiny, v.set(v.c(23))))
	return v.logEnds(v.logSum(f, e), x)
}

// log1p is log(u), u = 1+x rounded, with what the rounding lost added to f.
func (v *vm) log1p(x vec) vec {
	one := v.set(v.c(1))
	u := v.add(x, one)
	t := v.sub(u, one)
	lost := v.add(v.sub(one, v.sub(u, t)), v.sub(x, t))
	f, e := v.logReduce(u)
	v.addLost(f, e, lost)
	r := v.logEnds(v.logSum(f, e), u)
	return v.sel(v.cmp(eq, x, v.zero()), x, r) // -0
}

// addLost computes f += lost * 2^-e.
func (v *vm) addLost(f, e, lost vec) {
	// At e > 100 the lost part is beyond the last place, and 2^-e would leave
	// float32.
	n := v.min(e, v.set(v.c(100)))
	s := v.shl(v.sub(v.set(v.c(magic)), n), 23)
	v.addTo(f, lost, v.addi(s, v.c(1)))
}

// log1pUnit returns log(1 + x), 0 <= x <= 1.
func (v *vm) log1pUnit(x vec) vec {
	u := v.add(x, v.c(1))
	lost := v.sub(x, v.sub(u, v.c(1)))
	f, e := v.logReduce(u)
	v.addLost(f, e, lost)
	return v.logSum(f, e)
}

// erf is x + x*P(x^2) in the middle, and 1 - e^(t*Q(t)), t = |x|, outside.
func (v *vm) erf(x vec) vec {
	t := v.abs(x)
	outer := v.cmp(gt, t, v.c(0.875))
	s := v.mul(x, x)
	// erf(x)/x - 1 in x^2 to 1.5e-8
	inner := v.poly(s, 0.12837915, -0.37612507, 0.112819605, -0.026772043, 0.005001376, -0.000603366)
	v.mulTo(inner, x, x)
	t = v.clampTop(t, 4)
	// log(erfc(t))/t + 1, which leaves erf within 3.2e-9
	q := v.poly(t, -0.12852548, -0.63568044, -0.105312094, 0.022922397, -0.0032251352, 0.00021522785)
	v.mulTo(q, t, v.neg(t))
	e := v.expNormal(q)
	r := v.or(v.sub(v.set(v.c(1)), e), v.sign(x))
	return v.sel(outer, r, inner)
}

// normalCDF is (1 + erf(x/sqrt 2))/2.
func (v *vm) normalCDF(x vec) vec {
	r := v.erf(v.mul(x, v.c(math.Sqrt2/2)))
	half := v.set(v.c(0.5))
	v.mulTo(r, half, half)
	return r
}

// normalPDF is e^(-x^2/2)/sqrt(2 pi).
func (v *vm) normalPDF(x vec) vec {
	p := v.mul(v.mul(x, v.c(-0.5)), x)
	return v.mul(v.expNegative(p), v.c(1/math.Sqrt(2*math.Pi)))
}

// sinCos returns the sine (turn 0) or the cosine (turn 1) for |x| <= 2^17: it
// takes away the nearest multiple of pi/2, in three parts that keep 72 bits,
// and starts turn quarters further.
func (v *vm) sinCos(x vec, turn uint32) vec {
	shifted := v.set(v.c(magic))
	v.addTo(shifted, x, v.c(2/math.Pi))
	n := v.sub(shifted, v.c(magic))
	r := v.copy(x)
	for _, part := range []float64{0x1.921fb6p+0, -0x1.777a5cp-25, -0x1.ee59dap-50} {
		v.addTo(r, n, v.c(-part))
	}
	quarter := shifted
	if turn != 0 {
		quarter = v.addi(shifted, v.bits(turn))
	}
	s := v.mul(r, r)
	// (sin(r)/r - 1)/r^2 to 4.0e-9 and ((cos(r)-1)/r^2 + 1/2)/r^2 to 1.2e-10
	sin := v.poly(s, -0.16666655, 0.008332188, -0.000195181)
	v.mulTo(sin, v.mul(s, r), r)
	cos := v.poly(s, -0.5, 0.041666646, -0.0013887311, 2.4432553e-05)
	v.mulTo(cos, s, v.c(1))
	y := v.sel(v.odd(quarter), cos, sin)
	return v.xor(y, v.sign(v.shl(quarter, 30)))
}
