package optim

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// ClipByValue limits every element of the updates to ±limit. NaN stays NaN.
func ClipByValue(limit float64) Rule {
	checkLimit("ClipByValue", limit)
	return tellOf(byRows(elements, func(s *Step) {
		for _, u := range s.Updates {
			elementwise.Clamp(u, u, float32(-limit), float32(limit))
		}
	}), "ClipByValue %v", limit)
}

// ClipByNorm scales the update of each parameter down to the Euclidean norm
// limit where it is longer.
func ClipByNorm(limit float64) Rule {
	checkLimit("ClipByNorm", limit)
	return tellOf(byRows(tensors, func(s *Step) {
		for _, u := range s.Updates {
			shorten(u, norm(u), limit)
		}
	}), "ClipByNorm %v", limit)
}

// ClipByGlobalNorm scales all updates down together, keeping their direction,
// when the Euclidean norm of all of them exceeds limit (Pascanu et al. 2013;
// PyTorch's clip_grad_norm_, of which it takes the 1e-6 in the denominator). A
// gradient with NaN or Inf has no direction to keep: all updates become NaN, so
// that the loss shows it; [SkipNonFinite] leaves such steps out.
func ClipByGlobalNorm(limit float64) Rule {
	checkLimit("ClipByGlobalNorm", limit)
	return tellOf(byRows(everything, func(s *Step) {
		total := GlobalNorm(s.Updates)
		for _, u := range s.Updates {
			shorten(u, total, limit)
		}
	}), "ClipByGlobalNorm %v", limit)
}

func checkLimit(rule string, limit float64) {
	if !(limit > 0) {
		panic(fmt.Sprintf("optim: %s: the limit is %v, must be positive", rule, limit))
	}
}

func shorten(u []float32, n, limit float64) {
	switch c := limit / (n + 1e-6); {
	case math.IsInf(n, 0):
		elementwise.Fill(u, float32(math.NaN()))
	case !(c >= 1): // also NaN
		elementwise.Scale(u, u, float32(c))
	}
}

// GlobalNorm is the Euclidean norm of all the slices as one vector, for
// clipping and for watching a training.
func GlobalNorm(xs [][]float32) float64 {
	sum := 0.0
	for _, x := range xs {
		n := norm(x)
		sum += n * n
	}
	return math.Sqrt(sum)
}

// norm is the Euclidean norm, also where the sum of squares leaves float32.
func norm(x []float32) float64 {
	sum := float64(rowwise.SumSquares(x))
	if !(sum > 1e-30 && sum < math.MaxFloat32) && len(x) > 0 {
		sum = 0
		for _, v := range x {
			sum += float64(v) * float64(v)
		}
	}
	return math.Sqrt(sum)
}
