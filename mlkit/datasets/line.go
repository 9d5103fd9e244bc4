package datasets

import "descent/mlkit/data"

// Points are pairs of numbers.
type Points struct{ X, Y []float64 }

// NoisyLine draws n points of y = 2x + 1 + noise, x uniform in [0, 1), the
// noise standard normal, as NumPy does: np.random.seed(seed); x =
// np.random.rand(n, 1); y = 2 * x + 1 + np.random.randn(n, 1). NoisyLine(100,
// 42) are the points of the book's linear model.
func NoisyLine(n int, seed uint32) Points {
	rng := NewNumPyRand(seed)
	p := Points{make([]float64, n), make([]float64, n)}
	for i := range p.X {
		p.X[i] = rng.Rand()
	}
	for i, x := range p.X {
		p.Y[i] = 2*x + 1 + rng.Randn()
	}
	return p
}

// Dataset returns the points as samples: features [1], targets [1].
func (p Points) Dataset() data.Dataset {
	one := []int{1}
	return data.FromSlices(floats(p.X), one, floats(p.Y), one)
}

func floats(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}
