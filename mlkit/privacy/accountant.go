package privacy

import (
	"errors"
	"fmt"
	"math"
)

// Steps are private steps that are all alike: each takes every sample with
// probability Rate, independently of the others (Poisson sampling), adds up
// what it computes of each, which is no longer than 1, and adds Gaussian noise
// of standard deviation Noise to every element of the sum.
type Steps struct {
	Rate  float64 // 0…1
	Noise float64 // in units of the clipping norm: the noise multiplier
	Count int
}

// An Accountant computes how private a training is. Two data sets are
// neighbours when one has one sample more. A training is (ε, δ)-private
// (Dwork et al. 2006) when for neighbours D and D' and every set S of
// outcomes
//
//	P[training on D ends in S] ≤ e^ε · P[training on D' ends in S] + δ
type Accountant interface {
	// Epsilon is the smallest ε that the accountant can show for a δ, +Inf
	// where there is none.
	Epsilon(delta float64, steps ...Steps) (float64, error)
	// Delta is the smallest δ that it can show for an ε.
	Delta(epsilon float64, steps ...Steps) (float64, error)
}

// check returns the steps that say something about the data, none where
// nothing does, and whether there is any privacy at all.
func check(steps []Steps) (counted []Steps, private bool, err error) {
	private = true
	for _, s := range steps {
		switch {
		case !(s.Rate >= 0 && s.Rate <= 1):
			return nil, false, fmt.Errorf("privacy: the sampling rate is %v, must be a probability", s.Rate)
		case !(s.Noise >= 0):
			return nil, false, fmt.Errorf("privacy: the noise is %v, must be at least 0", s.Noise)
		case s.Count < 0:
			return nil, false, fmt.Errorf("privacy: %d steps", s.Count)
		case s.Rate == 0 || s.Count == 0 || math.IsInf(s.Noise, 1):
		case s.Noise == 0:
			private = false
		default:
			counted = append(counted, s)
		}
	}
	return counted, private, nil
}

func checkDelta(delta float64) error {
	if !(delta > 0 && delta < 1) {
		return fmt.Errorf("privacy: δ is %v, must be between 0 and 1; usual is less than 1/samples", delta)
	}
	return nil
}

func checkEpsilon(epsilon float64) error {
	if !(epsilon >= 0) {
		return fmt.Errorf("privacy: ε is %v, must be at least 0", epsilon)
	}
	return nil
}

// NoiseFor is the smallest noise, to a relative 1e-4, with which count steps
// at a sampling rate are (epsilon, delta)-private by the accountant a.
func NoiseFor(a Accountant, epsilon, delta, rate float64, count int) (float64, error) {
	if err := errors.Join(checkDelta(delta), checkEpsilon(epsilon)); err != nil {
		return 0, err
	}
	if epsilon == 0 {
		return 0, errors.New("privacy: ε = 0 needs infinite noise")
	}
	// The logarithm of ε over that of the noise is nearly a line: false
	// position, in the Illinois form, takes few steps.
	f := func(x float64) (float64, error) {
		e, err := a.Epsilon(delta, Steps{rate, math.Exp(x), count})
		return math.Log(max(e, 1e-300)) - math.Log(epsilon), err
	}
	lo, hi := 0.0, 0.0 // too little noise, enough
	flo, err := f(0)
	fhi := flo
	for k := 0; err == nil && fhi > 0; k++ {
		if k == 40 {
			return 0, fmt.Errorf("privacy: no noise makes %d steps at rate %v (%v, %v)-private", count, rate, epsilon, delta)
		}
		lo, flo = hi, fhi
		hi += 0.7
		fhi, err = f(hi)
	}
	for k := 0; err == nil && flo <= 0; k++ {
		if k == 10 { // e⁻⁷: next to nothing is enough
			return math.Exp(lo), nil
		}
		hi, fhi = lo, flo
		lo -= 0.7
		flo, err = f(lo)
	}
	for side := 0; err == nil && hi-lo > 1e-4; {
		x := (lo + hi) / 2
		if !math.IsInf(flo, 1) && fhi > -600 {
			x = min(max((lo*fhi-hi*flo)/(fhi-flo), lo+4e-5), hi-4e-5)
		}
		var y float64
		if y, err = f(x); y > 0 {
			lo, flo = x, y
			if side == 1 {
				fhi /= 2
			}
			side = 1
		} else {
			hi, fhi = x, y
			if side == -1 {
				flo /= 2
			}
			side = -1
		}
	}
	return math.Exp(hi), err
}
