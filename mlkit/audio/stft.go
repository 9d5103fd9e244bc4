package audio

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// STFT is a short-time Fourier transform (Gabor 1946; Allen & Rabiner 1977).
type STFT struct {
	Window int // samples of a frame, even; a Hann window is laid over them
	Hop    int // samples from one frame to the next; 0 means Window/4
	// Uncentred frames lie in the sound as a whole. Otherwise frame t has its
	// middle at sample t·Hop, with zeros before the sound and after it.
	Uncentred bool
}

func (c STFT) hop() int {
	if c.Window < 2 || c.Window%2 != 0 || c.Hop < 0 {
		panic(fmt.Sprintf("audio: %+v: the window must be even and at least 2, the hop not negative", c))
	}
	if c.Hop == 0 {
		return max(c.Window/4, 1)
	}
	return c.Hop
}

// Frames returns the number of frames of a sound of n samples.
func (c STFT) Frames(n int) int {
	hop := c.hop()
	if c.Uncentred {
		n -= c.Window
	}
	if n < 0 {
		return 0
	}
	return 1 + n/hop
}

// Hann returns a periodic Hann window of n samples, ½ − ½·cos(2πi/n).
func Hann(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n))
	}
	return w
}

// Power returns |X|² of each frame, [Frames][Window/2+1]: bin k is the
// frequency k·rate/Window.
func (c STFT) Power(x []float32) [][]float64 {
	hop := c.hop()
	window := Hann(c.Window)
	fft := fourier.NewFFT(c.Window)
	frame := make([]float64, c.Window)
	coeff := make([]complex128, c.Window/2+1)
	out := grid(c.Frames(len(x)), len(coeff))
	for t, row := range out {
		start := t * hop
		if !c.Uncentred {
			start -= c.Window / 2
		}
		for i := range frame {
			frame[i] = 0
			if at := start + i; at >= 0 && at < len(x) {
				frame[i] = float64(x[at]) * window[i]
			}
		}
		for k, z := range fft.Coefficients(coeff, frame) {
			row[k] = real(z)*real(z) + imag(z)*imag(z)
		}
	}
	return out
}

// grid is n rows of m numbers that lie one after the other.
func grid(n, m int) [][]float64 {
	all := make([]float64, n*m)
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = all[i*m : (i+1)*m : (i+1)*m]
	}
	return rows
}

// Floats returns the frames one after the other as a tensor of shape [time,
// width].
func Floats(frames [][]float64) []float32 {
	var out []float32
	for _, row := range frames {
		for _, v := range row {
			out = append(out, float32(v))
		}
	}
	return out
}
