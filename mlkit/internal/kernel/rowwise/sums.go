package rowwise

import "descent/mlkit/internal/kernel/cpu"

// Sums of many numbers, in blocks. A float32 that numbers are added to one
// after another loses a digit for each tenfold of them: from some 10⁵ on a mean
// is off by per cents. What is short enough is added as it comes; what is
// longer in blocks, whose sums are added in more digits. The blocks follow from
// the length alone, so the bits do not depend on the number of workers.

// A sum over a row runs in 16 lanes or more, so cpu.Grain elements are few for
// each.

// LongSum returns the sum of x.
func LongSum(x []float32) float64 {
	if len(x) <= cpu.Grain {
		return float64(sum(x))
	}
	var s float64
	for len(x) > 0 {
		n := min(len(x), cpu.Grain)
		s += float64(sum(x[:n]))
		x = x[n:]
	}
	return s
}

func longSquares(x []float32, mean float32) float64 {
	if len(x) <= cpu.Grain {
		return float64(squares(x, mean))
	}
	var s float64
	for len(x) > 0 {
		n := min(len(x), cpu.Grain)
		s += float64(squares(x[:n], mean))
		x = x[n:]
	}
	return s
}

func longDot(a, b []float32) float32 {
	if len(a) <= cpu.Grain {
		return dot(a, b)
	}
	var s float64
	for len(a) > 0 {
		n := min(len(a), cpu.Grain)
		s += float64(dot(a[:n], b[:n]))
		a, b = a[n:], b[n:]
	}
	return float32(s)
}

func longPlaneGradSums(dy, x []float32, mean float32) (sum, dot float64) {
	for len(dy) > 0 {
		n := min(len(dy), cpu.Grain)
		a, b := planeGradSums(dy[:n], x[:n], mean)
		sum, dot = sum+float64(a), dot+float64(b)
		dy, x = dy[n:], x[n:]
	}
	return sum, dot
}

func longLayerNormGradSums(dy, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
	if len(dy) <= cpu.Grain {
		return layerNormGradSums(dy, x, gamma, mean, rstd)
	}
	var s, d float64
	for len(dy) > 0 {
		n := min(len(dy), cpu.Grain)
		a, b := layerNormGradSums(dy[:n], x[:n], gamma[:n], mean, rstd)
		s, d = s+float64(a), d+float64(b)
		dy, x, gamma = dy[n:], x[n:], gamma[n:]
	}
	return float32(s), float32(d)
}

const (
	// fewRows is how many rows the sums of columns add one after another: of
	// equal numbers such a sum is off by 4e-5 of itself.
	fewRows = 1 << 12
	// rowBlock is how many they add in a block where there are more: 5e-6.
	rowBlock = 1 << 9
)

// SumBlocks adds up rows terms in dst: add(dst, first, n) adds n of them, from
// first on, each of which adds to an element of dst up to each times. Beyond
// 4096 additions to an element it goes in blocks of 512, whose sums are added
// in more digits.
func SumBlocks(dst []float32, rows, each int, add func(dst []float32, first, n int)) {
	sumBlocks(dst, nil, rows, each, func(dst, _ []float32, first, n int) { add(dst, first, n) })
}

// sumColumns adds the sums of columns over all rows to a and b, one element a
// column; b may be nil. add does that for some rows.
func sumColumns(a, b []float32, rows int, add func(a, b []float32, first, rows int)) {
	sumBlocks(a, b, rows, 1, add)
}

func sumBlocks(a, b []float32, rows, each int, add func(a, b []float32, first, rows int)) {
	if rows*each <= fewRows {
		add(a, b, 0, rows)
		return
	}
	step := max(1, rowBlock/each)
	w := cpu.GetWorkspace()
	k, n := len(a), len(a)+len(b)
	block, high, low := cpu.Floats(&w.A, n), cpu.Floats(&w.B, n), cpu.Floats(&w.C, n) // the sum is high + low
	copy(high, a)
	copy(high[k:], b)
	clear(low)
	for first := 0; first < rows; first += step {
		clear(block)
		add(block[:k:k], block[k:], first, min(step, rows-first))
		for i, v := range block {
			s := float64(high[i]) + (float64(low[i]) + float64(v))
			high[i] = float32(s)
			low[i] = float32(s - float64(high[i]))
			if low[i]-low[i] != 0 { // the sum is infinite or NaN, and stays so
				low[i] = 0
			}
		}
	}
	copy(a, high)
	copy(b, high[k:])
	w.Release()
}
