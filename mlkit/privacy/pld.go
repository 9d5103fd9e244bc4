package privacy

import (
	"errors"
	"math"
	"math/cmplx"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
)

// PLD is the accountant of privacy-loss distributions (Sommer, Meiser &
// Mohammadi 2019; Koskela, Jälkö & Honkela 2020). The privacy loss of an
// outcome is log(P/Q), the logarithm of its odds under neighbouring data.
// Losses of steps add up, so their distribution is convolved, by a Fourier
// transform; δ(ε) is read off it. The distribution of one step is put on a grid
// so that δ is exact at its points and between them no smaller than it is
// (connect the dots; Doroshenko, Ghazi, Kamath, Kumar & Manurangsi 2022). The
// zero value is ready to use; δ below 1e-11 is beyond its arithmetic.
type PLD struct {
	// Interval is the distance of grid points; 0 means 1e-4, or less where a
	// step's loss is less than a few of those.
	Interval float64
}

const (
	tail   = 1e-16   // of the probability, which counts as infinite loss
	mostAt = 1 << 22 // grid points; more make them sparser
)

// Epsilon implements Accountant.
func (a PLD) Epsilon(delta float64, steps ...Steps) (float64, error) {
	if err := checkDelta(delta); err != nil {
		return 0, err
	}
	if delta < 1e-11 {
		return 0, errors.New("privacy: PLD needs a δ of 1e-11 at least; use RDP")
	}
	return a.worst(steps, math.Inf(1), func(l *losses) float64 { return l.epsilon(delta) })
}

// Delta implements Accountant.
func (a PLD) Delta(epsilon float64, steps ...Steps) (float64, error) {
	if err := checkEpsilon(epsilon); err != nil {
		return 0, err
	}
	return a.worst(steps, 1, func(l *losses) float64 { return l.delta(epsilon) })
}

// worst is the larger value of f for a sample that is added and one that is
// removed.
func (a PLD) worst(steps []Steps, none float64, f func(*losses) float64) (float64, error) {
	steps, private, err := check(steps)
	switch {
	case err != nil:
		return 0, err
	case a.Interval < 0:
		return 0, errors.New("privacy: PLD.Interval is negative")
	case !private:
		return none, nil
	case len(steps) == 0:
		return 0, nil
	}
	removed, added := a.compose(steps)
	return max(f(removed), f(added)), nil
}

// losses is a distribution of privacy losses (first+k)·h with probability p[k],
// and infinite ones.
type losses struct {
	h        float64
	first    int
	p        []float64
	infinite float64
}

// compose gives the distributions of the sum of all steps' losses, where the
// sample is in P's data only, and where it is in Q's only.
func (a PLD) compose(steps []Steps) (removed, added *losses) {
	h := a.Interval
	if h == 0 {
		h = 1e-4
		for _, s := range steps { // the standard deviation of a small loss is about that of the likelihood ratio
			h = min(h, s.Rate*math.Sqrt(math.Expm1(min(1/(s.Noise*s.Noise), 50)))/16)
		}
	}
	for {
		removed, ok := together(steps, h, false)
		if ok {
			if !slices.ContainsFunc(steps, func(s Steps) bool { return s.Rate < 1 }) { // they are alike
				return removed, removed
			}
			if added, ok = together(steps, h, true); ok {
				return removed, added
			}
		}
		h *= 2
	}
}

// together convolves; not ok is a grid that has too many points.
func together(steps []Steps, h float64, added bool) (total *losses, ok bool) {
	one := make([]*losses, len(steps))
	largest, infinite := 0, 0.0
	for k, s := range steps {
		if one[k], ok = lossOf(s, h, added); !ok {
			return nil, false
		}
		largest = max(largest, len(one[k].p))
		infinite += float64(s.Count) * one[k].infinite
	}
	// Chernoff's bounds tell where the sum lies, but for the tails.
	lo, hi := math.Inf(-1), math.Inf(1)
	for e := -4.0; e <= 8; e += 0.5 {
		t := math.Exp2(e)
		up, down := 0.0, 0.0
		for k, s := range steps {
			up += float64(s.Count) * one[k].logMoment(t)
			down += float64(s.Count) * one[k].logMoment(-t)
		}
		hi = min(hi, (up-math.Log(tail))/t)
		lo = max(lo, -(down-math.Log(tail))/t)
	}
	need := max((hi-lo)/h+4, float64(largest))
	if !(need <= mostAt) {
		return nil, false
	}
	n := 1 << 10
	for float64(n) < need {
		n *= 2
	}
	fft := fourier.NewFFT(n)
	x, shift := make([]float64, n), 0
	var product []complex128
	for k, s := range steps {
		clear(x)
		copy(x, one[k].p)
		c := fft.Coefficients(nil, x)
		for i, v := range c {
			c[i] = power(v, s.Count)
			if product != nil {
				c[i] *= product[i]
			}
		}
		product = c
		shift += s.Count * one[k].first
	}
	fft.Sequence(x, product)
	// Element i stands for the losses shift+i+k·n, of which one lies between
	// the bounds.
	first := int(math.Floor(lo / h))
	turn := ((first-shift)%n + n) % n
	p := make([]float64, n)
	for i := range p {
		p[i] = max(0, x[(i+turn)%n]/float64(n))
	}
	return &losses{h, first, p, infinite + 2*tail}, true
}

func power(x complex128, n int) complex128 {
	if cmplx.Abs(x) == 0 {
		return 0
	}
	y := complex128(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			y *= x
		}
		x *= x
	}
	return y
}

// lossOf is the distribution of one step's loss. P is the mixture (1−q)·N(0,
// σ²) + q·N(1, σ²) and Q is N(0, σ²), or, where the sample is added, the other
// way round; the loss grows with x, so each interval of the grid is one of x.
// Its probabilities under P and Q, p and r, are those of two points at its
// ends: a+b = p, a·e^(−l) + b·e^(−l−h) = r.
func lossOf(s Steps, h float64, added bool) (*losses, bool) {
	q, sd := s.Rate, s.Noise
	reach := 9.5 * sd // beyond it is a probability of 2e-21
	loss := func(x float64) float64 { return logAdd(math.Log1p(-q), math.Log(q)+(2*x-1)/(2*sd*sd)) }
	at := func(l float64) float64 { // the x of a loss
		y := math.Expm1(l) + q
		if y <= 0 {
			return math.Inf(-1)
		}
		return sd*sd*math.Log(y/q) + 0.5
	}
	lo, hi := math.Floor(loss(-reach)/h), math.Ceil(loss(1+reach)/h)
	if q == 1 {
		lo = math.Floor((2*-reach - 1) / (2 * sd * sd) / h)
	}
	if !(hi-lo < mostAt) {
		return nil, false
	}
	first, n := int(lo), int(hi-lo)
	l := &losses{h: h, first: first, p: make([]float64, n+1)}
	if added {
		l.first = -first - n
	}
	width := -math.Expm1(-h)
	x0 := math.Inf(-1)
	for k := range n {
		x1 := at(float64(first+k+1) * h)
		r := normal(x0/sd, x1/sd)
		p := (1-q)*r + q*normal((x0-1)/sd, (x1-1)/sd)
		left, i, j := float64(first+k)*h, k, k+1
		if added {
			p, r, left, i, j = r, p, -float64(first+k+1)*h, n-1-k, n-k
		}
		b := min(max((p-math.Exp(left)*r)/width, 0), p)
		l.p[i] += p - b
		l.p[j] += b
		x0 = x1
	}
	if added {
		l.p[0] += normal(x0/sd, math.Inf(1))
	} else {
		l.infinite = (1-q)*normal(x0/sd, math.Inf(1)) + q*normal((x0-1)/sd, math.Inf(1))
	}
	return l, true
}

// normal is the probability of a…b under N(0, 1).
func normal(a, b float64) float64 {
	if a > 0 {
		a, b = -b, -a
	}
	return max(0, math.Erfc(-b/math.Sqrt2)-math.Erfc(-a/math.Sqrt2)) / 2
}

// logMoment is log E[exp(t·loss)] of the finite losses.
func (l *losses) logMoment(t float64) float64 {
	most := max(t*float64(l.first), t*float64(l.first+len(l.p)-1)) * l.h
	every := 256 // a product would drift, or stay 0
	if math.Abs(t)*l.h > 0.02 {
		every = 1
	}
	sum, e, f := 0.0, 0.0, math.Exp(t*l.h)
	for k, p := range l.p {
		if k%every == 0 {
			e = math.Exp(t*float64(l.first+k)*l.h - most)
		}
		sum += p * e
		e *= f
	}
	return most + math.Log(sum)
}

// delta is Σ p·(1 − e^(ε−loss)) over the losses above ε.
func (l *losses) delta(epsilon float64) float64 {
	d := l.infinite
	for k := len(l.p) - 1; k >= 0; k-- {
		loss := float64(l.first+k) * l.h
		if loss <= epsilon {
			break
		}
		d -= l.p[k] * math.Expm1(epsilon-loss)
	}
	return min(d, 1)
}

// epsilon is where delta falls to a value: between two grid points
// δ = A − e^ε·B.
func (l *losses) epsilon(delta float64) float64 {
	if l.infinite > delta {
		return math.Inf(1)
	}
	a, b := l.infinite, 0.0
	for k := len(l.p) - 1; k >= 0; k-- {
		loss := float64(l.first+k) * l.h
		if loss <= 0 {
			break
		}
		a += l.p[k]
		b += l.p[k] * math.Exp(-loss)
		if next := math.Max(0, loss-l.h); a-math.Exp(next)*b >= delta {
			return math.Min(math.Max(math.Log((a-delta)/b), next), loss)
		}
	}
	return 0
}
