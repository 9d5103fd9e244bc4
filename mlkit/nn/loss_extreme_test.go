package nn_test

import (
	"math"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// extremes are logits from where nothing is rounded to where everything
// saturates, and the places where float32 formulas break.
var extremes = []float64{0, 1e-30, 1e-8, 1e-4, 0.01, 0.5, 1, 2, 5, 8, 10, 12, 14, 15, 16, 16.5, 17, 18, 20, 25, 30, 40, 60, 80, 87, 88, 89, 100, 103}

func sigma(x float64) float64    { return 1 / (1 + math.Exp(-x)) }
func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// TestLossesKeepTheirDigits holds losses and their gradients against float64
// formulas without cancellation, over a grid of extreme logits and targets.
func TestLossesKeepTheirDigits(t *testing.T) {
	type pair func(x, y float64) (v, dx float64)
	bce := func(w float64) pair {
		return func(x, y float64) (v, dx float64) {
			return w*y*softplus(-x) + (1-y)*softplus(x), (1-y)*sigma(x) - w*y*sigma(-x)
		}
	}
	focal := func(gamma, alpha float64) pair { // y is 0 or 1
		return func(x, y float64) (v, dx float64) {
			sign, a := 1.0, 1-alpha
			if y == 1 {
				sign, a = -1, alpha
			}
			z := sign * x
			m, ce := sigma(z), softplus(z)
			p := a * math.Pow(m, gamma)
			return p * ce, sign * p * (gamma*sigma(-z)*ce + m)
		}
	}
	two := func(y float64, more func(ce, dce float64) (v, dx float64)) pair { // two classes, logits x and 0, label y
		return func(x, _ float64) (v, dx float64) {
			z := x
			if y == 0 {
				z = -x
			}
			ce, dce := softplus(-z), -sigma(-z)
			v, dx = more(ce, dce)
			if y == 0 {
				dx = -dx
			}
			return v, dx
		}
	}
	plain := func(ce, dce float64) (float64, float64) { return ce, dce }
	classes := func(f func(x T, y tensor.Ints) T, label int32) func(x, y T) T {
		return func(x, _ T) T {
			n := x.Size()
			l := make([]int32, n)
			for i := range l {
				l[i] = label
			}
			return f(tensor.Concat(1, x.Tape().Full(0, n, 1), x.Reshape(n, 1)), tensor.NewInts(l))
		}
	}
	none := nn.ReduceNone
	soft := []float64{0, 1, 0.5, 0.1, 1 - 1.0/1024}
	hard := []float64{0, 1}
	for _, c := range []struct {
		name    string
		got     func(x, y T) T
		want    pair
		targets []float64
		tol     float64
		noGrad  bool // the gradient of a softmax is p − 1, as everywhere
	}{
		{"binary", nn.BCEWithLogitsLoss{Reduction: none}.Loss, bce(1), soft, 1e-6, false},
		{"binary, 3 for positives", nn.BCEWithLogitsLoss{Reduction: none, PosWeight: []float32{3}}.Loss, bce(3), soft, 1e-6, false},
		{"binary, 0.01 for positives", nn.BCEWithLogitsLoss{Reduction: none, PosWeight: []float32{1.0 / 128}}.Loss, bce(1.0 / 128), soft, 1e-6, false},
		{"binary focal", nn.BinaryFocalLoss{Reduction: none}.Loss, focal(2, 0.25), hard, 1e-5, false},
		{"binary focal, 0.5", nn.BinaryFocalLoss{Gamma: 0.5, Reduction: none}.Loss, focal(0.5, 0.25), hard, 1e-5, false},
		{"cross-entropy", classes(nn.CrossEntropyLoss{Reduction: none}.Loss, 1), two(1, plain), hard[:1], 2e-5, true},
		{"cross-entropy, 0", classes(nn.CrossEntropyLoss{Reduction: none}.Loss, 0), two(0, plain), hard[:1], 2e-5, true},
		{"cross-entropy, weighted", classes(nn.CrossEntropyLoss{Weight: []float32{1, 3}, Reduction: none}.Loss, 1),
			two(1, func(ce, dce float64) (float64, float64) { return 3 * ce, 3 * dce }), hard[:1], 2e-5, true},
		{"cross-entropy, smoothed", classes(nn.CrossEntropyLoss{LabelSmoothing: 0.25, Reduction: none}.Loss, 1), func(x, _ float64) (float64, float64) {
			return 0.875*softplus(-x) + 0.125*softplus(x), 0
		}, hard[:1], 2e-5, true},
		{"log-softmax", classes(func(x T, y tensor.Ints) T {
			return x.LogSoftmax(-1).Gather(1, tensor.NewInts(y.Data, len(y.Data), 1)).Neg()
		}, 1), two(1, plain), hard[:1], 2e-5, true},
		{"log-sum-exp", classes(func(x T, _ tensor.Ints) T { return x.LogSumExp(1) }, 1), func(x, _ float64) (float64, float64) { return softplus(x), sigma(x) }, hard[:1], 2e-5, false},
		{"log-sum-exp, columns", classes(func(x T, _ tensor.Ints) T { return x.Transpose(0, 1).LogSumExp(0) }, 1), func(x, _ float64) (float64, float64) { return softplus(x), sigma(x) }, hard[:1], 2e-5, false},
		{"focal", classes(nn.FocalLoss{Reduction: none}.Loss, 1), func(x, _ float64) (float64, float64) { v, _ := focal(2, 0.5)(x, 1); return 2 * v, 0 }, hard[:1], 1e-4, true},
		{"log-sigmoid", func(x, _ T) T { return x.LogSigmoid() }, func(x, _ float64) (float64, float64) { return -softplus(-x), sigma(-x) }, hard[:1], 1e-6, false},
		{"softplus", func(x, _ T) T { return x.Softplus(1) }, func(x, _ float64) (float64, float64) { return softplus(x), sigma(x) }, hard[:1], 1e-6, false},
		{"softplus 3", func(x, _ T) T { return x.Softplus(3) }, func(x, _ float64) (float64, float64) { return softplus(3*x) / 3, sigma(3 * x) }, hard[:1], 1e-6, false},
		{"log-cosh", nn.LogCoshLoss{Reduction: none}.Loss, func(x, y float64) (float64, float64) {
			a := math.Abs(x - y)
			if a < 0.01 {
				return a*a/2 - a*a*a*a/12, math.Tanh(x - y)
			}
			return softplus(2*a) - a - math.Ln2, math.Tanh(x - y)
		}, hard, 1e-6, false},
		{"pseudo-Huber", nn.PseudoHuberLoss{Delta: 0.5, Reduction: none}.Loss, func(x, y float64) (float64, float64) {
			s := math.Hypot(1, 2*(x-y))
			return (x - y) * (x - y) / (1 + s), (x - y) / s
		}, hard, 1e-6, false},
		{"Gaussian", func(x, y T) T {
			return nn.GaussianNLLLoss{Reduction: none}.Loss(x, x.Tape().Full(0, x.Size()), y.AddScalar(1))
		}, func(x, y float64) (float64, float64) {
			return (math.Log(y+1) + x*x/(y+1)) / 2, x / (y + 1)
		}, []float64{0, 1, 3}, 1e-6, false},
		{"Poisson", nn.PoissonNLLLoss{Reduction: none}.Loss, func(x, y float64) (float64, float64) { return math.Exp(x) - y*x, math.Exp(x) - y }, []float64{0, 1, 3}, 1e-6, false},
		{"KL", nn.KLDivLoss{Reduction: none}.Loss, func(x, y float64) (float64, float64) {
			if y == 0 {
				return 0, 0
			}
			return y * (math.Log(y) - x), -y
		}, soft, 1e-6, false},
		{"KL of logarithms", nn.KLDivLoss{LogTarget: true, Reduction: none}.Loss, func(x, y float64) (float64, float64) { return math.Exp(y) * (y - x), -math.Exp(y) }, []float64{0, -1, -30, -80}, 1e-6, false},
		{"CTC", func(x, _ T) T { // two steps of a blank (0) and a label; the label can be at 1, at 2 or at both
			n := x.Size()
			l := make([]int32, n)
			for i := range l {
				l[i] = 1
			}
			step := tensor.Concat(1, x.Tape().Full(0, n, 1), x.Reshape(n, 1))
			return nn.CTCLoss{Reduction: none}.Loss(tensor.Stack(1, step, step), nn.Spelling{Labels: tensor.NewInts(l, n, 1)})
		}, func(x, _ float64) (float64, float64) { // 1 − the probability of two blanks
			return -math.Log1p(-sigma(-x) * sigma(-x)), 0
		}, hard[:1], 1e-4, true},
	} {
		var xs, ys []float32
		for _, y := range c.targets {
			for _, x := range extremes {
				xs, ys = append(xs, float32(x), float32(-x)), append(ys, float32(y), float32(y))
			}
		}
		tape := tensor.NewTape(1)
		x := tape.Variable(xs, len(xs))
		l := c.got(x, tape.Input(ys, len(ys)))
		g := l.Sum().Backward().Wrt(x)
		bad := 0
		check := func(what string, i int, got float32, want, slack float64) {
			if math.Abs(want) > math.MaxFloat32 {
				want = math.Inf(1)
			}
			// Below 1e-37 float32 itself has fewer digits.
			if d := math.Abs(float64(got) - want); !(d <= c.tol*math.Abs(want)+slack+1e-37) && float64(got) != want {
				if bad++; bad < 6 {
					t.Errorf("%s: %s at x = %v, y = %v is %g, want %g", c.name, what, xs[i], ys[i], got, want)
				}
			}
		}
		for i, v := range l.Data() {
			want, slope := c.want(float64(xs[i]), float64(ys[i]))
			slack := 0.0
			if c.name == "CTC" { // a sum of probabilities of paths that is next to 1
				slack = 1e-10
			}
			check("the loss", i, v, want, slack)
			if v < 0 && want >= 0 {
				t.Errorf("%s: the loss at x = %v, y = %v is %g", c.name, xs[i], ys[i], v)
			}
			slack = 0
			if ys[i] != 0 && ys[i] != 1 { // σ(x) − y, which may be next to 0
				slack = 1e-7
			}
			if !c.noGrad {
				check("the gradient", i, g[i], slope, slack)
			}
		}
	}
}
