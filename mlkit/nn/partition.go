package nn

import (
	"errors"
	"fmt"
	"math"

	"descent/mlkit/tensor"
)

// mostEnumerated is how many hidden units LogPartition enumerates: 2²⁵ states.
const mostEnumerated = 25

// LogPartition is log Z of the machine, exactly: the sum over all states of the
// hidden units, of which there may be 25 at most. The log-likelihood of data is
// −F(v) − log Z.
func (m *RBM) LogPartition() (float64, error) {
	hidden, visible := m.HiddenBias.Size(), m.VisibleBias.Size()
	if hidden > mostEnumerated {
		return 0, fmt.Errorf("nn: an RBM of %d hidden units has too many states to enumerate (%d units at most): estimate log Z by AnnealedLogPartition", hidden, mostEnumerated)
	}
	n := m.binary()
	// One hidden unit changes from a state to the next (Gray's code). odds are
	// e^(b_i + (Wᵀh)_i), so that a change is a multiplication.
	odds := make([]float64, visible)
	start := func(state uint64) (bias float64) {
		for i := range odds {
			z := float64(m.VisibleBias.Data[i])
			for j := range hidden {
				if state>>j&1 == 1 {
					z += float64(m.Weight.Data[j*visible+i])
				}
			}
			odds[i] = math.Exp(z)
		}
		for j := range hidden {
			if state>>j&1 == 1 {
				bias += float64(m.HiddenBias.Data[j])
			}
		}
		return bias
	}
	factor := make([]float64, hidden*visible) // e^W
	for k, w := range m.Weight.Data {
		factor[k] = math.Exp(float64(w))
	}
	var total logSum
	var bias float64
	for k := range uint64(1) << hidden {
		state := k ^ k>>1
		if k%(1<<12) == 0 { // before rounding adds up
			bias = start(state)
		} else {
			changed := (k - 1) ^ (k-1)>>1 ^ state
			j := 0
			for changed>>j != 1 {
				j++
			}
			f := factor[j*visible : (j+1)*visible]
			if on := state>>j&1 == 1; on {
				bias += float64(m.HiddenBias.Data[j])
				for i := range odds {
					odds[i] *= f[i]
				}
			} else {
				bias -= float64(m.HiddenBias.Data[j])
				for i := range odds {
					odds[i] /= f[i]
				}
			}
		}
		total.add(bias + logProduct(odds[:n]) + logClasses(odds[n:]))
	}
	if z := total.log(); !math.IsNaN(z) && !math.IsInf(z, 0) {
		return z, nil
	}
	return 0, errors.New("nn: log Z of the RBM is not finite: its parameters hold NaN, or numbers too large")
}

// logProduct is Σ log(1 + odds).
func logProduct(odds []float64) (sum float64) {
	product := 1.0
	for _, o := range odds {
		if product *= 1 + o; product > 1e150 {
			sum += math.Log(product)
			product = 1
		}
	}
	return sum + math.Log(product)
}

// logClasses is the group's share of Z: exactly one of it is on.
func logClasses(odds []float64) float64 {
	if len(odds) == 0 {
		return 0
	}
	sum := 0.0
	for _, o := range odds {
		sum += o
	}
	return math.Log(sum)
}

// logSum adds numbers given by their logarithms.
type logSum struct {
	most, sum float64 // the sum is sum·e^most
	some      bool
}

func (s *logSum) add(l float64) {
	switch {
	case !s.some:
		*s = logSum{l, 1, true}
	case l > s.most:
		*s = logSum{l, s.sum*math.Exp(s.most-l) + 1, true}
	default:
		s.sum += math.Exp(l - s.most)
	}
}

func (s *logSum) log() float64 { return s.most + math.Log(s.sum) }

// Annealing says how [RBM.AnnealedLogPartition] estimates.
type Annealing struct {
	// Chains are averaged; 0 means 100.
	Chains int
	// Steps lead from the base distribution to the machine's; 0 means 1,000.
	Steps int
	// Base [visible] are the visible biases of the base distribution, whose
	// weights are 0; nil means zeros. The closer it is to the machine, the
	// better the estimate. log(p/(1−p)) for units that are on in a share p of
	// the data is close to a machine that gives the data most of its
	// probability; from there, chains miss what else is likely to another.
	Base []float32
	Seed uint64
}

// AnnealedLogPartition estimates log Z by annealed importance sampling
// (Salakhutdinov & Murray, On the Quantitative Analysis of Deep Belief
// Networks, 2008, section 4.1). Each chain gives a weight whose mean is an
// unbiased estimate of Z; low and high are the estimate ± 3 standard errors of
// that mean, low being −Inf where these exceed it. The logarithm is biased
// downwards while the errors are large: raise Steps until they are small.
func (m *RBM) AnnealedLogPartition(c Annealing) (logZ, low, high float64, err error) {
	if c.Chains == 0 {
		c.Chains = 100
	}
	if c.Steps == 0 {
		c.Steps = 1000
	}
	visible, hidden := m.VisibleBias.Size(), m.HiddenBias.Size()
	base := c.Base
	if base == nil {
		base = make([]float32, visible)
	}
	if c.Chains < 2 || c.Steps < 1 || len(base) != visible {
		return 0, 0, 0, fmt.Errorf("nn: annealing takes 2 chains, 1 step and %d base biases at least, not %d, %d and %d", visible, c.Chains, c.Steps, len(base))
	}
	t := tensor.NewEvalTape()
	t.Seed(c.Seed, 0)
	// log p*(v) at the temperature β: what two neighbours differ by goes into
	// the weights.
	score := func(v tensor.Tensor, beta float32) tensor.Tensor {
		b := t.Input(base, visible).Scale(1 - beta).Add(t.Use(m.VisibleBias).Scale(beta))
		return m.toHidden(v).Scale(beta).Softplus(1).Sum(-1).Add(v.Mul(b).Sum(-1))
	}
	n := m.binary()
	odds := make([]float64, visible)
	for i, b := range base {
		odds[i] = math.Exp(float64(b))
	}
	start := float64(hidden)*math.Ln2 + logProduct(odds[:n]) + logClasses(odds[n:])

	weights := make([]float64, c.Chains)
	state := make([]float32, c.Chains*visible)
	draw := func(logits tensor.Tensor) { copy(state, m.draw(m.probabilities(logits)).Data()) }
	draw(t.Full(0, c.Chains, visible).Add(t.Input(base, visible)))
	for k := 1; k <= c.Steps; k++ {
		t.Reset()
		before, beta := float32(k-1)/float32(c.Steps), float32(k)/float32(c.Steps)
		v := t.Input(state, c.Chains, visible)
		old, now := score(v, before).Data(), score(v, beta).Data()
		for i := range weights {
			weights[i] += float64(now[i]) - float64(old[i])
		}
		h := bernoulli(m.toHidden(v).Scale(beta).Sigmoid())
		draw(m.toVisible(h).Scale(beta).Add(t.Input(base, visible).Scale(1 - beta)))
	}
	var total logSum
	for _, w := range weights {
		total.add(w)
	}
	count := float64(c.Chains)
	logMean := total.log() - math.Log(count)
	variance := 0.0 // of the weights, in units of their mean
	for _, w := range weights {
		d := math.Exp(w-logMean) - 1
		variance += d * d / (count - 1)
	}
	logZ = start + logMean
	if math.IsNaN(logZ) || math.IsInf(logZ, 0) {
		return 0, 0, 0, errors.New("nn: the estimate of log Z is not finite: the RBM's parameters hold NaN, or numbers too large")
	}
	e := 3 * math.Sqrt(variance/count)
	low, high = math.Inf(-1), logZ+math.Log1p(e)
	if e < 1 {
		low = logZ + math.Log1p(-e)
	}
	return logZ, low, high, nil
}
