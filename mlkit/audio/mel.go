package audio

import (
	"fmt"
	"math"
)

// Mel is a mel-spaced bank of triangular filters.
type Mel struct {
	STFT
	Rate  int // samples per second
	Bands int
	// Low and High are the ends of the first and the last filter in Hz; a High
	// of 0 means Rate/2.
	Low, High float64
	// HTK takes the mel scale 2595·log₁₀(1 + f/700) (O'Shaughnessy 1987; the
	// HTK Book) instead of Slaney's (Auditory Toolbox 1998), which is linear up
	// to 1 kHz and logarithmic above.
	HTK bool
}

const (
	slaneyStep = 200. / 3 // Hz per mel below 1 kHz
	slaneyKnee = 1000 / slaneyStep
)

var slaneyLog = math.Log(6.4) / 27 // per mel above: 27 steps from 1 to 6.4 kHz

func (m Mel) fromHz(f float64) float64 {
	switch {
	case m.HTK:
		return 2595 * math.Log10(1+f/700)
	case f < 1000:
		return f / slaneyStep
	}
	return slaneyKnee + math.Log(f/1000)/slaneyLog
}

func (m Mel) toHz(mel float64) float64 {
	switch {
	case m.HTK:
		return 700 * (math.Pow(10, mel/2595) - 1)
	case mel < slaneyKnee:
		return mel * slaneyStep
	}
	return 1000 * math.Exp(slaneyLog*(mel-slaneyKnee))
}

// edges are the corners of the triangles in Hz: filter b rises from edge b to
// b+1 and falls to b+2.
func (m Mel) edges() []float64 {
	high := m.High
	if high == 0 {
		high = float64(m.Rate) / 2
	}
	if m.Rate < 1 || m.Bands < 1 || !(m.Low >= 0 && m.Low < high) || high > float64(m.Rate)/2 {
		panic(fmt.Sprintf("audio: %+v: Rate and Bands must be positive, and 0 ≤ Low < High ≤ Rate/2", m))
	}
	lo, hi := m.fromHz(m.Low), m.fromHz(high)
	out := make([]float64, m.Bands+2)
	for i := range out {
		out[i] = m.toHz(lo + (hi-lo)*float64(i)/float64(m.Bands+1))
	}
	return out
}

// Centers returns the centre frequency of each band, in Hz.
func (m Mel) Centers() []float64 { return m.edges()[1 : m.Bands+1] }

// Filters returns the weights of each band, [Bands][Window/2+1]: triangles of
// equal area.
func (m Mel) Filters() [][]float64 {
	m.hop()
	edge := m.edges()
	out := grid(m.Bands, m.Window/2+1)
	for b, row := range out {
		lo, mid, hi := edge[b], edge[b+1], edge[b+2]
		for k := range row {
			f := float64(k) * float64(m.Rate) / float64(m.Window)
			row[k] = max(0, min((f-lo)/(mid-lo), (hi-f)/(hi-mid))) * 2 / (hi - lo)
		}
	}
	return out
}

// Spectrogram returns the power of x in each band, [Frames][Bands].
func (m Mel) Spectrogram(x []float32) [][]float64 {
	filters := m.Filters()
	out := grid(m.Frames(len(x)), m.Bands)
	for t, power := range m.Power(x) {
		for b, weights := range filters {
			for k, w := range weights {
				if w != 0 {
					out[t][b] += w * power[k]
				}
			}
		}
	}
	return out
}

// Decibels returns 10·log₁₀ of the power, which is first raised to at least
// 1e-10. If top is positive, no value is more than top below the largest.
func Decibels(power [][]float64, top float64) [][]float64 {
	if len(power) == 0 {
		return nil
	}
	out := grid(len(power), len(power[0]))
	loudest := math.Inf(-1)
	for t, row := range power {
		for k, p := range row {
			out[t][k] = 10 * math.Log10(max(p, 1e-10))
			loudest = max(loudest, out[t][k])
		}
	}
	if top > 0 {
		for _, row := range out {
			for k := range row {
				row[k] = max(row[k], loudest-top)
			}
		}
	}
	return out
}

// MFCC returns the first n mel-frequency cepstral coefficients (Davis &
// Mermelstein 1980) of frames of decibels, [frames][n]: their orthonormal
// DCT-II.
func MFCC(decibels [][]float64, n int) [][]float64 {
	if len(decibels) == 0 {
		return nil
	}
	bands := len(decibels[0])
	if n < 1 || n > bands {
		panic(fmt.Sprintf("audio: MFCC: %d coefficients of %d bands", n, bands))
	}
	basis := grid(n, bands)
	for k, row := range basis {
		scale := math.Sqrt(2 / float64(bands))
		if k == 0 {
			scale = math.Sqrt(1 / float64(bands))
		}
		for b := range row {
			row[b] = scale * math.Cos(math.Pi*float64(k)*(float64(b)+0.5)/float64(bands))
		}
	}
	out := grid(len(decibels), n)
	for t, row := range decibels {
		for k, c := range basis {
			for b, v := range row {
				out[t][k] += c[b] * v
			}
		}
	}
	return out
}
