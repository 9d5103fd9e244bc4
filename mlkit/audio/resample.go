package audio

import (
	"fmt"
	"math"
)

// Resample changes the sampling rate by the factor up/down: it inserts up−1
// zeros between samples, applies a low-pass filter at the lower of the two
// Nyquist frequencies (a sinc with a Kaiser window, β = 5, of 10 zero crossings
// each way), and keeps every down-th sample. The values are those of
// scipy.signal.resample_poly.
func Resample(x []float32, up, down int) []float32 {
	if up < 1 || down < 1 {
		panic(fmt.Sprintf("audio: Resample by %d/%d", up, down))
	}
	g := gcd(up, down)
	if up, down = up/g, down/g; up == down {
		return append([]float32(nil), x...)
	}
	slow := max(up, down)
	half := 10 * slow
	filter := make([]float64, 2*half+1)
	var sum float64
	for i := range filter {
		at := float64(i-half) / float64(slow)
		edge := float64(i-half) / float64(half)
		filter[i] = sinc(at) * bessel0(5*math.Sqrt(1-edge*edge))
		sum += filter[i]
	}
	for i := range filter {
		filter[i] *= float64(up) / sum
	}
	out := make([]float32, (len(x)*up+down-1)/down)
	for j := range out {
		// In the up-sampled sound x[i] lies at i·up, and the result at j·down.
		at := j * down
		first := max((at-half+up-1)/up, 0)
		if at < half {
			first = 0
		}
		var v float64
		for i := first; i < len(x) && i*up <= at+half; i++ {
			v += float64(x[i]) * filter[at-i*up+half]
		}
		out[j] = float32(v)
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel0 is the modified Bessel function I₀ by its power series, for x ≤ 5.
func bessel0(x float64) float64 {
	sum, term := 1., 1.
	for k := 1.; k < 40; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}
