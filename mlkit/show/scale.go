package show

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// scale is one axis: its range, whether it is logarithmic, and the labels that
// stand in for numbers when it is categorical.
type scale struct {
	lo, hi float64
	log    bool
	whole  bool        // ticks at whole numbers only
	ticks  []plot.Tick // given by hand; nil for automatic ones
}

// ok reports whether v has a place on the axis.
func (s scale) ok(v float64) bool { return finite(v) && !(s.log && v < least) }

// norm is the place of v on the axis, from 0 to 1.
func (s scale) norm(v float64) float64 {
	if s.log {
		if v <= 0 {
			return math.Inf(-1)
		}
		l := math.Log(s.lo)
		return (math.Log(v) - l) / (math.Log(s.hi) - l)
	}
	return (v - s.lo) / (s.hi - s.lo)
}

// at is the inverse of norm.
func (s scale) at(t float64) float64 {
	if s.log {
		return math.Exp((1-t)*math.Log(s.lo) + t*math.Log(s.hi))
	}
	return (1-t)*s.lo + t*s.hi
}

// fit sets the range to lo…hi widened by pad (a fraction of the range) at each
// end, so that nothing touches the frame. Equal or missing ends get a range
// that can be drawn.
func (s *scale) fit(lo, hi, padLo, padHi float64) {
	switch {
	case !(lo <= hi): // no drawable value at all
		lo, hi = 0, 1
		if s.log {
			lo, hi = 0.1, 10
		}
	case s.log && hi/lo < 1+1e-9:
		lo, hi = lo/2, hi*2
	case !s.log && hi-lo <= math.Max(1e-9*math.Max(math.Abs(lo), math.Abs(hi)), 10*least):
		d := 0.1 * math.Abs(lo)
		if d < 10*least {
			d = 1
		}
		if padLo > 0 {
			lo -= d
		}
		hi += d
	case s.log:
		l, h := math.Log(lo), math.Log(hi)
		lo, hi = math.Exp(l-padLo*(h-l)), math.Exp(h+padHi*(h-l))
	default:
		lo, hi = lo-padLo*(hi-lo), hi+padHi*(hi-lo)
	}
	if s.log { // the room beside the data must not leave what a float64 can hold
		lo, hi = math.Max(lo, least/1e6), math.Min(hi, biggest*1e6)
	}
	s.lo, s.hi = lo, hi
}

// Ticks implements plot.Ticker.
func (s scale) Ticks(lo, hi float64) []plot.Tick {
	switch {
	case s.ticks != nil:
		return s.ticks
	case s.log:
		if t := logTicks(lo, hi); t != nil {
			return t
		}
	}
	smallest := 0.0
	if s.whole {
		smallest = 1
	}
	return linearTicks(lo, hi, 6, smallest)
}

// unitTicks are the ticks of a scale where its axis runs from 0 to 1.
type unitTicks struct{ scale }

func (u unitTicks) Ticks(float64, float64) []plot.Tick {
	ticks := slices.Clone(u.scale.Ticks(u.lo, u.hi))
	for i := range ticks {
		ticks[i].Value = u.norm(ticks[i].Value)
	}
	return ticks
}

// niceStep returns the step 1, 2, 2.5 or 5 times a power of ten that cuts span
// into about n pieces.
func niceStep(span float64, n int) float64 {
	raw := span / float64(n)
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if raw <= m*p*1.0001 {
			return m * p
		}
	}
	return 10 * p
}

// linearTicks returns about n ticks at multiples of a nice step that is at
// least smallest.
func linearTicks(lo, hi float64, n int, smallest float64) []plot.Tick {
	step := math.Max(niceStep(hi-lo, n), smallest)
	if smallest > 0 {
		step = math.Ceil(step) // 2.5 is no step between counts
	}
	if !(step > 0) || math.IsInf(step, 0) {
		return nil
	}
	var ticks []plot.Tick
	first := math.Ceil(lo/step - 1e-9)
	for i := 0.0; i < 30; i++ {
		v := (first + i) * step
		if v > hi+1e-9*step {
			break
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: tickLabel(v, step, math.Max(math.Abs(lo), math.Abs(hi)))})
	}
	return ticks
}

// tickLabel writes v with just the digits that tell multiples of step apart.
// biggest is the largest magnitude on the axis: all labels of an axis use the
// same notation.
func tickLabel(v, step, biggest float64) string {
	if math.Abs(v) < step/2 {
		return "0"
	}
	if biggest >= 1e6 || biggest < 1e-3 {
		e := math.Floor(math.Log10(biggest))
		p := math.Pow(10, e)
		return minus(strconv.FormatFloat(v/p, 'f', decimals(step/p), 64)) + "×10^{" + minus(strconv.Itoa(int(e))) + "}"
	}
	return minus(strconv.FormatFloat(v, 'f', decimals(step), 64))
}

// decimals returns how many digits after the point multiples of step need.
func decimals(step float64) int {
	for d := 0; d < 12; d++ {
		x := step * math.Pow(10, float64(d))
		if math.Abs(x-math.Round(x)) < 1e-6*x {
			return d
		}
	}
	return 12
}

// logTicks labels powers of ten, or 1, 2 and 5 times them when few fit; nil
// asks for linear ticks (the range is within a factor of about 3).
func logTicks(lo, hi float64) []plot.Tick {
	first, last := math.Ceil(math.Log10(lo)-1e-9), math.Floor(math.Log10(hi)+1e-9)
	decades := int(last-first) + 1
	plain := first >= -3 && last <= 4
	label := func(m, e float64) string {
		if plain {
			return strconv.FormatFloat(m*math.Pow(10, e), 'g', 6, 64)
		}
		s := "10^{" + minus(strconv.Itoa(int(e))) + "}"
		if m != 1 {
			s = strconv.FormatFloat(m, 'g', 2, 64) + "×" + s
		}
		return s
	}
	stride := float64((decades + 7) / 8)
	stride = math.Max(stride, 1)
	var ticks []plot.Tick
	labelled := 0
	for e := first - 1; e <= last; e++ {
		for m := 1.0; m <= 9; m++ {
			v := m * math.Pow(10, e)
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			t := plot.Tick{Value: v}
			switch {
			case m == 1 && math.Mod(e, stride) == 0, decades < 3 && (m == 2 || m == 5):
				t.Label = label(m, e)
				labelled++
			case decades > 6:
				continue
			}
			ticks = append(ticks, t)
		}
	}
	if labelled < 2 {
		return nil
	}
	return ticks
}

func minus(s string) string { return strings.Replace(s, "-", "−", 1) }

// short writes a number for people: four significant digits, no exponent where
// none is needed.
func short(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	case v == math.Trunc(v) && math.Abs(v) < 1e7:
		return minus(strconv.FormatFloat(v, 'f', 0, 64))
	}
	return minus(strconv.FormatFloat(v, 'g', 4, 64))
}
