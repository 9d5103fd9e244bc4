package blocks

import (
	"encoding/binary"
	"math"
)

func dotsQ80Go(p *products) {
	p.each(func(row []byte, x []int8, sums *[8]int32) {
		for l := range sums {
			for j := 4 * l; j < 4*l+4; j++ {
				sums[l] += int32(int8(row[2+j])) * int32(x[j])
			}
		}
	}, 34, false)
}

func dotsQ40Go(p *products) {
	p.each(func(row []byte, x []int8, sums *[8]int32) { nibbles(row[2:18], x, 8, sums) }, 18, false)
}

func dotsQ41Go(p *products) {
	p.each(func(row []byte, x []int8, sums *[8]int32) { nibbles(row[4:20], x, 0, sums) }, 20, true)
}

func nibbles(q []byte, x []int8, minus int32, sums *[8]int32) {
	for l := range 4 {
		for j := 4 * l; j < 4*l+4; j++ {
			sums[l] += (int32(q[j]&15) - minus) * int32(x[j])
			sums[l+4] += (int32(q[j]>>4) - minus) * int32(x[j+16])
		}
	}
}

// each goes through rows and blocks. dot gives the sums of a block, of four
// neighbours each; a row has eight floats, to which their multiples by the
// scales are added with one rounding, and at the end a fixed order of them.
func (p *products) each(dot func(row []byte, x []int8, sums *[8]int32), size int, offset bool) {
	for i := range p.rows {
		row := p.w[i*p.stride:]
		var acc [8]float32
		low := float32(0)
		for b := range p.blocks {
			block := row[b*size:]
			var sums [8]int32
			dot(block, p.x[b*Size:][:Size], &sums)
			d := half(binary.LittleEndian.Uint16(block)) * p.scales[2*b]
			if offset {
				low = FMA(half(binary.LittleEndian.Uint16(block[2:])), p.scales[2*b+1], low)
			}
			for l := range acc {
				acc[l] = FMA(d, float32(sums[l]), acc[l])
			}
		}
		for l := range 4 {
			acc[l] += acc[l+4]
		}
		acc[0] += acc[2]
		acc[1] += acc[3]
		acc[0] += acc[1]
		if offset {
			acc[0] += low
		}
		p.y[i] = acc[0]
	}
}

// FMA is a·b + c with one rounding. A sum of float64 is rounded once more; that
// counts twice only where it lies halfway between two results. There, it is
// rounded to odd first (Boldo & Melquiond 2008).
func FMA(a, b, c float32) float32 {
	product := float64(a) * float64(b) // exact
	sum := product + float64(c)
	if math.Float64bits(sum)&0x1fffffff != 0x10000000 && math.Abs(sum) >= 0x1p-126 {
		return float32(sum)
	}
	part := sum - product
	rest := (product - (sum - part)) + (float64(c) - part)
	if bits := math.Float64bits(sum); rest != 0 && bits&1 == 0 && !math.IsInf(sum, 0) && sum == sum {
		if (rest > 0) == (sum > 0) {
			bits++
		} else {
			bits--
		}
		sum = math.Float64frombits(bits)
	}
	return float32(sum)
}
