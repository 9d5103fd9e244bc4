package rowwise

import (
	"math"
	"testing"

	"descent/mlkit/internal/kernel/elementwise"
)

// TestSumColumnsOfSpecials checks that what is not finite stays what it is
// through blocks.
func TestSumColumnsOfSpecials(t *testing.T) {
	inf := math.Inf(1)
	const rows = 3 * fewRows
	for _, c := range []struct{ v, at, want float64 }{
		{inf, 5, inf}, {inf, rows - 1, inf}, {-inf, rowBlock, -inf}, {math.NaN(), 9, math.NaN()}, {math.MaxFloat32, 0, math.MaxFloat32},
	} {
		x, sum := make([]float32, rows*3), make([]float32, 3)
		x[3*int(c.at)+1] = float32(c.v)
		AddRows(sum, x, 3)
		if got := float64(sum[1]); got != c.want && !(got != got && c.want != c.want) || sum[0] != 0 || sum[2] != 0 {
			t.Errorf("%v in row %v: %v, want %v in the middle", c.v, c.at, sum, c.want)
		}
	}
	x, sum := make([]float32, rows), []float32{0}
	elementwise.Fill(x, math.MaxFloat32)
	if AddRows(sum, x, 1); !math.IsInf(float64(sum[0]), 1) {
		t.Errorf("the largest numbers add up to %v", sum)
	}
}
