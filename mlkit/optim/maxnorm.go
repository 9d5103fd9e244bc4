package optim

import (
	"fmt"
	"slices"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// MaxNorm is a rule after whose steps no unit has incoming weights of a
// Euclidean norm above limit: longer ones are scaled down to it (Srebro &
// Shraibman 2005; with dropout, Hinton et al. 2012 and Srivastava et al. 2014).
// Keras has it as MaxNorm(limit, axis=0), a constraint of a layer, and adds
// 1e-7 to the norm; PyTorch has none.
//
//	optim.MaxNorm(2, optim.Momentum(0.1, 0.9))
//
// The incoming weights of a unit are a row of its layer's weight: all elements
// with the same first index. Biases and other parameters of one axis have
// none and are left alone, as are frozen parameters and those that a filter
// does not select. Leave out by a filter what is laid out differently: the
// weights of transposed convolutions, and embeddings. An [EMA] goes around
// MaxNorm, so that it averages shortened weights; the other way round panics.
func MaxNorm(limit float64, inner Rule, on ...Filter) Rule {
	checkLimit("MaxNorm", limit)
	return func(ps []*tensor.Param) Link {
		link := noAverages("MaxNorm", inner(ps))
		if slices.ContainsFunc(link.State(), func(s Slot) bool { return s.Name == emaCount }) {
			panic("optim: MaxNorm around an EMA, which would average weights before they are shortened: put the EMA around MaxNorm")
		}
		return &maxNorm{link, limit, selection(ps, on), filtered(ps, on)}
	}
}

type maxNorm struct {
	Link
	limit float64
	where string // for messages
	on    []bool
}

func (m *maxNorm) String() string {
	return fmt.Sprintf("MaxNorm %v%s of (%s)", m.limit, m.where, describe(m.Link))
}

// Rows that a step does not look up have not changed.
func (m *maxNorm) takesRows(i int) bool { return takesRows(m.Link, i) }

func (m *maxNorm) Update(s *Step) {
	m.Link.Update(s)
	s.Apply()
	for i, p := range s.Params {
		if s.Updates[i] == nil || !m.on[i] || len(p.Dims()) < 2 {
			continue
		}
		n := width(p)
		for lo := 0; lo < len(p.Data); lo += n {
			row := p.Data[lo : lo+n]
			if length := norm(row); length > m.limit {
				elementwise.Scale(row, row, float32(m.limit/length))
			}
		}
	}
}
