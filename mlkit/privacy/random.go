package privacy

import (
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// A key is where secret random numbers come from.
type key [32]byte

// newKey draws a key from the operating system; with a seed it is a function of
// seed and use, and no secret.
func newKey(insecureSeed, use uint64) (k key) {
	if insecureSeed == 0 {
		cryptorand.Read(k[:]) // never returns an error
		return k
	}
	binary.LittleEndian.PutUint64(k[:], insecureSeed)
	binary.LittleEndian.PutUint64(k[8:], use)
	return sha256.Sum256(k[:])
}

// stream is a stream of ChaCha8, a cryptographic generator, whose key is a hash
// of a key and a place: streams of other places tell nothing about it.
type stream struct {
	source rand.ChaCha8
	text   [32 + 3*8]byte
}

func (s *stream) begin(k *key, a, b, c uint64) {
	copy(s.text[:], k[:])
	binary.LittleEndian.PutUint64(s.text[32:], a)
	binary.LittleEndian.PutUint64(s.text[40:], b)
	binary.LittleEndian.PutUint64(s.text[48:], c)
	s.source.Seed(sha256.Sum256(s.text[:]))
}

// uniform is a number in (0, 1], a multiple of 2⁻⁵³.
func (s *stream) uniform() float64 { return float64(s.source.Uint64()>>11+1) * 0x1p-53 }

// The ziggurat of Marsaglia & Tsang 2000 for the normal distribution, of 256
// layers of equal area, in float64 and with 53 random bits a number: that of
// math/rand has 32, which would leave gaps between float32 numbers.
var zigguratX, zigguratRatio, zigguratY [257]float64

const (
	zigguratR = 3.6541528853610088     // where the tail begins
	zigguratA = 0.00492867323399141887 // area of a layer, without the factor 1/√(2π)
)

func init() {
	f := func(x float64) float64 { return math.Exp(-x * x / 2) }
	x := &zigguratX // x[0] is the width of the lowest layer as a box
	x[0], x[1] = zigguratA/f(zigguratR), zigguratR
	for i := 2; i < 256; i++ {
		x[i] = math.Sqrt(-2 * math.Log(zigguratA/x[i-1]+f(x[i-1])))
	}
	x[256] = 0
	for i := range x {
		zigguratY[i] = f(x[i])
		if i < 256 {
			zigguratRatio[i] = x[i+1] / x[i]
		}
	}
	zigguratRatio[0] = zigguratR / x[0]
}

// normal is a draw from N(0, 1).
func (s *stream) normal() float64 {
	for {
		bits := s.source.Uint64()
		i := bits & 255
		u := float64(int64(bits)>>11) * 0x1p-52 // −1 ≤ u < 1; the low 8 bits are not in it
		x := u * zigguratX[i]
		switch {
		case math.Abs(u) < zigguratRatio[i]:
			return x
		case i == 0: // the tail, by Marsaglia's method
			for {
				x := -math.Log(s.uniform()) / zigguratR
				if y := -math.Log(s.uniform()); 2*y > x*x {
					return math.Copysign(zigguratR+x, u)
				}
			}
		case zigguratY[i]+s.uniform()*(zigguratY[i+1]-zigguratY[i]) < math.Exp(-x*x/2):
			return x
		}
	}
}
