package rowwise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
)

func TestReductions(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range append(kerneltest.Lengths(), cpu.Grain+1, 100_003) {
			a, okA := kerneltest.Guarded(r, n, n%16)
			b, _ := kerneltest.Guarded(r, n, n/3%16)
			var s, d, sq float64
			for i := range a {
				s += float64(a[i])
				d += float64(a[i]) * float64(b[i])
				sq += float64(a[i]-0.25) * float64(a[i]-0.25)
			}
			got := []float32{Sum(a), Dot(a, b), squares(a, 0.25)}
			kerneltest.Near(t, fmt.Sprint("n ", n), got, []float64{s, d, sq}, 8, 2*math.Sqrt(float64(n)))
			okA(t, "input")
		}
	})
}

func TestReductionSpecials(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	kerneltest.Levels(t, func(t *testing.T) {
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
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, dims := range [][2]int{{1, 1}, {3, 7}, {5, 10}, {64, 10}, {2, 33}, {7, 64}, {9, 129}, {300, 300}, {1000, 130}} {
			rows, cols := dims[0], dims[1]
			name := fmt.Sprint(rows, "x", cols)
			x, _ := kerneltest.Guarded(r, rows*cols, 3)
			sums, ok := kerneltest.Guarded(r, cols, 5)
			want := kerneltest.Doubles(sums)
			wantRows := make([]float64, rows)
			for i, v := range x {
				want[i%cols] += float64(v)
				wantRows[i/cols] += float64(v)
			}
			AddRows(sums, x, cols)
			kerneltest.Near(t, "AddRows "+name, sums, want, 8, float64(rows))
			ok(t, "AddRows")
			rowSums, ok := kerneltest.Guarded(r, rows, 1)
			SumRows(rowSums, x, cols)
			kerneltest.Near(t, "SumRows "+name, rowSums, wantRows, 4, float64(cols))
			ok(t, "SumRows")
			turned, ok := kerneltest.Guarded(r, len(x), 7)
			gemm.Transpose(turned, x, rows, cols)
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
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, cols := range []int{1, 2, 3, 7, 8, 10, 15, 16, 17, 31, 64, 65, 100, 1000, 5000} {
			const rows = 5
			n := rows * cols
			x, _ := kerneltest.Guarded(r, n, cols%16)
			elementwise.Scale(x, x, 6)
			dy, probs := kerneltest.RandomSlice(r, n), make([]float32, n)
			y, ok := kerneltest.Guarded(r, n, 2)
			logY, okLog := kerneltest.Guarded(r, n, 5)
			dx, dlog, dlogits := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
			wantDx, wantDlog, wantDlogits := kerneltest.Doubles(dx), kerneltest.Doubles(dlog), kerneltest.Doubles(dlogits)
			loss, dloss := make([]float32, rows), kerneltest.RandomSlice(r, rows)
			labels := make([]int32, rows)
			var wantY, wantLog, wantLoss []float64
			for i := range rows {
				labels[i] = int32(r.IntN(cols+1)) - 1
				row := kerneltest.Doubles(x[i*cols : i*cols+cols])
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
			kerneltest.Near(t, "Softmax", y, wantY, 16, 0)
			ok(t, "Softmax")
			LogSoftmax(logY, x, cols)
			kerneltest.Near(t, "LogSoftmax", logY, wantLog, 4, 6)
			okLog(t, "LogSoftmax")
			SoftmaxGrad(dx, dy, y, cols)
			kerneltest.Near(t, "SoftmaxGrad", dx, wantDx, 16, 1)
			LogSoftmaxGrad(dlog, dy, logY, cols)
			kerneltest.Near(t, "LogSoftmaxGrad", dlog, wantDlog, 16, math.Sqrt(float64(cols)))
			copy(probs, x)
			SoftmaxCrossEntropy(loss, probs, probs, labels, cols)
			kerneltest.Near(t, "SoftmaxCrossEntropy", loss, wantLoss, 4, 6)
			kerneltest.Near(t, "probs", probs, wantY, 16, 0)
			SoftmaxCrossEntropyGrad(dlogits, dloss, probs, labels, cols)
			kerneltest.Near(t, "SoftmaxCrossEntropyGrad", dlogits, wantDlogits, 16, 1)
		}
	})
}

func TestSoftmaxSpecials(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	kerneltest.Levels(t, func(t *testing.T) {
		for _, cols := range []int{2, 10, 33, 100} {
			x, y := make([]float32, cols), make([]float32, cols)
			elementwise.Fill(x, -inf)
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
				elementwise.Fill(x, 1)
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
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, dims := range [][2]int{{1, 2}, {3, 7}, {4, 16}, {5, 33}, {6, 100}, {64, 512}, {70, 300}} {
			rows, cols := dims[0], dims[1]
			n := rows * cols
			for variant := range 4 {
				// with and without gamma and beta, with and without xhat
				x, dy := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
				elementwise.AddScalar(x, x, 3)
				gamma, beta := kerneltest.RandomSlice(r, cols), kerneltest.RandomSlice(r, cols)
				var xhat []float32
				if variant&1 != 0 {
					gamma, beta = nil, nil
				}
				if variant&2 != 0 {
					xhat = make([]float32, n)
				}
				y, ok := kerneltest.Guarded(r, n, 3)
				mean, rstd := make([]float32, rows), make([]float32, rows)
				dx, okDx := kerneltest.Guarded(r, n, 5)
				dgamma, dbeta := kerneltest.RandomSlice(r, cols), kerneltest.RandomSlice(r, cols)
				wantDx, wantDg, wantDb := kerneltest.Doubles(dx), kerneltest.Doubles(dgamma), kerneltest.Doubles(dbeta)
				wantY, wantHat := make([]float64, n), make([]float64, n)
				for i := range rows {
					var m, s, s1, s2 float64
					row := kerneltest.Doubles(x[i*cols : i*cols+cols])
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
				kerneltest.Near(t, "y", y, wantY, 64, 4)
				ok(t, "LayerNorm")
				if xhat != nil {
					kerneltest.Near(t, "xhat", xhat, wantHat, 64, 4)
				}
				LayerNormGrad(dx, dgamma, dbeta, dy, x, mean, rstd, gamma, cols)
				kerneltest.Near(t, "dx", dx, wantDx, 64, 30)
				kerneltest.Near(t, "dgamma", dgamma, wantDg, 16, float64(rows)*4)
				kerneltest.Near(t, "dbeta", dbeta, wantDb, 16, float64(rows)*2)
				okDx(t, "LayerNormGrad")
			}
		}
	})
}

// The gradients of the cells are checked against finite differences of a
// float64 cell.

func refLSTM(gates, cPrev []float64) (h, c []float64) {
	n := len(cPrev)
	for j := range n {
		i, f := elementwise.SigmoidOf(gates[j]), elementwise.SigmoidOf(gates[n+j])
		g, o := math.Tanh(gates[2*n+j]), elementwise.SigmoidOf(gates[3*n+j])
		c = append(c, f*cPrev[j]+i*g)
		h = append(h, o*math.Tanh(c[j]))
	}
	return
}

func refGRU(gx, gh, hPrev []float64) (h []float64) {
	n := len(hPrev)
	for j := range n {
		r, z := elementwise.SigmoidOf(gx[j]+gh[j]), elementwise.SigmoidOf(gx[n+j]+gh[n+j])
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

func TestLSTMCell(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, hidden := range []int{1, 2, 7, 8, 15, 16, 17, 33} {
			const rows = 3
			n := rows * hidden
			gates, cPrev := kerneltest.RandomSlice(r, 4*n), kerneltest.RandomSlice(r, n)
			h, okH := kerneltest.Guarded(r, n, 1)
			c, okC := kerneltest.Guarded(r, n, 2)
			tanhC, okT := kerneltest.Guarded(r, n, 3)
			acts, okA := kerneltest.Guarded(r, 4*n, 4)
			dh, dc := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
			dgates, okG := kerneltest.Guarded(r, 4*n, 5)
			dcPrev, okP := kerneltest.Guarded(r, n, 6)
			LSTMCell(h, c, acts, tanhC, gates, cPrev, hidden)
			LSTMCellGrad(dgates, dcPrev, dh, dc, acts, tanhC, cPrev, hidden, 4*hidden)
			for i := range rows {
				g, p := kerneltest.Doubles(gates[4*i*hidden:4*(i+1)*hidden]), kerneltest.Doubles(cPrev[i*hidden:(i+1)*hidden])
				wantH, wantC := refLSTM(g, p)
				lo, hi := i*hidden, (i+1)*hidden
				kerneltest.Near(t, "h", h[lo:hi], wantH, 6, 1)
				kerneltest.Near(t, "c", c[lo:hi], wantC, 6, 1)
				loss := func() float64 {
					h, c := refLSTM(g, p)
					return dot64(h, kerneltest.Doubles(dh[lo:hi])) + dot64(c, kerneltest.Doubles(dc[lo:hi]))
				}
				kerneltest.Near(t, "dgates", dgates[4*lo:4*hi], slopes(g, loss), 20, 4)
				kerneltest.Near(t, "dcPrev", dcPrev[lo:hi], slopes(p, loss), 20, 4)
			}
			for _, ok := range []func(testing.TB, string){okH, okC, okT, okA, okG, okP} {
				ok(t, "LSTM")
			}
			// In place, and without dc.
			inPlace, c2 := slices.Clone(gates), slices.Clone(cPrev)
			LSTMCell(h, c2, inPlace, tanhC, inPlace, c2, hidden)
			kerneltest.SameBits(t, "acts in place", inPlace, acts)
			kerneltest.SameBits(t, "c in place", c2, c)
			zero, d1, d2 := make([]float32, n), make([]float32, 4*n), make([]float32, 4*n)
			LSTMCellGrad(d1, dcPrev, dh, zero, acts, tanhC, cPrev, hidden, 4*hidden)
			LSTMCellGrad(d2, dcPrev, dh, nil, acts, tanhC, cPrev, hidden, 4*hidden)
			kerneltest.SameBits(t, "dc nil", d2, d1)
			ld := 4*hidden + 3
			wide, okW := kerneltest.Guarded(r, (rows-1)*ld+4*hidden, 7)
			between := slices.Clone(wide)
			LSTMCellGrad(wide, dcPrev, dh, nil, acts, tanhC, cPrev, hidden, ld)
			okW(t, "LSTM")
			for i := range rows {
				kerneltest.SameBits(t, "rows apart", wide[i*ld:][:4*hidden], d1[4*i*hidden:][:4*hidden])
				if i > 0 {
					kerneltest.SameBits(t, "between rows", wide[i*ld-3:i*ld], between[i*ld-3:i*ld])
				}
			}
		}
	})
}

func TestGRUCell(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, hidden := range []int{1, 2, 7, 8, 15, 16, 17, 33} {
			const rows = 3
			n := rows * hidden
			gx, gh, hPrev, dh := kerneltest.RandomSlice(r, 3*n), kerneltest.RandomSlice(r, 3*n), kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
			h, okH := kerneltest.Guarded(r, n, 1)
			acts, okA := kerneltest.Guarded(r, 3*n, 2)
			dgx, okX := kerneltest.Guarded(r, 3*n, 3)
			dgh, okG := kerneltest.Guarded(r, 3*n, 4)
			dhPrev, okP := kerneltest.Guarded(r, n, 5)
			GRUCell(h, acts, gx, gh, hPrev, hidden)
			GRUCellGrad(dgx, dgh, dhPrev, dh, acts, gh, hPrev, hidden)
			for i := range rows {
				lo, hi := i*hidden, (i+1)*hidden
				x, s, p := kerneltest.Doubles(gx[3*lo:3*hi]), kerneltest.Doubles(gh[3*lo:3*hi]), kerneltest.Doubles(hPrev[lo:hi])
				kerneltest.Near(t, "h", h[lo:hi], refGRU(x, s, p), 6, 2)
				loss := func() float64 { return dot64(refGRU(x, s, p), kerneltest.Doubles(dh[lo:hi])) }
				kerneltest.Near(t, "dgx", dgx[3*lo:3*hi], slopes(x, loss), 20, 8)
				kerneltest.Near(t, "dgh", dgh[3*lo:3*hi], slopes(s, loss), 20, 8)
				kerneltest.Near(t, "dhPrev", dhPrev[lo:hi], slopes(p, loss), 20, 8)
			}
			for _, ok := range []func(testing.TB, string){okH, okA, okX, okG, okP} {
				ok(t, "GRU")
			}
		}
	})
}

// TestNorm holds a normalisation in one go, at every level, to its passes one
// after another.
func TestNorm(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		for _, dims := range [][3]int{{40, 33, 1}, {1, 2, 3}, {4, 3, 49}, {3, 17, 100}, {8, 5, 1024}, {2, 4, cpu.Grain + 77}} {
			channels, size := dims[1], dims[2]
			all := dims[0] * channels * size
			x, weight, shift, dy := kerneltest.RandomSlice(r, all), kerneltest.RandomSlice(r, channels), kerneltest.RandomSlice(r, channels), kerneltest.RandomSlice(r, all)
			make := func(n int) []float32 { x, _ := kerneltest.Guarded(r, n, 3); return x }
			y, want, masked, dx := make(all), make(all), make(all), make(all)
			mean, variance, slope, offset := make(channels), make(channels), make(channels), make(channels)
			sum, dot, wantSum, wantDot := make(channels), make(channels), make(channels), make(channels)
			for _, relu := range []bool{false, true} {
				p := Norm{Mean: make(channels), RStd: make(channels), Scale: make(channels), Shift: shift, ReLU: relu, Size: size}
				name := fmt.Sprint(dims, relu)
				p.Batch(y, x, variance, weight, 1e-3)
				ChannelStats(mean, offset, x, size)
				kerneltest.SameBits(t, name+" mean", p.Mean, mean)
				kerneltest.SameBits(t, name+" variance", variance, offset)
				ChannelAffine(want, x, mean, p.Scale, shift, size)
				copy(masked, dy)
				if relu {
					elementwise.ReLU(want, want)
					elementwise.ReLUMask(masked, dy, want)
				}
				kerneltest.SameBits(t, name+" y", y, want)
				ChannelGradSums(wantSum, wantDot, masked, x, mean, size)
				for _, ofBatch := range []bool{false, true} {
					for c := range slope {
						slope[c], offset[c] = p.through(c, wantSum[c], wantDot[c], all/channels, ofBatch)
					}
					ChannelGrad(dx, masked, x, mean, p.Scale, slope, offset, size)
					got := append([]float32(nil), dy...)
					p.Grad(got, x, y, sum, dot, slope, offset, ofBatch, true)
					kerneltest.SameBits(t, name+" dx", got, dx)
					kerneltest.SameBits(t, name+" sum", sum, wantSum)
					kerneltest.SameBits(t, name+" dot", dot, wantDot)
				}
			}
		}
	})
}

func TestChannels(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, dims := range [][3]int{{2, 1, 1}, {3, 5, 1}, {40, 33, 1}, {700, 70, 1}, {1, 2, 3}, {4, 3, 49}, {3, 17, 100}, {8, 5, 1024}} {
			n, channels, size := dims[0], dims[1], dims[2]
			all := n * channels * size
			x, _ := kerneltest.Guarded(r, all, 3)
			elementwise.AddScalar(x, x, 5)
			dy := kerneltest.RandomSlice(r, all)
			scale, shift, slope := kerneltest.RandomSlice(r, channels), kerneltest.RandomSlice(r, channels), kerneltest.RandomSlice(r, channels)
			mean, okM := kerneltest.Guarded(r, channels, 1)
			variance, okV := kerneltest.Guarded(r, channels, 2)
			sums, okS := kerneltest.Guarded(r, channels, 3)
			dots, okD := kerneltest.Guarded(r, channels, 4)
			y, okY := kerneltest.Guarded(r, all, 5)
			dx, okX := kerneltest.Guarded(r, all, 6)
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
			kerneltest.Near(t, "mean "+name, mean, wm, 40, 1)
			kerneltest.Near(t, "variance "+name, variance, wv, 32, 1)
			ChannelAffine(y, x, mean, scale, shift, size)
			ChannelGradSums(sums, dots, dy, x, mean, size)
			kerneltest.Near(t, "sums "+name, sums, ws, 8, count)
			kerneltest.Near(t, "dots "+name, dots, wd, 8, count)
			ChannelGrad(dx, dy, x, mean, scale, slope, shift, size)
			wy, wx := make([]float64, all), make([]float64, all)
			for i, v := range x {
				c := i / size % channels
				d := float64(v - mean[c])
				wy[i] = d*float64(scale[c]) + float64(shift[c])
				wx[i] = float64(scale[c])*float64(dy[i]) + float64(slope[c])*d + float64(shift[c])
			}
			kerneltest.Near(t, "y "+name, y, wy, 8, 4)
			kerneltest.Near(t, "dx "+name, dx, wx, 8, 8)
			for _, ok := range []func(testing.TB, string){okM, okV, okS, okD, okY, okX} {
				ok(t, name)
			}
		}
	})
}

func TestOneRowOfSoftmax(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 7, 64, 300} {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			x, dy := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
			want := make([]float32, n)
			if n > 0 {
				Softmax(want, x, n)
			}
			SoftmaxRow(x)
			kerneltest.SameBits(t, "softmax", x, want)
			dot := 0.0
			for i, v := range dy {
				dot += float64(v) * float64(x[i])
			}
			got := slices.Clone(dy)
			SoftmaxGradRow(got, x)
			for i, g := range got {
				if w := float64(x[i]) * (float64(dy[i]) - dot); math.Abs(float64(g)-w) > 1e-6 {
					t.Errorf("gradient %d of %d is %g, want %g", i, n, g, w)
				}
			}
		}
	})
}
