package blocks

import (
	"encoding/binary"
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/cpu"
)

// Size is how many numbers a block has.
const Size = 32

// Kind is a type of blocks.
type Kind uint8

// The types, by what a block holds.
const (
	Q80 Kind = iota // a scale and 32 numbers of 8 bits with a sign
	Q40             // a scale and 32 of 4 bits, from which 8 is subtracted
	Q41             // a scale, an offset and 32 of 4 bits
)

// Bytes is the size of a block.
func (k Kind) Bytes() int { return [...]int{34, 18, 20}[k] }

// Matrix is rows of quantized weights.
type Matrix struct {
	Kind       Kind
	Rows, Cols int // Cols is a multiple of Size
	Data       []byte
}

func (m *Matrix) check() {
	if m.Rows < 0 || m.Cols < 0 || m.Cols%Size != 0 || m.Kind > Q41 || len(m.Data) != m.Rows*m.stride() {
		panic(fmt.Sprintf("kernel: blocks: %d bytes of %d×%d weights of kind %d", len(m.Data), m.Rows, m.Cols, m.Kind))
	}
}

func (m *Matrix) stride() int { return m.Cols / Size * m.Kind.Bytes() }

// Row writes the numbers of row i to dst, which has Cols elements.
func (m *Matrix) Row(dst []float32, i int) {
	m.check()
	size := m.Kind.Bytes()
	for row := m.Data[i*m.stride():][:m.stride()]; len(row) > 0; row, dst = row[size:], dst[Size:] {
		d, y := half(binary.LittleEndian.Uint16(row)), dst[:Size]
		switch m.Kind {
		case Q80:
			for j, q := range row[2:34] {
				y[j] = float32(float32(int8(q)) * d)
			}
		case Q40:
			for j, q := range row[2:18] {
				y[j], y[j+16] = float32(int(q&15)-8)*d, float32(int(q>>4)-8)*d
			}
		case Q41:
			low := half(binary.LittleEndian.Uint16(row[2:]))
			for j, q := range row[4:20] {
				y[j], y[j+16] = float32(float32(q&15)*d)+low, float32(float32(q>>4)*d)+low
			}
		}
	}
}

// Activations are rows of numbers of 8 bits, in blocks.
type Activations struct {
	Quants []int8    // [rows, cols]
	Scales []float32 // of every block its scale and the sum of what it stands for
}

// Quantize makes the activations that stand for x, whose length is a multiple
// of Size: the largest of a block becomes ±127. It reuses a's memory.
func (a *Activations) Quantize(x []float32) {
	if len(x)%Size != 0 {
		panic(fmt.Sprintf("kernel: blocks: %d activations are no multiple of %d", len(x), Size))
	}
	if cap(a.Quants) < len(x) {
		a.Quants, a.Scales = make([]int8, len(x)), make([]float32, len(x)/Size*2)
	}
	a.Quants, a.Scales = a.Quants[:len(x)], a.Scales[:len(x)/Size*2]
	for b := range len(x) / Size {
		x, q := x[b*Size:][:Size], a.Quants[b*Size:][:Size]
		largest := uint32(0) // a NaN is larger than all
		for _, v := range x {
			largest = max(largest, math.Float32bits(v)&^(1<<31))
		}
		most := math.Float32frombits(largest)
		d, inverse := most/127, float32(0)
		if most != 0 {
			inverse = 127 / most
		}
		sum := int32(0)
		for j, v := range x {
			// Beside 1.5·2²³ only whole numbers have a place, in the last bits.
			n := int8(math.Float32bits(float32(v*inverse) + 0x1.8p23))
			q[j] = n
			sum += int32(n)
		}
		a.Scales[2*b], a.Scales[2*b+1] = RoundHalf(d), RoundHalf(d*float32(sum))
	}
}

// Product computes y = x·wᵀ, for n rows of activations: [n, Rows], rows ldy
// apart.
func Product(y []float32, ldy int, w *Matrix, x *Activations, n int) {
	w.check()
	if len(x.Quants) != n*w.Cols || ldy < w.Rows || n > 0 && len(y) < (n-1)*ldy+w.Rows {
		panic(fmt.Sprintf("kernel: blocks: %d results of %d activations and %d×%d weights, %d apart", len(y), len(x.Quants), w.Rows, w.Cols, ldy))
	}
	if n == 0 || w.Rows == 0 {
		return
	}
	if w.Cols == 0 {
		for i := range n {
			clear(y[i*ldy:][:w.Rows])
		}
		return
	}
	j := jobs.Get()
	defer jobs.Put(j)
	*j = job{y, ldy, w, x, n}
	cpu.Parallel((w.Rows+partRows-1)/partRows, j)
}

// partRows is how many rows a part has: enough work that to hand it over costs
// little, in pieces that several activations find in the cache.
const partRows = 64

type job struct {
	y   []float32
	ldy int
	w   *Matrix
	x   *Activations
	n   int
}

var jobs cpu.FreeList[job]

// Part implements cpu.Task.
func (j *job) Part(i int) {
	w := j.w
	first := i * partRows
	rows := min(partRows, w.Rows-first)
	p := products{w: w.Data[first*w.stride():], stride: w.stride(), blocks: w.Cols / Size, rows: rows}
	for k := range j.n {
		p.x, p.scales, p.y = j.x.Quants[k*w.Cols:], j.x.Scales[k*p.blocks*2:], j.y[k*j.ldy+first:]
		switch w.Kind {
		case Q80:
			dotsQ80(&p)
		case Q40:
			dotsQ40(&p)
		case Q41:
			dotsQ41(&p)
		}
	}
}

// products is the work of a kernel: rows of weights with one of activations.
type products struct {
	w                    []byte
	stride, blocks, rows int
	x                    []int8
	scales, y            []float32
}
