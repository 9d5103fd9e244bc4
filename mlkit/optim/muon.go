package optim

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/tensor"
)

var muonDefaults = settings{momentum: 0.95, nesterov: true, nsSteps: 5, decay: 0.1, eps: 1e-7,
	adaptWidth: func(rows, cols int) float64 { return math.Sqrt(max(1, float64(rows)/float64(cols))) }}

// Muon makes the momentum of every weight matrix nearly orthogonal before it
// steps, so that all directions of the matrix move alike (Jordan et al., Muon:
// An optimizer for hidden layers in neural networks, 2024; the form and the
// defaults are PyTorch's). It is meant for the matrices between hidden layers;
// what is not a matrix is left to others, usually [AdamW]. So should be the
// embedding and the output layer: name them with Only.
//
//	optim.Muon(0.02, optim.AdamW(3e-4), optim.Only(optim.Named("blocks.*")))
//
// Options: Mu (0.95), UseNesterov (true), NewtonSchulz (5), MatchRMS,
// WeightDecay (0.1), Only (all parameters of two axes).
func Muon(lr float64, others Rule, opts ...Option) Rule {
	s := configure("Muon", "Mu UseNesterov NewtonSchulz MatchRMS WeightDecay Only", muonDefaults, opts)
	return Groups(
		Group{Name: "muon", On: func(p *tensor.Param) bool { return len(p.Dims()) == 2 && (s.only == nil || s.only(p)) },
			Rule: descend("Muon", lr, s, scaleByMuon(s))},
		Group{Name: "others", Rule: others})
}

// ScaleByMuon makes the update Muon's direction. All parameters must have two
// axes. Options: Mu, UseNesterov, NewtonSchulz, MatchRMS.
func ScaleByMuon(opts ...Option) Rule {
	s := configure("ScaleByMuon", "Mu UseNesterov NewtonSchulz MatchRMS", muonDefaults, opts)
	return tell(scaleByMuon(s), "ScaleByMuon", math.NaN(), s)
}

func scaleByMuon(s settings) Rule {
	mu := float32(s.momentum)
	return func(ps []*tensor.Param) Link {
		l := &perParam{params: ps, whole: true}
		bufs := l.buffers("momentum_buffer")
		var most, small int
		for _, p := range ps {
			d := p.Dims()
			if len(d) != 2 {
				panic(&tensor.ShapeError{Op: "optim.ScaleByMuon", Param: p.Name, Shapes: [][]int{append([]int{}, d...)},
					Why: "only matrices can be made orthogonal; give other parameters another rule (optim.Muon does, optim.Groups can)"})
			}
			most, small = max(most, p.Size()), max(small, min(d[0], d[1]))
		}
		o := orthogonalizer{steps: s.nsSteps, eps: s.eps,
			x: make([]float32, most), y: make([]float32, most),
			gram: make([]float32, small*small), poly: make([]float32, small*small)}
		l.each = func(_ *Step, i int, u []float32, _ float64) {
			b, d := bufs[i], ps[i].Dims()
			for k, g := range u {
				b[k] += (1 - mu) * (g - b[k])
				if s.nesterov {
					u[k] = g + mu*(b[k]-g)
				} else {
					u[k] = b[k]
				}
			}
			o.run(u, d[0], d[1])
			elementwise.Scale(u, u, float32(s.adaptWidth(d[0], d[1])))
		}
		return l
	}
}

// orthogonalizer replaces a matrix by one with the same singular vectors and
// singular values near 1 (0.7 to 1.2): the quintic Newton–Schulz iteration of
// Jordan et al. (2024), whose coefficients trade accuracy for speed.
type orthogonalizer struct {
	steps            int
	eps              float64
	x, y, gram, poly []float32
}

func (o *orthogonalizer) run(m []float32, rows, cols int) {
	const a, b, c = 3.4445, -4.7750, 2.0315
	x, y := o.x[:len(m)], o.y[:len(m)]
	tall := rows > cols
	r, n := rows, cols
	if tall { // the products of the short side are the cheap ones
		r, n = cols, rows
		gemm.Transpose(x, m, rows, cols)
	} else {
		copy(x, m)
	}
	elementwise.Scale(x, x, float32(1/max(norm(x), o.eps)))
	gram, poly := o.gram[:r*r], o.poly[:r*r]
	for range o.steps { // x ← a·x + (b·A + c·A²)·x, A = x·xᵀ
		gemm.Gemm{M: r, N: r, K: n, TransB: true}.Run(gram, x, x)
		gemm.Gemm{M: r, N: r, K: r, Alpha: c}.Run(poly, gram, gram)
		elementwise.Axpy(poly, b, gram)
		elementwise.Scale(y, x, a)
		gemm.Gemm{M: r, N: n, K: r, Accumulate: true}.Run(y, poly, x)
		x, y = y, x
	}
	if tall {
		gemm.Transpose(m, x, cols, rows)
	} else {
		copy(m, x)
	}
}
