package elementwise

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

func TestUpdates(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, n := range append(kerneltest.Lengths(), 40_000) {
			g := kerneltest.RandomSlice(r, n)
			// Adam with weight decay
			p, okP := kerneltest.Guarded(r, n, n%16)
			m, okM := kerneltest.Guarded(r, n, n/2%16)
			v, okV := kerneltest.Guarded(r, n, n/3%16)
			Abs(v, v)
			AddScalar(v, v, 0.01)
			w, wm, wv := kerneltest.Doubles(p), kerneltest.Doubles(m), kerneltest.Doubles(v)
			for i := range w {
				d := float64(g[i])
				wm[i] = 0.9*wm[i] + 0.1*d
				wv[i] = 0.999*wv[i] + 0.001*d*d
				w[i] = w[i]*(1-0.01*0.1) - 0.01/0.19*wm[i]/(math.Sqrt(wv[i]/0.002)+1e-8)
			}
			AdamUpdate(p, g, m, v, 0.01, 0.9, 0.999, 1e-8, 0.19, 0.002, 0.1)
			kerneltest.Near(t, "Adam m", m, wm, 8, 1)
			kerneltest.Near(t, "Adam v", v, wv, 8, 1)
			kerneltest.Near(t, "Adam p", p, w, 8, 1)
			okP(t, "Adam")
			okM(t, "Adam")
			okV(t, "Adam")
			for _, nesterov := range []bool{false, true} {
				p, okP := kerneltest.Guarded(r, n, n%16)
				buf, okB := kerneltest.Guarded(r, n, n/5%16)
				w, wb := kerneltest.Doubles(p), kerneltest.Doubles(buf)
				for i := range w {
					wb[i] = 0.9*wb[i] + 0.75*float64(g[i])
					u := wb[i]
					if nesterov {
						u = float64(g[i]) + 0.9*u
					}
					w[i] -= 0.1 * u
				}
				SGDMomentum(p, g, buf, 0.1, 0.9, 0.25, nesterov)
				kerneltest.Near(t, "SGD", p, w, 8, 1)
				kerneltest.Near(t, "SGD's buffer", buf, wb, 8, 1)
				okP(t, "SGD")
				okB(t, "SGD")
			}
		}
	})
}

func TestRMSPropAndLion(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(19, 20))
		for _, n := range append(kerneltest.Lengths(), 40_000) {
			g := kerneltest.RandomSlice(r, n)
			p, okP := kerneltest.Guarded(r, n, n%16)
			v, okV := kerneltest.Guarded(r, n, n/2%16)
			Abs(v, v)
			AddScalar(v, v, 0.01)
			w, wv := kerneltest.Doubles(p), kerneltest.Doubles(v)
			for i := range w {
				d := float64(g[i])
				wv[i] = 0.99*wv[i] + 0.01*d*d
				w[i] -= 0.1 * d / (math.Sqrt(wv[i]) + 1e-8)
			}
			RMSProp(p, g, v, 0.1, 0.99, 1e-8)
			kerneltest.Near(t, "RMSProp v", v, wv, 8, 1)
			kerneltest.Near(t, "RMSProp p", p, w, 8, 1)
			okP(t, "RMSProp")
			okV(t, "RMSProp")
			for i := range w {
				d := float64(g[i])
				wv[i] = float64(v[i]) + d*d
				w[i] = float64(p[i]) - 0.1*d/(math.Sqrt(wv[i])+1e-10)
			}
			AdaGrad(p, g, v, 0.1, 1e-10)
			kerneltest.Near(t, "AdaGrad sum", v, wv, 8, 1)
			kerneltest.Near(t, "AdaGrad p", p, w, 8, 1)
			okP(t, "AdaGrad")
			okV(t, "AdaGrad")
			m, okM := kerneltest.Guarded(r, n, n/3%16)
			if n > 2 {
				g[1], m[1] = 0, 0 // no sign
			}
			w, wm := kerneltest.Doubles(p), kerneltest.Doubles(m)
			for i := range w {
				d := float64(g[i])
				w[i] *= 1 - 0.1*0.5
				if u := 0.9*wm[i] + 0.1*d; u > 0 {
					w[i] -= 0.1
				} else if u < 0 {
					w[i] += 0.1
				}
				wm[i] = 0.99*wm[i] + 0.01*d
			}
			Lion(p, g, m, 0.1, 0.9, 0.99, 0.5)
			kerneltest.Near(t, "Lion p", p, w, 8, 1)
			kerneltest.Near(t, "Lion m", m, wm, 8, 1)
			okP(t, "Lion")
			okM(t, "Lion")
		}
	})
}

// The update of rows is that of the whole with a gradient of zeros elsewhere.
func TestUpdatesOfRows(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		for _, cols := range []int{1, 5, 8, 64, 300} {
			const rows = 400
			at := make([]int32, 250)
			for i, k := range r.Perm(rows)[:len(at)] {
				at[i] = int32(k)
			}
			few := kerneltest.RandomSlice(r, len(at)*cols)
			g := make([]float32, rows*cols)
			for i, k := range at {
				copy(g[int(k)*cols:], few[i*cols:(i+1)*cols])
			}
			p, v := kerneltest.RandomSlice(r, rows*cols), kerneltest.RandomSlice(r, rows*cols)
			Abs(v, v)
			q, w := slices.Clone(p), slices.Clone(v)
			SGDUpdate(p, g, 0.1)
			AxpyRows(q, -0.1, few, at, cols)
			kerneltest.SameBits(t, "SGD", q, p)
			AdaGrad(p, g, v, 0.1, 1e-10)
			AdaGradRows(q, few, w, at, cols, 0.1, 1e-10)
			kerneltest.SameBits(t, "AdaGrad p", q, p)
			kerneltest.SameBits(t, "AdaGrad sum", w, v)
			m, keep := kerneltest.RandomSlice(r, rows*cols), slices.Clone(p)
			m2, stay := slices.Clone(m), slices.Clone(m)
			AdamUpdate(p, g, m, v, 0.1, 0.9, 0.99, 1e-8, 0.5, 0.2, 0)
			AdamRows(q, few, m2, w, at, cols, 0.1, 0.9, 0.99, 1e-8, 0.5, 0.2)
			for k := range rows { // the others stay
				lo, hi := k*cols, (k+1)*cols
				if slices.Contains(at, int32(k)) {
					copy(keep[lo:hi], p[lo:hi])
					copy(stay[lo:hi], m[lo:hi])
				}
			}
			kerneltest.SameBits(t, "Adam p", q, keep)
			kerneltest.SameBits(t, "Adam m", m2, stay)
		}
	})
	kerneltest.MustPanic(t, "a short gradient", func() { AxpyRows(make([]float32, 4), 1, make([]float32, 3), []int32{0, 1}, 2) })
}
