package explain

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// coalition scores a set of groups: those in it are the input's, the others the
// baseline's.
func coalitions(op string, f Scores, in Input, sets []uint64) ([]float64, error) {
	return evaluate(op, f, in, len(sets), func(i int, x []float32) {
		for k, g := range in.Groups {
			if x[k] = in.Baseline[k]; sets[i]>>g&1 == 1 {
				x[k] = in.X[k]
			}
		}
	}, nil)
}

// Shapley shares out score − baseline's score among the groups so that each
// gets its mean contribution over all orders in which they could arrive
// (Shapley 1953): from all 2ⁿ coalitions of at most 12 groups.
func Shapley(f Scores, in Input) ([]float32, error) {
	in, n, err := grouped("Shapley", in, 12)
	if err != nil {
		return nil, err
	}
	sets := make([]uint64, 1<<n)
	for i := range sets {
		sets[i] = uint64(i)
	}
	score, err := coalitions("Shapley", f, in, sets)
	if err != nil {
		return nil, err
	}
	values := make([]float64, n)
	for g := range n {
		for set, s := range score {
			if set>>g&1 == 0 {
				size := bits.OnesCount(uint(set))
				values[g] += (score[set|1<<g] - s) / (float64(n) * binomial(n-1, size))
			}
		}
	}
	return in.spread(values), nil
}

func binomial(n, k int) float64 {
	b := 1.
	for i := range k {
		b = b * float64(n-i) / float64(i+1)
	}
	return math.Round(b)
}

func grouped(op string, in Input, most int) (Input, int, error) {
	in, err := in.checked(op)
	if err != nil {
		return in, 0, err
	}
	if in.Groups == nil {
		in.Groups = upTo(len(in.X))
	}
	n, err := in.groups(op)
	if err == nil && n > most {
		err = fmt.Errorf("explain: %s: %d groups, at most %d are possible: put elements together with Groups", op, n, most)
	}
	return in, n, err
}

// KernelSHAP estimates Shapley values from the given number of coalitions, at
// most 64 groups: by least squares with Shapley's kernel as weights, under the
// condition that the values add up to score − baseline's score (Lundberg & Lee,
// A unified approach to interpreting model predictions, 2017, theorem 2). The
// sizes of the coalitions are drawn by the kernel, and with each its
// complement. Where the number reaches 2ⁿ − 2, all are taken and the values are
// exact. The same seed draws the same.
func KernelSHAP(f Scores, in Input, samples int, seed uint64) ([]float32, error) {
	in, n, err := grouped("KernelSHAP", in, 64)
	if err != nil {
		return nil, err
	}
	if samples < 2*n && (n > 20 || samples < 1<<n-2) {
		return nil, fmt.Errorf("explain: KernelSHAP: %d coalitions for %d groups: at least %d", samples, n, 2*n)
	}
	all := uint64(math.MaxUint64) >> (64 - n)
	sets, weights := []uint64{0, all}, []float64{0, 0}
	if n <= 20 && samples >= 1<<n-2 {
		for set := uint64(1); set < all; set++ {
			size := bits.OnesCount64(set)
			sets, weights = append(sets, set), append(weights, float64(n-1)/(binomial(n, size)*float64(size*(n-size))))
		}
	} else {
		rng := rand.New(rand.NewPCG(seed, 0))
		var cumulative []float64
		total := 0.
		for size := 1; size < n; size++ {
			total += 1 / float64(size*(n-size))
			cumulative = append(cumulative, total)
		}
		for range samples / 2 {
			u, size := rng.Float64()*total, 1
			for size < n-1 && u > cumulative[size-1] {
				size++
			}
			set := uint64(0)
			for _, g := range rng.Perm(n)[:size] {
				set |= 1 << g
			}
			sets, weights = append(sets, set, all&^set), append(weights, 1, 1)
		}
	}
	score, err := coalitions("KernelSHAP", f, in, sets)
	if err != nil {
		return nil, err
	}
	if n == 1 {
		return in.spread([]float64{score[1] - score[0]}), nil
	}
	// The last value is what the others leave: one unknown less.
	a, b := mat.NewSymDense(n-1, nil), mat.NewVecDense(n-1, nil)
	row := make([]float64, n-1)
	for i, set := range sets[2:] {
		last := float64(set >> (n - 1) & 1)
		for g := range row {
			row[g] = float64(set>>g&1) - last
		}
		y := score[i+2] - score[0] - last*(score[1]-score[0])
		v := mat.NewVecDense(n-1, row)
		a.SymRankOne(a, weights[i+2], v)
		b.AddScaledVec(b, weights[i+2]*y, v)
	}
	values, err := solve(a, b, "KernelSHAP")
	if err != nil {
		return nil, err
	}
	rest := score[1] - score[0]
	for _, v := range values {
		rest -= v
	}
	return in.spread(append(values, rest)), nil
}

func solve(a *mat.SymDense, b *mat.VecDense, op string) ([]float64, error) {
	var factor mat.Cholesky
	if !factor.Factorize(a) {
		return nil, fmt.Errorf("explain: %s: the samples do not determine the values: take more", op)
	}
	var x mat.VecDense
	if err := factor.SolveVecTo(&x, b); err != nil {
		return nil, fmt.Errorf("explain: %s: %w: take more samples", op, err)
	}
	return x.RawVector().Data, nil
}

// LIME fits a linear model to the scores of random coalitions of at most 64
// groups, each there with probability ½, and weighted by
// exp(−d²/width²), where d is the cosine distance between the coalition and all
// groups (Ribeiro, Singh & Guestrin, Why should I trust you?, 2016, equation 2
// and section 3.4). ridge, 0 or more, is the penalty on the square of the
// coefficients; these are the values. The same seed draws the same coalitions.
func LIME(f Scores, in Input, samples int, width, ridge float64, seed uint64) ([]float32, error) {
	in, n, err := grouped("LIME", in, 64)
	if err != nil {
		return nil, err
	}
	if samples < n+1 || !(width > 0) || !(ridge >= 0) {
		return nil, fmt.Errorf("explain: LIME: %d samples, width %v, ridge %v for %d groups: need %d samples or more, a positive width, no negative ridge", samples, width, ridge, n, n+1)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	sets := make([]uint64, samples)
	for i := range sets {
		sets[i] = rng.Uint64() >> (64 - n)
	}
	score, err := coalitions("LIME", f, in, sets)
	if err != nil {
		return nil, err
	}
	return limeFit(in, n, sets, score, width, ridge)
}

// limeFit is the weighted ridge regression with an intercept, which has no
// penalty.
func limeFit(in Input, n int, sets []uint64, score []float64, width, ridge float64) ([]float32, error) {
	a, b := mat.NewSymDense(n+1, nil), mat.NewVecDense(n+1, nil)
	row := make([]float64, n+1)
	row[n] = 1
	for i, set := range sets {
		for g := range n {
			row[g] = float64(set >> g & 1)
		}
		d := 1 - math.Sqrt(float64(bits.OnesCount64(set))/float64(n))
		v := mat.NewVecDense(n+1, row)
		w := math.Exp(-d * d / (width * width))
		a.SymRankOne(a, w, v)
		b.AddScaledVec(b, w*score[i], v)
	}
	for g := range n {
		a.SetSym(g, g, a.At(g, g)+ridge)
	}
	values, err := solve(a, b, "LIME")
	if err != nil {
		return nil, err
	}
	return in.spread(values[:n]), nil
}
