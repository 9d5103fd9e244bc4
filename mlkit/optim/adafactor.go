package optim

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// Adafactor is Adam without its memory: of a matrix it keeps the mean squares
// of the gradient's rows and columns, whose product stands for those of the
// elements (Shazeer & Stern, Adafactor, 2018, algorithms 4 and 5). Of more than
// two axes the last two are the matrix, of one axis all elements are kept. In
// step t, with lr as the largest relative step,
//
//	R ← R + (mean of g² by row − R)·t^−0.8, and C by column
//	u = g / √(R·Cᵀ / mean of R)
//	p ← p − max(1e-3, RMS(p)) · min(lr, 1/√t) · u / max(1, RMS(u))
//
// which is PyTorch's. There is no momentum. Options: WeightDecay (0), by lr·λ
// before the step. PyTorch's learning rate is 1e-2.
func Adafactor(lr float64, opts ...Option) Rule {
	checkRate("Adafactor", lr)
	s := configure("Adafactor", "WeightDecay", settings{}, opts)
	return tell(func(ps []*tensor.Param) Link {
		l := counted(ps)
		l.whole = true
		matrix := func(p *tensor.Param) (rows, cols int) { // of all matrices one after the other
			d := p.Dims()
			if len(d) < 2 || p.Size() == 0 {
				return 0, 0
			}
			return p.Size() / d[len(d)-1], p.Size() / d[len(d)-2]
		}
		row := l.memory("row_var", 0, func(p *tensor.Param) int { r, _ := matrix(p); return r })
		col := l.memory("col_var", 0, func(p *tensor.Param) int { _, c := matrix(p); return c })
		all := l.memory("variance", 0, func(p *tensor.Param) int {
			if len(p.Dims()) < 2 {
				return p.Size()
			}
			return 0
		})
		decay := s.decays(ps)
		l.final = true
		l.each = func(st *Step, i int, g []float32, t float64) {
			p := st.Params[i]
			if p.Size() == 0 {
				return
			}
			rate, fresh := lr*st.Factor, math.Pow(t, -0.8)
			size := math.Sqrt(float64(p.Size()))
			alpha := max(1e-3, rms(p.Data, size)) * min(rate, 1/math.Sqrt(t))
			if decay[i] != 0 {
				elementwise.Scale(p.Data, p.Data, float32(1-rate*decay[i]))
			}
			if d := p.Dims(); len(d) < 2 {
				for k, x := range g {
					v := all[i][k]
					v += float32(fresh) * (x*x - v)
					all[i][k] = v
					g[k] = float32(float64(x) / math.Sqrt(max(float64(v), tiny*tiny)))
				}
			} else {
				r, c := d[len(d)-2], d[len(d)-1]
				for k := 0; k*r*c < len(g); k++ {
					factored(g[k*r*c:][:r*c], row[i][k*r:][:r], col[i][k*c:][:c], fresh)
				}
			}
			elementwise.Axpy(p.Data, -float32(alpha/max(1, rms(g, size))), g)
		}
		return l
	}, "Adafactor", lr, s)
}

// tiny is PyTorch's first eps: float32's 2⁻²³.
const tiny = 0x1p-23

func rms(x []float32, size float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum) / size
}

// factored divides one matrix g by the root of the mean squares that its rows
// and columns stand for, after these have seen it.
func factored(g, row, col []float32, fresh float64) {
	n := len(col)
	mean := 0.0
	for i := range row {
		sum := 0.0
		for _, v := range g[i*n:][:n] {
			sum += float64(v) * float64(v)
		}
		row[i] += float32(fresh * (sum/float64(n) - float64(row[i])))
		mean += float64(row[i]) / float64(len(row))
	}
	for j := range col {
		sum := 0.0
		for i := range row {
			sum += float64(g[i*n+j]) * float64(g[i*n+j])
		}
		col[j] += float32(fresh * (sum/float64(len(row)) - float64(col[j])))
	}
	mean = max(mean, tiny)
	for i, r := range row {
		for j, c := range col {
			v := float64(r) * float64(c) / mean
			g[i*n+j] = float32(float64(g[i*n+j]) / math.Sqrt(max(v, tiny*tiny)))
		}
	}
}
