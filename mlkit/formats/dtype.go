package formats

import (
	"encoding/binary"
	"math"
)

// dtype is an element type of the safetensors format.
type dtype struct {
	name string
	bits int
	// float decodes one element of a floating-point type, and integer one of
	// the others; both are nil where only the header is understood.
	float   func(b []byte) float64
	integer func(b []byte) int64
}

var le = binary.LittleEndian

// dtypes are in the order in which the reference implementation ranks them:
// files are written from the last to the first.
var dtypes = []dtype{
	{name: "BOOL", bits: 8, integer: func(b []byte) int64 { return int64(b[0]) }},
	{name: "F4", bits: 4},
	{name: "F6_E2M3", bits: 6},
	{name: "F6_E3M2", bits: 6},
	{name: "U8", bits: 8, integer: func(b []byte) int64 { return int64(b[0]) }},
	{name: "I8", bits: 8, integer: func(b []byte) int64 { return int64(int8(b[0])) }},
	{name: "F8_E5M2", bits: 8, float: func(b []byte) float64 { return fromHalf(uint16(b[0]) << 8) }},
	{name: "F8_E4M3", bits: 8, float: fromE4M3},
	{name: "F8_E8M0", bits: 8, float: fromE8M0},
	{name: "F8_E4M3FNUZ", bits: 8, float: func(b []byte) float64 { return fromFNUZ(b[0], 3, 8) }},
	{name: "F8_E5M2FNUZ", bits: 8, float: func(b []byte) float64 { return fromFNUZ(b[0], 2, 16) }},
	{name: "I16", bits: 16, integer: func(b []byte) int64 { return int64(int16(le.Uint16(b))) }},
	{name: "U16", bits: 16, integer: func(b []byte) int64 { return int64(le.Uint16(b)) }},
	{name: "F16", bits: 16, float: func(b []byte) float64 { return fromHalf(le.Uint16(b)) }},
	{name: "BF16", bits: 16,
		float: func(b []byte) float64 { return float64(math.Float32frombits(uint32(le.Uint16(b)) << 16)) }},
	{name: "I32", bits: 32, integer: func(b []byte) int64 { return int64(int32(le.Uint32(b))) }},
	{name: "U32", bits: 32, integer: func(b []byte) int64 { return int64(le.Uint32(b)) }},
	{name: "F32", bits: 32, float: func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }},
	{name: "C64", bits: 64},
	{name: "F64", bits: 64, float: func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }},
	{name: "I64", bits: 64, integer: func(b []byte) int64 { return int64(le.Uint64(b)) }},
	{name: "U64", bits: 64, integer: func(b []byte) int64 { return int64(le.Uint64(b)) }},
}

// dtypeRank is the place of a type in dtypes, −1 for one that is not there.
func dtypeRank(name string) int {
	for i, d := range dtypes {
		if d.name == name {
			return i
		}
	}
	return -1
}

// fromHalf decodes an IEEE 754 half-precision number: 5 bits of exponent, 10 of
// mantissa.
func fromHalf(h uint16) float64 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero or subnormal
		return math.Copysign(float64(fraction)/(1<<24), float64(int32(sign|1)))
	case 31: // infinite or NaN
		return float64(math.Float32frombits(sign | 0xff<<23 | fraction<<13))
	}
	return float64(math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13))
}

// fromE4M3 decodes a number of 4 bits of exponent and 3 of mantissa, which has
// no infinity and one NaN of each sign (Micikevicius et al. 2022).
func fromE4M3(b []byte) float64 {
	sign, exponent, fraction := 1-2*float64(b[0]>>7), int(b[0]>>3&15), float64(b[0]&7)
	switch {
	case exponent == 0:
		return math.Copysign(math.Ldexp(fraction, -9), sign)
	case exponent == 15 && fraction == 7:
		return math.NaN()
	}
	return sign * math.Ldexp(8+fraction, exponent-10)
}

// fromE8M0 decodes a power of two, the scale of a block of numbers (OCP
// Microscaling Formats 1.0, 2023).
func fromE8M0(b []byte) float64 {
	if b[0] == 0xff {
		return math.NaN()
	}
	return math.Ldexp(1, int(b[0])-127)
}

// fromFNUZ decodes a number without infinities and without −0, whose place is
// that of the only NaN (Noune et al. 2022).
func fromFNUZ(b byte, mantissa, bias int) float64 {
	if b == 0x80 {
		return math.NaN()
	}
	sign, exponent, fraction := 1-2*float64(b>>7), int(b&0x7f)>>mantissa, int(b)&(1<<mantissa-1)
	if exponent == 0 {
		return sign * math.Ldexp(float64(fraction), 1-bias-mantissa)
	}
	return sign * math.Ldexp(float64(1<<mantissa+fraction), exponent-bias-mantissa)
}
