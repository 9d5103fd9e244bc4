package datasets

import (
	"math"
	"math/rand/v2"

	"descent/mlkit/data"
)

// Scenes configures pictures composed of several digits. A zero value means the
// default in parentheses.
type Scenes struct {
	Height, Width int     // of a picture (96)
	Min, Max      int     // number of digits to try to place in one (2, 6)
	Small, Large  float64 // the scale of a digit (0.7, 1.4)
	// Overlap is the largest IoU that the boxes of two digits may have (0.05).
	Overlap float32
	Seed    uint64
}

// Compose makes n pictures [1, height, width] of digits, each scaled and placed
// at random, with the boxes around their ink: a detection problem of ten
// classes. Picture i depends only on the digits, Seed and i. A digit for which
// no free place is found after some tries is left out, so there may be fewer
// digits than drawn.
func (s Scenes) Compose(digits *data.Images, n int) *data.ObjectImages {
	s.Height, s.Width = or(s.Height, 96), or(s.Width, 96)
	s.Min, s.Max = or(s.Min, 2), or(s.Max, 6)
	s.Small, s.Large, s.Overlap = or(s.Small, 0.7), or(s.Large, 1.4), or(s.Overlap, 0.05)
	m := &data.ObjectImages{
		Pixels: make([]byte, n*s.Height*s.Width), Dims: []int{1, s.Height, s.Width}, Objects: make([][]data.Object, n),
		Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	}
	for i := range n {
		rng := rand.New(rand.NewPCG(s.Seed, uint64(i)))
		picture := m.Image(i)
		for range s.Min + rng.IntN(s.Max-s.Min+1) {
			const tries = 20
			for range tries {
				k := rng.IntN(digits.Len())
				scale := s.Small + (s.Large-s.Small)*rng.Float64()
				if o, ok := s.place(picture, m.Objects[i], digits.Image(k), scale, rng); ok {
					o.Class = int(digits.Labels[k])
					m.Objects[i] = append(m.Objects[i], o)
					break
				}
			}
		}
	}
	return m
}

func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// place draws one digit somewhere, unless it would come too near to others.
func (s Scenes) place(picture []byte, others []data.Object, digit []byte, scale float64,
	rng *rand.Rand) (o data.Object, ok bool) {
	side := int(math.Round(28 * scale))
	big := make([]byte, side*side)
	x0, y0, x1, y1 := side, side, 0, 0 // around the ink
	for y := range side {
		for x := range side {
			v := bilinear(digit, (float64(y)+0.5)/scale-0.5, (float64(x)+0.5)/scale-0.5)
			if big[y*side+x] = v; v >= 64 {
				x0, y0, x1, y1 = min(x0, x), min(y0, y), max(x1, x+1), max(y1, y+1)
			}
		}
	}
	w, h := x1-x0, y1-y0
	if w <= 0 || h <= 0 || w > s.Width || h > s.Height {
		return o, false
	}
	px, py := rng.IntN(s.Width-w+1), rng.IntN(s.Height-h+1)
	o.Box = data.Box{X0: float32(px), Y0: float32(py), X1: float32(px + w), Y1: float32(py + h)}
	for _, other := range others {
		if o.IoU(other.Box) > s.Overlap {
			return o, false
		}
	}
	for y := range h {
		for x := range w {
			at := &picture[(py+y)*s.Width+px+x]
			*at = max(*at, big[(y0+y)*side+x0+x])
		}
	}
	return o, true
}

// bilinear reads a 28×28 picture between its pixels; outside it is black.
func bilinear(p []byte, y, x float64) byte {
	at := func(y, x int) float64 {
		if y < 0 || y > 27 || x < 0 || x > 27 {
			return 0
		}
		return float64(p[y*28+x])
	}
	fy, fx := math.Floor(y), math.Floor(x)
	iy, ix, ty, tx := int(fy), int(fx), y-fy, x-fx
	top := at(iy, ix)*(1-tx) + at(iy, ix+1)*tx
	low := at(iy+1, ix)*(1-tx) + at(iy+1, ix+1)*tx
	return byte(top*(1-ty) + low*ty + 0.5)
}
