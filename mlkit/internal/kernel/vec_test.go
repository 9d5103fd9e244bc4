package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// near fails the test unless got is within tol * 2^-24 * (|want| + mag) of want.
func near(t testing.TB, name string, got []float32, want []float64, tol, mag float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= tol*0x1p-24*(math.Abs(w)+mag)) {
			t.Fatalf("%s: element %d is %g, want %g (difference %g)", name, i, got[i], w, d)
		}
	}
}

func doubles(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func randomSlice(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestReductions(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range append(testLengths(), elemGrain+1, 100_003) {
			a, okA := guarded(r, n, n%16)
			b, _ := guarded(r, n, n/3%16)
			var s, d, sq float64
			for i := range a {
				s += float64(a[i])
				d += float64(a[i]) * float64(b[i])
				sq += float64(a[i]-0.25) * float64(a[i]-0.25)
			}
			got := []float32{Sum(a), Dot(a, b), squares(a, 0.25)}
			if f := vecTable[cpu].maxAbs; f != nil {
				m := float32(0)
				for _, v := range a {
					m = max(m, v, -v)
				}
				if v := f(ptr(a), n); v != m {
					t.Fatalf("n %d: the largest |x| is %g, want %g", n, v, m)
				}
			}
			near(t, fmt.Sprint("n ", n), got, []float64{s, d, sq}, 8, 2*math.Sqrt(float64(n)))
			okA(t, "input")
		}
	})
}

func TestReductionSpecials(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	levels(t, func(t *testing.T) {
		for at := range 70 {
			x := make([]float32, 70)
			x[at] = inf
			if s := Sum(x); s != inf {
				t.Fatalf("sum with +Inf at %d is %g", at, s)
			}
			x[at] = nan
			if s, d := Sum(x), Dot(x, x); s == s || d == d {
				t.Fatalf("sum, dot with NaN at %d are %g, %g", at, s, d)
			}
			if i := ArgMax(x); i != at {
				t.Fatalf("ArgMax with NaN at %d is %d", at, i)
			}
		}
	})
	if i := ArgMax([]float32{1, 3, 2, 3}); i != 1 {
		t.Errorf("ArgMax is %d, want the first of the largest, 1", i)
	}
}

func TestRowsAndColumns(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, dims := range [][2]int{{1, 1}, {3, 7}, {5, 10}, {64, 10}, {2, 33}, {7, 64}, {9, 129}, {300, 300}, {1000, 130}} {
			rows, cols := dims[0], dims[1]
			name := fmt.Sprint(rows, "x", cols)
			x, _ := guarded(r, rows*cols, 3)
			sums, ok := guarded(r, cols, 5)
			want := doubles(sums)
			wantRows := make([]float64, rows)
			for i, v := range x {
				want[i%cols] += float64(v)
				wantRows[i/cols] += float64(v)
			}
			AddRows(sums, x, cols)
			near(t, "AddRows "+name, sums, want, 8, float64(rows))
			ok(t, "AddRows")
			rowSums, ok := guarded(r, rows, 1)
			SumRows(rowSums, x, cols)
			near(t, "SumRows "+name, rowSums, wantRows, 4, float64(cols))
			ok(t, "SumRows")
			turned, ok := guarded(r, len(x), 7)
			Transpose(turned, x, rows, cols)
			for i, v := range x {
				if turned[i%cols*rows+i/cols] != v {
					t.Fatalf("Transpose %s: wrong at row %d, column %d", name, i/cols, i%cols)
				}
			}
			ok(t, "Transpose")
		}
	})
}

func refSoftmax(x []float64) (y []float64, logSum float64) {
	m, s := slices.Max(x), 0.0
	y = make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Exp(v - m)
		s += y[i]
	}
	for i := range y {
		y[i] /= s
	}
	return y, m + math.Log(s)
}

func TestSoftmax(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, cols := range []int{1, 2, 3, 7, 8, 10, 15, 16, 17, 31, 64, 65, 100, 1000, 5000} {
			const rows = 5
			n := rows * cols
			x, _ := guarded(r, n, cols%16)
			Scale(x, x, 6)
			dy, probs := randomSlice(r, n), make([]float32, n)
			y, ok := guarded(r, n, 2)
			logY, okLog := guarded(r, n, 5)
			dx, dlog, dlogits := randomSlice(r, n), randomSlice(r, n), randomSlice(r, n)
			wantDx, wantDlog, wantDlogits := doubles(dx), doubles(dlog), doubles(dlogits)
			loss, dloss := make([]float32, rows), randomSlice(r, rows)
			labels := make([]int32, rows)
			var wantY, wantLog, wantLoss []float64
			for i := range rows {
				labels[i] = int32(r.IntN(cols+1)) - 1
				row := doubles(x[i*cols : i*cols+cols])
				p, l := refSoftmax(row)
				wantY = append(wantY, p...)
				var dot, sum float64
				for k, v := range row {
					wantLog = append(wantLog, v-l)
					dot += p[k] * float64(dy[i*cols+k])
					sum += float64(dy[i*cols+k])
				}
				for k := range row {
					g := float64(dy[i*cols+k])
					wantDx[i*cols+k] += p[k] * (g - dot)
					wantDlog[i*cols+k] += g - p[k]*sum
					if labels[i] >= 0 {
						wantDlogits[i*cols+k] += float64(dloss[i]) * p[k]
					}
				}
				wantLoss = append(wantLoss, 0)
				if labels[i] >= 0 {
					wantLoss[i] = l - row[labels[i]]
					wantDlogits[i*cols+int(labels[i])] -= float64(dloss[i])
				}
			}
			Softmax(y, x, cols)
			near(t, "Softmax", y, wantY, 16, 0)
			ok(t, "Softmax")
			LogSoftmax(logY, x, cols)
			near(t, "LogSoftmax", logY, wantLog, 4, 6)
			okLog(t, "LogSoftmax")
			SoftmaxGrad(dx, dy, y, cols)
			near(t, "SoftmaxGrad", dx, wantDx, 16, 1)
			LogSoftmaxGrad(dlog, dy, logY, cols)
			near(t, "LogSoftmaxGrad", dlog, wantDlog, 16, math.Sqrt(float64(cols)))
			copy(probs, x)
			SoftmaxCrossEntropy(loss, probs, probs, labels, cols)
			near(t, "SoftmaxCrossEntropy", loss, wantLoss, 4, 6)
			near(t, "probs", probs, wantY, 16, 0)
			SoftmaxCrossEntropyGrad(dlogits, dloss, probs, labels, cols)
			near(t, "SoftmaxCrossEntropyGrad", dlogits, wantDlogits, 16, 1)
		}
	})
}

func TestSoftmaxSpecials(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	levels(t, func(t *testing.T) {
		for _, cols := range []int{2, 10, 33, 100} {
			x, y := make([]float32, cols), make([]float32, cols)
			Fill(x, -inf)
			x[cols-1] = 3
			Softmax(y, x, cols)
			if y[cols-1] != 1 || y[0] != 0 {
				t.Errorf("cols %d: all but one at -Inf give %g, %g", cols, y[0], y[cols-1])
			}
			x[0] = -1e30
			loss := make([]float32, 1)
			SoftmaxCrossEntropy(loss, y, x, []int32{0}, cols)
			if loss[0] != 1e30 {
				t.Errorf("cols %d: the loss where the probability underflows is %g, want 1e30", cols, loss[0])
			}
			for _, bad := range []float32{nan, inf} {
				Fill(x, 1)
				x[cols/2] = bad
				Softmax(y, x, cols)
				for i, v := range y {
					if v == v && (bad != bad || i == cols/2) {
						t.Errorf("cols %d: with %g element %d is %g, want NaN", cols, bad, i, v)
						break
					}
				}
			}
		}
	})
}

func TestLayerNorm(t *testing.T) {
	const eps = 1e-5
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, dims := range [][2]int{{1, 2}, {3, 7}, {4, 16}, {5, 33}, {6, 100}, {64, 512}, {70, 300}} {
			rows, cols := dims[0], dims[1]
			n := rows * cols
			for variant := range 4 {
				// with and without gamma and beta, with and without xhat
				x, dy := randomSlice(r, n), randomSlice(r, n)
				AddScalar(x, x, 3)
				gamma, beta := randomSlice(r, cols), randomSlice(r, cols)
				var xhat []float32
				if variant&1 != 0 {
					gamma, beta = nil, nil
				}
				if variant&2 != 0 {
					xhat = make([]float32, n)
				}
				y, ok := guarded(r, n, 3)
				mean, rstd := make([]float32, rows), make([]float32, rows)
				dx, okDx := guarded(r, n, 5)
				dgamma, dbeta := randomSlice(r, cols), randomSlice(r, cols)
				wantDx, wantDg, wantDb := doubles(dx), doubles(dgamma), doubles(dbeta)
				wantY, wantHat := make([]float64, n), make([]float64, n)
				for i := range rows {
					var m, s, s1, s2 float64
					row := doubles(x[i*cols : i*cols+cols])
					for _, v := range row {
						m += v / float64(cols)
					}
					for _, v := range row {
						s += (v - m) * (v - m) / float64(cols)
					}
					rs := 1 / math.Sqrt(s+eps)
					at := func(p []float32, k int, otherwise float64) float64 {
						if p == nil {
							return otherwise
						}
						return float64(p[k])
					}
					for k, v := range row {
						h, g := (v-m)*rs, float64(dy[i*cols+k])
						wantHat[i*cols+k] = h
						wantY[i*cols+k] = h*at(gamma, k, 1) + at(beta, k, 0)
						wantDg[k] += g * h
						wantDb[k] += g
						s1 += g * at(gamma, k, 1) / float64(cols)
						s2 += g * at(gamma, k, 1) * h / float64(cols)
					}
					for k := range row {
						g := float64(dy[i*cols+k]) * at(gamma, k, 1)
						wantDx[i*cols+k] += rs * (g - s1 - wantHat[i*cols+k]*s2)
					}
				}
				LayerNorm(y, xhat, mean, rstd, x, gamma, beta, cols, eps)
				near(t, "y", y, wantY, 64, 4)
				ok(t, "LayerNorm")
				if xhat != nil {
					near(t, "xhat", xhat, wantHat, 64, 4)
				}
				LayerNormGrad(dx, dgamma, dbeta, dy, x, mean, rstd, gamma, cols)
				near(t, "dx", dx, wantDx, 64, 30)
				near(t, "dgamma", dgamma, wantDg, 16, float64(rows)*4)
				near(t, "dbeta", dbeta, wantDb, 16, float64(rows)*2)
				okDx(t, "LayerNormGrad")
			}
		}
	})
}

// The gradients of the cells are checked against finite differences of a float64 cell.

func refLSTM(gates, cPrev []float64) (h, c []float64) {
	n := len(cPrev)
	for j := range n {
		i, f := sigmoid(gates[j]), sigmoid(gates[n+j])
		g, o := math.Tanh(gates[2*n+j]), sigmoid(gates[3*n+j])
		c = append(c, f*cPrev[j]+i*g)
		h = append(h, o*math.Tanh(c[j]))
	}
	return
}

func refGRU(gx, gh, hPrev []float64) (h []float64) {
	n := len(hPrev)
	for j := range n {
		r, z := sigmoid(gx[j]+gh[j]), sigmoid(gx[n+j]+gh[n+j])
		t := math.Tanh(gx[2*n+j] + r*gh[2*n+j])
		h = append(h, (1-z)*t+z*hPrev[j])
	}
	return
}

// slopes returns the derivatives of f by x.
func slopes(x []float64, f func() float64) []float64 {
	d := make([]float64, len(x))
	for i, v := range x {
		const step = 1e-5
		x[i] = v + step
		up := f()
		x[i] = v - step
		d[i] = (up - f()) / (2 * step)
		x[i] = v
	}
	return d
}

func dot64(a, b []float64) (s float64) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// Rows may be further apart than they are long; what is between them stays.
func TestRowsApart(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, c := range [][3]int{{1, 1, 3}, {5, 7, 9}, {130, 33, 144}, {300, 260, 272}} {
			rows, cols, gap := c[0], c[1], c[2]-c[1]
			x := randomSlice(r, rows*cols)
			want, wide := make([]float32, rows*cols), randomSlice(r, (cols-1)*(rows+gap)+rows)
			before := slices.Clone(wide)
			Transpose(want, x, rows, cols)
			TransposeWide(wide, x, rows, cols, rows+gap)
			for i := range cols {
				sameBits(t, "transposed", wide[i*(rows+gap):][:rows], want[i*rows:][:rows])
				if i > 0 {
					sameBits(t, "between rows", wide[i*(rows+gap)-gap:][:gap], before[i*(rows+gap)-gap:][:gap])
				}
			}
			apart := randomSlice(r, (rows-1)*(cols+gap)+cols)
			for i := range rows {
				copy(apart[i*(cols+gap):], x[i*cols:][:cols])
			}
			sum, sumApart := make([]float32, cols), make([]float32, cols)
			AddRows(sum, x, cols)
			AddRowsWide(sumApart, apart, rows, cols+gap)
			sameBits(t, "sums", sumApart, sum)
		}
	})
	for what, f := range map[string]func(){
		"short rows":     func() { TransposeWide(make([]float32, 6), make([]float32, 6), 2, 3, 1) },
		"a short dst":    func() { TransposeWide(make([]float32, 9), make([]float32, 6), 2, 3, 4) },
		"a short source": func() { AddRowsWide(make([]float32, 3), make([]float32, 6), 2, 4) },
		"short gates": func() {
			x := make([]float32, 2)
			LSTMCellGrad(make([]float32, 8), x, x, nil, make([]float32, 8), x, x, 1, 5)
		},
	} {
		mustPanic(t, what, f)
	}
}

// GELUSlope is GELU and the slope that GELUGrad multiplies by.
func TestGELUSlope(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(19, 20))
		for _, n := range append(testLengths(), elemGrain+5) {
			x := randomSlice(r, n)
			if n > len(specials) {
				copy(x, specials)
			}
			y, okY := guarded(r, n, n%16)
			slope, okS := guarded(r, n, n/3%16)
			GELUSlope(y, slope, x)
			wantY, ones, want := make([]float32, n), make([]float32, n), make([]float32, n)
			Fill(ones, 1)
			GELU(wantY, x)
			GELUGrad(want, ones, x)
			for i := range x {
				same := func(a, b float32) bool { return a == b || a != a && b != b }
				if !same(y[i], wantY[i]) || !same(slope[i], want[i]) {
					t.Fatalf("n %d: at %g %g and %g, want %g and %g", n, x[i], y[i], slope[i], wantY[i], want[i])
				}
			}
			inPlace := slices.Clone(x)
			GELUSlope(y, inPlace, inPlace)
			sameBits(t, "slope in place", inPlace, slope)
			okY(t, "y")
			okS(t, "slope")
		}
	})
}

func TestLSTMCell(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, hidden := range []int{1, 2, 7, 8, 15, 16, 17, 33} {
			const rows = 3
			n := rows * hidden
			gates, cPrev := randomSlice(r, 4*n), randomSlice(r, n)
			h, okH := guarded(r, n, 1)
			c, okC := guarded(r, n, 2)
			tanhC, okT := guarded(r, n, 3)
			acts, okA := guarded(r, 4*n, 4)
			dh, dc := randomSlice(r, n), randomSlice(r, n)
			dgates, okG := guarded(r, 4*n, 5)
			dcPrev, okP := guarded(r, n, 6)
			LSTMCell(h, c, acts, tanhC, gates, cPrev, hidden)
			LSTMCellGrad(dgates, dcPrev, dh, dc, acts, tanhC, cPrev, hidden, 4*hidden)
			for i := range rows {
				g, p := doubles(gates[4*i*hidden:4*(i+1)*hidden]), doubles(cPrev[i*hidden:(i+1)*hidden])
				wantH, wantC := refLSTM(g, p)
				lo, hi := i*hidden, (i+1)*hidden
				near(t, "h", h[lo:hi], wantH, 6, 1)
				near(t, "c", c[lo:hi], wantC, 6, 1)
				loss := func() float64 {
					h, c := refLSTM(g, p)
					return dot64(h, doubles(dh[lo:hi])) + dot64(c, doubles(dc[lo:hi]))
				}
				near(t, "dgates", dgates[4*lo:4*hi], slopes(g, loss), 20, 4)
				near(t, "dcPrev", dcPrev[lo:hi], slopes(p, loss), 20, 4)
			}
			for _, ok := range []func(testing.TB, string){okH, okC, okT, okA, okG, okP} {
				ok(t, "LSTM")
			}
			// In place, and without dc.
			inPlace, c2 := slices.Clone(gates), slices.Clone(cPrev)
			LSTMCell(h, c2, inPlace, tanhC, inPlace, c2, hidden)
			sameBits(t, "acts in place", inPlace, acts)
			sameBits(t, "c in place", c2, c)
			zero, d1, d2 := make([]float32, n), make([]float32, 4*n), make([]float32, 4*n)
			LSTMCellGrad(d1, dcPrev, dh, zero, acts, tanhC, cPrev, hidden, 4*hidden)
			LSTMCellGrad(d2, dcPrev, dh, nil, acts, tanhC, cPrev, hidden, 4*hidden)
			sameBits(t, "dc nil", d2, d1)
			ld := 4*hidden + 3
			wide, okW := guarded(r, (rows-1)*ld+4*hidden, 7)
			between := slices.Clone(wide)
			LSTMCellGrad(wide, dcPrev, dh, nil, acts, tanhC, cPrev, hidden, ld)
			okW(t, "LSTM")
			for i := range rows {
				sameBits(t, "rows apart", wide[i*ld:][:4*hidden], d1[4*i*hidden:][:4*hidden])
				if i > 0 {
					sameBits(t, "between rows", wide[i*ld-3:i*ld], between[i*ld-3:i*ld])
				}
			}
		}
	})
}

func TestGRUCell(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, hidden := range []int{1, 2, 7, 8, 15, 16, 17, 33} {
			const rows = 3
			n := rows * hidden
			gx, gh, hPrev, dh := randomSlice(r, 3*n), randomSlice(r, 3*n), randomSlice(r, n), randomSlice(r, n)
			h, okH := guarded(r, n, 1)
			acts, okA := guarded(r, 3*n, 2)
			dgx, okX := guarded(r, 3*n, 3)
			dgh, okG := guarded(r, 3*n, 4)
			dhPrev, okP := guarded(r, n, 5)
			GRUCell(h, acts, gx, gh, hPrev, hidden)
			GRUCellGrad(dgx, dgh, dhPrev, dh, acts, gh, hPrev, hidden)
			for i := range rows {
				lo, hi := i*hidden, (i+1)*hidden
				x, s, p := doubles(gx[3*lo:3*hi]), doubles(gh[3*lo:3*hi]), doubles(hPrev[lo:hi])
				near(t, "h", h[lo:hi], refGRU(x, s, p), 6, 2)
				loss := func() float64 { return dot64(refGRU(x, s, p), doubles(dh[lo:hi])) }
				near(t, "dgx", dgx[3*lo:3*hi], slopes(x, loss), 20, 8)
				near(t, "dgh", dgh[3*lo:3*hi], slopes(s, loss), 20, 8)
				near(t, "dhPrev", dhPrev[lo:hi], slopes(p, loss), 20, 8)
			}
			for _, ok := range []func(testing.TB, string){okH, okA, okX, okG, okP} {
				ok(t, "GRU")
			}
		}
	})
}

func TestUpdates(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, n := range append(testLengths(), 40_000) {
			g := randomSlice(r, n)
			// Adam with weight decay
			p, okP := guarded(r, n, n%16)
			m, okM := guarded(r, n, n/2%16)
			v, okV := guarded(r, n, n/3%16)
			Abs(v, v)
			AddScalar(v, v, 0.01)
			w, wm, wv := doubles(p), doubles(m), doubles(v)
			for i := range w {
				d := float64(g[i])
				wm[i] = 0.9*wm[i] + 0.1*d
				wv[i] = 0.999*wv[i] + 0.001*d*d
				w[i] = w[i]*(1-0.01*0.1) - 0.01/0.19*wm[i]/(math.Sqrt(wv[i]/0.002)+1e-8)
			}
			AdamUpdate(p, g, m, v, 0.01, 0.9, 0.999, 1e-8, 0.19, 0.002, 0.1)
			near(t, "Adam m", m, wm, 8, 1)
			near(t, "Adam v", v, wv, 8, 1)
			near(t, "Adam p", p, w, 8, 1)
			okP(t, "Adam")
			okM(t, "Adam")
			okV(t, "Adam")
			for _, nesterov := range []bool{false, true} {
				p, okP := guarded(r, n, n%16)
				buf, okB := guarded(r, n, n/5%16)
				w, wb := doubles(p), doubles(buf)
				for i := range w {
					wb[i] = 0.9*wb[i] + 0.75*float64(g[i])
					u := wb[i]
					if nesterov {
						u = float64(g[i]) + 0.9*u
					}
					w[i] -= 0.1 * u
				}
				SGDMomentum(p, g, buf, 0.1, 0.9, 0.25, nesterov)
				near(t, "SGD", p, w, 8, 1)
				near(t, "SGD's buffer", buf, wb, 8, 1)
				okP(t, "SGD")
				okB(t, "SGD")
			}
		}
	})
}

func TestRMSPropAndLion(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(19, 20))
		for _, n := range append(testLengths(), 40_000) {
			g := randomSlice(r, n)
			p, okP := guarded(r, n, n%16)
			v, okV := guarded(r, n, n/2%16)
			Abs(v, v)
			AddScalar(v, v, 0.01)
			w, wv := doubles(p), doubles(v)
			for i := range w {
				d := float64(g[i])
				wv[i] = 0.99*wv[i] + 0.01*d*d
				w[i] -= 0.1 * d / (math.Sqrt(wv[i]) + 1e-8)
			}
			RMSProp(p, g, v, 0.1, 0.99, 1e-8)
			near(t, "RMSProp v", v, wv, 8, 1)
			near(t, "RMSProp p", p, w, 8, 1)
			okP(t, "RMSProp")
			okV(t, "RMSProp")
			m, okM := guarded(r, n, n/3%16)
			if n > 2 {
				g[1], m[1] = 0, 0 // no sign
			}
			w, wm := doubles(p), doubles(m)
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
			near(t, "Lion p", p, w, 8, 1)
			near(t, "Lion m", m, wm, 8, 1)
			okP(t, "Lion")
			okM(t, "Lion")
		}
	})
}

func TestChannels(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, dims := range [][3]int{{2, 1, 1}, {3, 5, 1}, {40, 33, 1}, {700, 70, 1}, {1, 2, 3}, {4, 3, 49}, {3, 17, 100}, {8, 5, 1024}} {
			n, channels, size := dims[0], dims[1], dims[2]
			all := n * channels * size
			x, _ := guarded(r, all, 3)
			AddScalar(x, x, 5)
			dy := randomSlice(r, all)
			scale, shift, slope := randomSlice(r, channels), randomSlice(r, channels), randomSlice(r, channels)
			mean, okM := guarded(r, channels, 1)
			variance, okV := guarded(r, channels, 2)
			sums, okS := guarded(r, channels, 3)
			dots, okD := guarded(r, channels, 4)
			y, okY := guarded(r, all, 5)
			dx, okX := guarded(r, all, 6)
			ChannelStats(mean, variance, x, size)
			wm, wv, ws, wd := make([]float64, channels), make([]float64, channels), make([]float64, channels), make([]float64, channels)
			count := float64(n * size)
			for i, v := range x {
				wm[i/size%channels] += float64(v) / count
			}
			for i, v := range x {
				c := i / size % channels
				wv[c] += (float64(v) - wm[c]) * (float64(v) - wm[c]) / count
				ws[c] += float64(dy[i])
				wd[c] += float64(dy[i]) * (float64(v) - float64(mean[c]))
			}
			name := fmt.Sprint(dims)
			near(t, "mean "+name, mean, wm, 40, 1)
			near(t, "variance "+name, variance, wv, 32, 1)
			ChannelAffine(y, x, mean, scale, shift, size)
			ChannelGradSums(sums, dots, dy, x, mean, size)
			near(t, "sums "+name, sums, ws, 8, count)
			near(t, "dots "+name, dots, wd, 8, count)
			ChannelGrad(dx, dy, x, mean, scale, slope, shift, size)
			wy, wx := make([]float64, all), make([]float64, all)
			for i, v := range x {
				c := i / size % channels
				d := float64(v - mean[c])
				wy[i] = d*float64(scale[c]) + float64(shift[c])
				wx[i] = float64(scale[c])*float64(dy[i]) + float64(slope[c])*d + float64(shift[c])
			}
			near(t, "y "+name, y, wy, 8, 4)
			near(t, "dx "+name, dx, wx, 8, 8)
			for _, ok := range []func(testing.TB, string){okM, okV, okS, okD, okY, okX} {
				ok(t, name)
			}
		}
	})
}

func TestBytesToFloats(t *testing.T) {
	levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(15, 16))
		for _, n := range append(testLengths(), 50_000) {
			src := make([]byte, n+1)
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			dst, ok := guarded(r, n, n%16)
			want := make([]float64, n)
			for i := range want {
				want[i] = float64(src[i+1])/255 - 0.5
			}
			BytesToFloats(dst, src[1:], 1.0/255, -0.5)
			near(t, "bytes", dst, want, 4, 1)
			ok(t, "bytes")
		}
	})
}

// everyKernel runs what is not element-wise on large inputs and returns all results.
func everyKernel(rows, cols int) []float32 {
	r := rand.New(rand.NewPCG(17, 18))
	n := rows * cols
	x, dy, z := randomSlice(r, n), randomSlice(r, n), randomSlice(r, n)
	gamma, beta := randomSlice(r, cols), randomSlice(r, cols)
	labels := make([]int32, rows)
	for i := range labels {
		labels[i] = int32(r.IntN(cols))
	}
	out := []float32{Sum(x), SumSquares(x), Dot(x, dy)}
	keep := func(x ...[]float32) { out = append(out, slices.Concat(x...)...) }
	col, row := make([]float32, cols), make([]float32, rows)
	AddRows(col, x, cols)
	SumRows(row, x, cols)
	keep(col, row)
	y, g := make([]float32, n), make([]float32, n)
	Softmax(y, x, cols)
	SoftmaxGrad(g, dy, y, cols)
	keep(y, g)
	LogSoftmax(y, x, cols)
	LogSoftmaxGrad(g, dy, y, cols)
	keep(y, g)
	SoftmaxCrossEntropy(row, y, x, labels, cols)
	SoftmaxCrossEntropyGrad(g, row, y, labels, cols)
	keep(row, y, g)
	mean, rstd := make([]float32, rows), make([]float32, rows)
	LayerNorm(y, nil, mean, rstd, x, gamma, beta, cols, 1e-5)
	LayerNormGrad(g, gamma, beta, dy, x, mean, rstd, slices.Clone(gamma), cols)
	keep(mean, rstd, y, g, gamma, beta)
	g4, a4 := randomSlice(r, 4*n), make([]float32, 4*n)
	LSTMCell(y, g, a4, z, g4, x, cols)
	keep(y, g, a4, z)
	LSTMCellGrad(g4, g, dy, y, a4, z, x, cols, 4*cols)
	keep(g4, g)
	g3, s3, a3, d3 := randomSlice(r, 3*n), randomSlice(r, 3*n), make([]float32, 3*n), make([]float32, 3*n)
	GRUCell(y, a3, g3, s3, x, cols)
	keep(y, a3)
	GRUCellGrad(g3, d3, y, dy, a3, s3, x, cols)
	keep(g3, d3, y)
	m, v := randomSlice(r, n), make([]float32, n)
	AdamUpdate(x, dy, m, v, 0.01, 0.9, 0.999, 1e-8, 0.1, 0.001, 0.01)
	SGDMomentum(x, dy, m, 0.01, 0.9, 0, true)
	keep(x, m, v)
	RMSProp(x, dy, v, 0.01, 0.9, 1e-8)
	Lion(x, dy, m, 0.01, 0.9, 0.99, 0.1)
	keep(x, m, v)
	for _, size := range []int{1, cols} {
		c := n / rows / size * min(rows, 4) // n = samples * c * size
		if c*size > n || n%(c*size) != 0 {
			c = n / rows / size
		}
		mu, va, su, do := make([]float32, c), make([]float32, c), make([]float32, c), make([]float32, c)
		ChannelStats(mu, va, x, size)
		ChannelAffine(y, x, mu, va, mu, size)
		ChannelGradSums(su, do, dy, x, mu, size)
		ChannelGrad(g, dy, x, mu, va, su, do, size)
		keep(mu, va, su, do, y, g)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	BytesToFloats(y, b, 0.017, -0.3)
	keep(y)
	Transpose(y, x, rows, cols)
	keep(y)
	Dropout(y, g, x, 0.7, 1, 2, 3)
	DropoutGrad(x, dy, 0.7, 1, 2, 3)
	keep(x, y, g)
	Uniform(y, 1, 2, 7)
	Normal(g, 1, 2, 7)
	keep(y, g)
	return out
}

func TestSameBitsAtEveryLevelAndWorkers(t *testing.T) {
	shapes := [][2]int{{37, 91}, {300, 400}}
	if testing.Short() {
		shapes[1] = [2]int{130, 301}
	}
	for _, s := range shapes {
		levelsAgree(t, fmt.Sprint(s), func() []float32 { return everyKernel(s[0], s[1]) })
		want := everyKernel(s[0], s[1])
		for _, procs := range []int{1, 2, 5} {
			before := runtime.GOMAXPROCS(procs)
			got := everyKernel(s[0], s[1])
			runtime.GOMAXPROCS(before)
			sameBits(t, fmt.Sprint("GOMAXPROCS ", procs), got, want)
		}
	}
}

func TestLengthsAreChecked(t *testing.T) {
	x := make([]float32, 6)
	for name, f := range map[string]func(){
		"Add":          func() { Add(x, x[:5], x) },
		"Exp":          func() { Exp(x, x[:5]) },
		"Axpy":         func() { Axpy(x[:5], 1, x) },
		"AddRows":      func() { AddRows(x[:3], x, 2) },
		"SumRows":      func() { SumRows(x[:2], x, 2) },
		"Softmax":      func() { Softmax(x, x, 4) },
		"cols":         func() { Softmax(x, x, 0) },
		"label":        func() { SoftmaxCrossEntropy(x[:2], x, x, []int32{0, 3}, 3) },
		"LayerNorm":    func() { LayerNorm(x, nil, x[:2], x[:2], x, x[:2], x[:3], 3, 1e-5) },
		"LSTM":         func() { LSTMCell(x, x, x, x, x, x, 3) },
		"Adam":         func() { AdamUpdate(x, x, x, x[:5], 1, 1, 1, 1, 1, 1, 1) },
		"Dropout":      func() { Dropout(x, x[:3], x, 0.5, 1, 1, 1) },
		"keep":         func() { Dropout(x, nil, x, 0, 1, 1, 1) },
		"Transpose":    func() { Transpose(x, x, 2, 2) },
		"ArgMax":       func() { ArgMax(nil) },
		"BytesToFloat": func() { BytesToFloats(x, make([]byte, 5), 1, 0) },
	} {
		mustPanic(t, name, f)
	}
}

func TestNoAllocation(t *testing.T) {
	const rows, cols = 100, 500
	n := rows * cols
	x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
	row, col := make([]float32, rows), make([]float32, cols)
	labels := make([]int32, rows)
	if allocs := testing.AllocsPerRun(20, func() {
		Add(x, y, z)
		Exp(x, y)
		Sum(x)
		Dot(x, y)
		AddRows(col, x, cols)
		SoftmaxCrossEntropy(row, y, x, labels, cols)
		SoftmaxCrossEntropyGrad(x, row, y, labels, cols)
		LayerNorm(y, nil, row, row, x, col, col, cols, 1e-5)
		LayerNormGrad(x, col, col, y, z, row, row, col, cols)
		AdamUpdate(x, y, z, z, 1, 1, 1, 1, 1, 1, 1)
		SGDMomentum(x, y, z, 1, 1, 1, true)
		Transpose(x, y, rows, cols)
		Dropout(x, nil, y, 0.5, 1, 2, 3)
		DropoutGrad(x, y, 0.5, 1, 2, 3)
		Uniform(x, 1, 2, 3)
		Normal(x, 1, 2, 3)
	}); allocs != 0 {
		t.Errorf("%g allocations, want none", allocs)
	}
}
