package blocks

import (
	"math"

	"descent/mlkit/internal/kernel/cpu"
)

// Widen writes the numbers that x stands for, which have 16 bits (IEEE 754
// binary16), to dst of the same length.
func Widen(dst []float32, x []uint16) {
	cpu.CheckLen("Widen", "x", len(dst), len(x))
	n := len(x) &^ 15
	widen(dst[:n], x[:n])
	widenGo(dst[n:], x[n:])
}

// Narrow rounds x to the nearest numbers of 16 bits, of two equally near to the
// even one, and writes their bits to dst of the same length. What is too large
// becomes infinite.
func Narrow(dst []uint16, x []float32) {
	cpu.CheckLen("Narrow", "x", len(dst), len(x))
	n := len(x) &^ 15
	narrow(dst[:n], x[:n])
	narrowGo(dst[n:], x[n:])
}

// RoundHalves replaces x by the nearest numbers of 16 bits.
func RoundHalves(x []float32) {
	var some [128]uint16
	for len(x) > 0 {
		n := min(len(some), len(x))
		Narrow(some[:n], x[:n])
		Widen(x[:n], some[:n])
		x = x[n:]
	}
}

func widenGo(dst []float32, x []uint16) {
	for i, h := range x {
		dst[i] = half(h)
	}
}

func narrowGo(dst []uint16, x []float32) {
	for i, v := range x {
		dst[i] = toHalf(v)
	}
}

// toHalf gives the bits of the nearest number of 16 bits; a NaN keeps the upper
// bits of its fraction.
func toHalf(v float32) uint16 {
	bits := math.Float32bits(RoundHalf(v))
	sign, mag := uint16(bits>>16&0x8000), bits&^(1<<31)
	switch {
	case mag > 0x7f800000:
		return sign | 0x7e00 | uint16(mag>>13&0x3ff)
	case mag == 0x7f800000:
		return sign | 0x7c00
	case mag < 0x38800000: // a multiple of 2⁻²⁴
		return sign | uint16(math.Float32frombits(mag)*(1<<24))
	}
	return sign | uint16((mag-0x38000000)>>13)
}

// RoundHalf rounds to the nearest number of 16 bits.
func RoundHalf(v float32) float32 {
	bits := math.Float32bits(v)
	switch mag := bits &^ (1 << 31); {
	case mag >= 0x477ff000: // beyond the largest, or no number
		if mag > 0x7f800000 {
			return v
		}
		return math.Float32frombits(bits&(1<<31) | 0x7f800000)
	case mag < 0x38800000: // below the normal ones: multiples of 2⁻²⁴
		r := float32(math.Float32frombits(mag)+0.5) - 0.5
		return math.Float32frombits(bits&(1<<31) | math.Float32bits(r))
	}
	bits += 0xfff + bits>>13&1
	return math.Float32frombits(bits &^ 0x1fff)
}

// half is the number that 16 bits stand for.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)/(1<<24)))
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
