package data

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Jitter is how far ColorJitter goes. A factor is drawn from [1−x, 1+x], x from
// 0 to 1, and the shift of the hue from [−Hue, Hue], Hue from 0 to 0.5 of a
// turn.
type Jitter struct{ Brightness, Contrast, Saturation, Hue float64 }

// ColorJitter changes the colours of images [1 or 3, height, width] with values
// in [0, 1], in that order: brightness multiplies every value; contrast and
// saturation blend with the image's mean grey and with each pixel's own; hue
// turns the colour circle (torchvision's ColorJitter, which also draws the
// order). Results are cut to [0, 1]. Grey is 0.2989·R + 0.587·G + 0.114·B
// (ITU-R BT.601). Saturation and hue need three channels and panic on others;
// so does a range that is out of bounds.
func ColorJitter(j Jitter) Augmentation {
	for _, v := range []float64{j.Brightness, j.Contrast, j.Saturation, 2 * j.Hue} {
		if !(v >= 0 && v <= 1) {
			panic(fmt.Sprintf("data: ColorJitter%+v: want 0 to 1, and Hue 0 to 0.5", j))
		}
	}
	return func(rng *rand.Rand, m *Image) {
		if m.Channels != 3 && (m.Channels != 1 || j.Saturation > 0 || j.Hue > 0) {
			panic(fmt.Sprintf("data: ColorJitter%+v of an image of %d channels: want red, green and blue, or one channel without Saturation and Hue", j, m.Channels))
		}
		factor := func(x float64) float32 { return float32(1 + x*(2*rng.Float64()-1)) }
		m.brighten(factor(j.Brightness))
		m.contrast(factor(j.Contrast))
		if m.Channels == 3 {
			m.saturate(factor(j.Saturation))
			m.turnHue(j.Hue * (2*rng.Float64() - 1))
		}
	}
}

func unit(v float32) float32 { return min(max(v, 0), 1) }

func (m *Image) brighten(f float32) {
	for i, v := range m.X {
		m.X[i] = unit(f * v)
	}
}

// grey is the grey of pixel i.
func (m *Image) grey(i int) float32 {
	if m.Channels == 1 {
		return m.X[i]
	}
	n := m.Height * m.Width
	return 0.2989*m.X[i] + 0.587*m.X[n+i] + 0.114*m.X[2*n+i]
}

func (m *Image) contrast(f float32) {
	n, sum := m.Height*m.Width, 0.
	for i := range n {
		sum += float64(m.grey(i))
	}
	mean := float32(sum / float64(max(n, 1)))
	for i, v := range m.X {
		m.X[i] = unit(f*v + (1-f)*mean)
	}
}

func (m *Image) saturate(f float32) {
	n := m.Height * m.Width
	for i := range n {
		g := (1 - f) * m.grey(i)
		for c := range 3 {
			m.X[c*n+i] = unit(f*m.X[c*n+i] + g)
		}
	}
}

// turnHue adds a part of a turn to the hue of every pixel, through HSV (Smith
// 1978).
func (m *Image) turnHue(turn float64) {
	if turn == 0 {
		return
	}
	n := m.Height * m.Width
	for i := range n {
		r, g, b := float64(m.X[i]), float64(m.X[n+i]), float64(m.X[2*n+i])
		most := max(r, g, b)
		spread := most - min(r, g, b)
		if spread == 0 { // a grey has no hue
			continue
		}
		var h float64 // in sixths of a turn
		switch most {
		case r:
			h = (g - b) / spread
		case g:
			h = 2 + (b-r)/spread
		default:
			h = 4 + (r-g)/spread
		}
		h += 6 * turn
		for c, at := range []float64{5, 3, 1} { // Smith's hexcone in one formula a channel
			k := math.Mod(at+h+12, 6)
			m.X[c*n+i] = float32(most - spread*min(max(min(k, 4-k), 0), 1))
		}
	}
}

// GaussianBlur smooths the image with a normal kernel of size pixels, odd,
// whose standard deviation is drawn from [low, high] pixels; the borders are
// mirrored without their last pixel (torchvision's GaussianBlur). It panics
// where half the kernel is not smaller than the image.
func GaussianBlur(size int, low, high float64) Augmentation {
	if size < 1 || size%2 == 0 || !(low > 0 && low <= high) {
		panic(fmt.Sprintf("data: GaussianBlur(%d, %v, %v): want an odd size and 0 < low ≤ high", size, low, high))
	}
	return func(rng *rand.Rand, m *Image) {
		if size/2 >= min(m.Height, m.Width) {
			panic(fmt.Sprintf("data: GaussianBlur of %d pixels on an image of %d×%d: the border cannot be mirrored", size, m.Height, m.Width))
		}
		m.kernel = resize(m.kernel, size)
		normal(m.kernel, low+(high-low)*rng.Float64())
		for c := range m.Channels {
			plane := m.X[c*m.Height*m.Width : (c+1)*m.Height*m.Width]
			spare := m.spare[:len(plane)]
			blurAlong(spare, plane, m.Width, 1, m.Height, m.Width, m.kernel)
			blurAlong(plane, spare, m.Height, m.Width, m.Width, 1, m.kernel)
		}
	}
}

// normal fills k with the weights of a normal distribution about its middle.
func normal(k []float32, sigma float64) {
	sum := 0.
	at := func(i int) float64 {
		z := (float64(i) - float64(len(k)-1)/2) / sigma
		return math.Exp(-z * z / 2)
	}
	for i := range k {
		sum += at(i)
	}
	for i := range k {
		k[i] = float32(at(i) / sum)
	}
}

// blurAlong convolves lines of n pixels, step apart, of which there are lines,
// next apart.
func blurAlong(out, in []float32, n, step, lines, next int, k []float32) {
	for l := range lines {
		for i := range n {
			var sum float32
			for j, w := range k {
				p := i + j - len(k)/2
				if p < 0 {
					p = -p
				}
				if p >= n {
					p = 2*(n-1) - p
				}
				sum += w * in[l*next+p*step]
			}
			out[l*next+i*step] = sum
		}
	}
}
