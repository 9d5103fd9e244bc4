package nn_test

import (
	"math"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// LRN is its formula (with PyTorch's alpha) at the edges too: windows of one
// channel and of more than there are, one channel, vectors without places.
func TestLocalResponseNormEdges(t *testing.T) {
	for _, c := range []struct{ size, channels, places int }{{1, 3, 2}, {9, 3, 2}, {4, 3, 1}, {5, 1, 4}, {2, 2, 0}} {
		dims := []int{2, c.channels, c.places}
		if c.places == 0 {
			dims = dims[:2]
		}
		places := max(c.places, 1)
		x := sines(2 * c.channels * places)
		l := nn.LocalResponseNorm{Size: c.size, Alpha: 0.5, Beta: 0.6, K: 1.5}
		y := l.Forward(tensor.NewEvalTape().Input(x, dims...)).Data()
		for k := range y {
			row, channel := k/places/c.channels*c.channels, k/places%c.channels
			sum := 0.0
			for j := max(0, channel-c.size/2); j <= min(c.channels-1, channel+(c.size-1)/2); j++ {
				v := float64(x[(row+j)*places+k%places])
				sum += v * v
			}
			want := float64(x[k]) / math.Pow(1.5+0.5/float64(c.size)*sum, 0.6)
			if math.Abs(float64(y[k])-want) > 1e-6 {
				t.Fatalf("%+v: element %d is %v, want %v", c, k, y[k], want)
			}
		}
	}
}
