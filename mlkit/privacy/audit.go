package privacy

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// EpsilonFromRates is a lower bound of ε, at a confidence, from an attack on
// many trainings that took found of the members for members, and wrong of the
// others, too. By the definition of privacy, P[found] ≤ e^ε·P[wrong] + δ; both
// probabilities are bounded by Clopper & Pearson's intervals (Jagielski, Ullman
// & Oprea 2020; Nasr et al. 2021). 0 where the attack shows nothing.
func EpsilonFromRates(found, members, wrong, others int, delta, confidence float64) float64 {
	alpha := (1 - confidence) / 2
	low := 0.0
	if found > 0 {
		low = mathext.InvRegIncBeta(float64(found), float64(members-found+1), alpha)
	}
	high := 1.0
	if wrong < others {
		high = mathext.InvRegIncBeta(float64(wrong+1), float64(others-wrong), 1-alpha)
	}
	if low <= delta {
		return 0
	}
	return max(0, math.Log((low-delta)/high))
}

// An Audit measures a training from outside, in one run (Steinke, Nasr &
// Jagielski 2023): of Included canaries, samples that the auditor made up, each
// was in the training set with probability ½, independently; Scores say how
// much the model seems to know each one (its [Margin], say). The Guesses/2 best
// known are guessed to be in, the Guesses/2 least known out.
type Audit struct {
	Scores   []float64
	Included []bool
	Guesses  int // 0: all
}

// Correct is how many of how many guesses are right.
func (a Audit) Correct() (correct, guesses int, err error) {
	n := len(a.Scores)
	if n != len(a.Included) {
		return 0, 0, fmt.Errorf("privacy: an audit of %d scores and %d canaries", n, len(a.Included))
	}
	k := min(a.Guesses, n)
	if a.Guesses <= 0 {
		k = n
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(a.Scores[i], a.Scores[j]) })
	for at, i := range order {
		switch {
		case at < k/2 && !a.Included[i], at >= n-(k-k/2) && a.Included[i]:
			correct++
		}
	}
	return correct, k, nil
}

// Epsilon is a lower bound of ε at a confidence: if ε were smaller, this many
// guesses would be right with a probability of less than 1−confidence (theorem
// 5.2 of the paper). A claim of less is refuted: the training is not what it
// says, whatever the reason.
func (a Audit) Epsilon(delta, confidence float64) (float64, error) {
	correct, guesses, err := a.Correct()
	if err != nil {
		return 0, err
	}
	return oneRun(len(a.Scores), guesses, correct, delta, confidence), nil
}

// oneRun finds the largest ε that is refuted.
func oneRun(canaries, guesses, correct int, delta, confidence float64) float64 {
	refuted := func(e float64) bool {
		q := 1 / (1 + math.Exp(-e))
		atLeast, alpha, below := 0.0, 0.0, 0.0
		for v := guesses; v >= correct; v-- {
			atLeast += binomial(guesses, v, q)
		}
		for i := 1; i <= correct; i++ {
			below += binomial(guesses, correct-i, q)
			alpha = max(alpha, below/float64(i))
		}
		return atLeast+alpha*delta*2*float64(canaries) < 1-confidence
	}
	if !refuted(0) {
		return 0
	}
	lo, hi := 0.0, 1.0
	for refuted(hi) && hi < 64 {
		lo, hi = hi, 2*hi
	}
	for range 50 {
		if m := (lo + hi) / 2; refuted(m) {
			lo = m
		} else {
			hi = m
		}
	}
	return lo
}

func binomial(n, k int, p float64) float64 {
	return math.Exp(logBinomial(float64(n), float64(k)) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}
