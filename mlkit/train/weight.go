package train

import (
	"fmt"
	"math"

	"descent/mlkit/tensor"
)

// measure is the loss of a batch, or of a part of one, and what it is a mean
// over.
type measure struct {
	loss float64
	// The loss times divisor is a sum. Sums over the parts, divided by the sum
	// of their weights, are the loss of the whole.
	weight, divisor float64
	empty           bool // the mean of nothing: the part is left out
}

// given is what Objective.Weight says of a batch before its loss is computed:
// nothing, not even that it is empty, where there is no Weight.
func (o *Objective[B]) given(b *B) (m measure, err error) {
	if o.Weight == nil {
		return m, nil
	}
	w := o.Weight(*b)
	if !(w >= 0) || math.IsInf(w, 0) {
		return m, fmt.Errorf("train: Objective.Weight is %v: must be finite and at least 0", w)
	}
	return measure{weight: w, divisor: w, empty: w == 0}, nil
}

// measured completes what was given by the loss l of the batch.
func (o *Objective[B]) measured(l tensor.Tensor, b *B, given measure) measure {
	loss := float64(l.Item())
	if o.Weight == nil {
		given = o.recorded(l.Tape(), b)
	}
	given.loss = loss
	return given
}

// recorded is what the losses of package nn noted on the tape about the batch,
// or, where they noted nothing, a mean over its samples.
func (o *Objective[B]) recorded(t *tensor.Tape, b *B) measure {
	means := t.Means()
	if len(means) == 0 {
		w := 1.0
		if o.Size != nil {
			w = float64(o.Size(*b))
		}
		return measure{weight: w, divisor: w, empty: w == 0}
	}
	m := measure{weight: means[0].Weight, divisor: means[0].Divisor, empty: means[0].Divisor == 0}
	if len(means) > 1 {
		m.empty = t.MeanOfNothing()
	}
	return m
}

func (o *Objective[B]) samples(b *B) float64 {
	if o.Size == nil {
		return 1
	}
	return float64(o.Size(*b))
}

// alike allows for the rounding of sums of weights that are float32.
func alike(a, b float64) bool { return math.Abs(a-b) <= 1e-4*max(math.Abs(a), math.Abs(b)) }

// mean puts losses together.
type mean struct{ Sum, Weight, Divisor number }

func (s *mean) add(m measure) {
	if !m.empty {
		s.merge(mean{number(m.divisor * m.loss), number(m.weight), number(m.divisor)})
	}
}

func (s *mean) merge(o mean) {
	s.Sum, s.Weight, s.Divisor = s.Sum+o.Sum, s.Weight+o.Weight, max(s.Divisor, o.Divisor)
}

// none reports whether nothing counted.
func (s *mean) none() bool { return s.Weight == 0 && s.Divisor == 0 }

func (s *mean) value() float64 {
	if s.Weight == 0 { // a loss that guards against dividing by 0
		return float64(s.Sum / s.Divisor)
	}
	return float64(s.Sum / s.Weight)
}

// share gives the factors with which the gradients of the parts of a step are
// added, so that their sum is the gradient of the whole. How much the whole
// weighs is known only after its last part: until then weights are counted in
// units of the first part's samples, which, where each sample weighs the same,
// are samples, whose factors need no correction.
type share struct {
	whole  float64 // what the sum should come to, in units; 0: divide at the end
	unit   float64 // 0 before the first part
	total  float64 // Σ weight/unit
	most   float64 // the largest divisor/unit
	ratios []float64
}

// begin starts a step. whole is the number of samples, or the explicit weight,
// of its only batch; 0 where there are several batches.
func (s *share) begin(whole float64, explicit bool) {
	*s = share{whole: whole, ratios: s.ratios[:0]}
	if explicit {
		s.unit = 1
	}
}

// of is the factor for a part, which must not be empty.
func (s *share) of(m measure, samples float64) float32 {
	if s.unit == 0 {
		s.unit = 1
		if m.weight > 0 && samples > 0 {
			s.unit = m.weight / samples
		}
	}
	s.total += m.weight / s.unit
	f := m.divisor / s.unit
	s.most = max(s.most, f)
	if s.whole != 0 {
		f /= s.whole
	}
	return float32(f)
}

// correction is the factor for the finished sum, 1 where the parts weighed what
// was expected.
func (s *share) correction() float64 {
	total := s.total
	if total == 0 {
		total = s.most
	}
	if s.whole == 0 {
		return 1 / total
	}
	if total == s.whole {
		return 1
	}
	return s.whole / total
}

// compatible compares the weights of the means on a tape with those of the
// parts before: a loss of several means can be put together only if their
// weights are in the same proportion in every part. means are those of a
// part that is not empty.
func (s *share) compatible(means []tensor.Mean) error {
	if len(means) < 2 {
		return s.same(nil)
	}
	first := means[0].Weight
	all := true
	for _, m := range means {
		all = all && alike(m.Weight, first)
	}
	if all {
		return s.same(nil)
	}
	return s.same(means)
}

var errMixed = fmt.Errorf("train: the loss adds means over different weights (%s), which Accumulate and MicroBatch cannot put together to the loss of the whole batch: %s",
	"different rows are ignored or weighted in each", "let each mean be over the same rows, or say with Objective.Weight by what batches are to be weighted")

func (s *share) same(means []tensor.Mean) error {
	if s.total == 0 && s.most == 0 { // the first part
		s.ratios = s.ratios[:0]
		for _, m := range means {
			s.ratios = append(s.ratios, m.Weight)
		}
		return nil
	}
	if len(means) != len(s.ratios) {
		return errMixed
	}
	for i, m := range means {
		// w/w₀ = v/v₀, without divisions by 0
		if !alike(m.Weight*s.ratios[0], means[0].Weight*s.ratios[i]) {
			return errMixed
		}
	}
	return nil
}
