package kernel

import (
	"math"
	"sync"
)

// The random numbers are counter-based: Philox-4x32-10 (Salmon et al., Parallel Random Numbers: As
// Easy as 1, 2, 3, 2011). A number depends on its key and its index alone, so it does not matter who
// draws it, in which order or in how many pieces.
//
// Elements are numbered in blocks of 64: element 64b + 16w + l is word w of the counter 16b + l.
// So vector code runs 16 counters side by side and stores whole words.

const philoxBlock = 64

// key names a stream: the two words of Philox's key and the upper three of its counter.
type key struct{ k0, k1, c1, c2, c3 uint32 }

func newKey(seed, step, op uint64) key {
	// Philox takes 64 bits of key and 128 of counter; 32 count the elements. The upper half of op
	// finds no room beside it and is mixed into the key.
	seed += (op >> 32) * 0x9e3779b97f4a7c15
	return key{uint32(seed), uint32(seed >> 32), uint32(op), uint32(step), uint32(step >> 32)}
}

func (k key) words(c0 uint32) (a, b, c, d uint32) {
	const m0, m1, w0, w1 = 0xd2511f53, 0xcd9e8d57, 0x9e3779b9, 0xbb67ae85
	a, b, c, d = c0, k.c1, k.c2, k.c3
	k0, k1 := k.k0, k.k1
	for range 10 {
		p, q := uint64(a)*m0, uint64(c)*m1
		a, b, c, d = uint32(q>>32)^b^k0, uint32(q), uint32(p>>32)^d^k1, uint32(p)
		k0, k1 = k0+w0, k1+w1
	}
	return
}

// bits fills out with the 24 upper bits of the elements of block b.
func (k key) bits(out *[philoxBlock]int32, b uint64) {
	for l := range 16 {
		w0, w1, w2, w3 := k.words(uint32(b)*16 + uint32(l))
		out[l], out[16+l], out[32+l], out[48+l] = int32(w0>>8), int32(w1>>8), int32(w2>>8), int32(w3>>8)
	}
}

// bitBlocks keeps forBits free of allocation: f is unknown, so its argument cannot live on the stack.
var bitBlocks = sync.Pool{New: func() any { return new([philoxBlock]int32) }}

// forBits calls f for the pieces of n elements that start at offset in the stream: lo is where the
// piece starts in the caller's slice.
func (k key) forBits(n int, offset uint64, f func(lo int, bits []int32)) {
	buf := bitBlocks.Get().(*[philoxBlock]int32)
	defer bitBlocks.Put(buf)
	for lo := 0; lo < n; {
		at := offset + uint64(lo)
		k.bits(buf, at/philoxBlock)
		piece := buf[at%philoxBlock:]
		piece = piece[:min(len(piece), n-lo)]
		f(lo, piece)
		lo += len(piece)
	}
}

// Uniform fills dst with numbers from [0, 1), multiples of 2^-24: dst[i] is element offset+i of the
// stream (seed, stream). A stream has 2^34 elements.
func Uniform(dst []float32, seed, stream, offset uint64) {
	newKey(seed, 0, stream).forBits(len(dst), offset, func(lo int, bits []int32) {
		for i, b := range bits {
			dst[lo+i] = float32(b) * (1.0 / (1 << 24))
		}
	})
}

// Normal fills dst with normally distributed numbers, mean 0 and variance 1 (Box & Muller, 1958):
// dst[i] is element offset+i of the stream (seed, stream), which has 2^34 elements.
func Normal(dst []float32, seed, stream, offset uint64) {
	k := newKey(seed, 1<<63, stream) // apart from Uniform's numbers of the same stream
	var buf [philoxBlock]int32
	for lo := 0; lo < len(dst); {
		at := offset + uint64(lo)
		k.bits(&buf, at/philoxBlock)
		start := int(at % philoxBlock)
		n := min(philoxBlock-start, len(dst)-lo)
		for i := range n {
			// Words 0 and 1 of a counter make one pair, 2 and 3 the other.
			e := start + i
			first := e &^ 16
			r := math.Sqrt(-2 * math.Log((float64(buf[first])+1)*(1.0/(1<<24))))
			s, c := math.Sincos(2 * math.Pi / (1 << 24) * float64(buf[first+16]))
			if e == first {
				dst[lo+i] = float32(r * c)
			} else {
				dst[lo+i] = float32(r * s)
			}
		}
		lo += n
	}
}

// Dropout keeps each element of x with probability keep (a multiple of 2^-24, 0 < keep <= 1) and
// divides it by keep, or else writes 0. Whether element i is kept depends on (seed, step, op, i)
// only. mask, unless nil, gets 1/keep or 0. dst may be x.
func Dropout(dst, mask, x []float32, keep float32, seed, step, op uint64) {
	checkLen("Dropout", "x", len(dst), len(x))
	if mask != nil {
		checkLen("Dropout", "mask", len(dst), len(mask))
	}
	limit := dropoutLimit("Dropout", keep)
	scale := 1 / keep
	newKey(seed, step, op).forBits(len(dst), 0, func(lo int, bits []int32) {
		for i, b := range bits {
			var s, v float32
			if b < limit {
				s, v = scale, x[lo+i]*scale
			}
			dst[lo+i] = v
			if mask != nil {
				mask[lo+i] = s
			}
		}
	})
}

// DropoutGrad adds dy/keep to dx where Dropout with the same arguments kept the element: the mask
// is drawn again instead of kept.
func DropoutGrad(dx, dy []float32, keep float32, seed, step, op uint64) {
	checkLen("DropoutGrad", "dy", len(dx), len(dy))
	limit := dropoutLimit("DropoutGrad", keep)
	scale := 1 / keep
	newKey(seed, step, op).forBits(len(dx), 0, func(lo int, bits []int32) {
		for i, b := range bits {
			if b < limit {
				dx[lo+i] += dy[lo+i] * scale
			}
		}
	})
}

func dropoutLimit(op string, keep float32) int32 {
	if !(keep > 0 && keep <= 1) {
		panic("kernel: " + op + ": keep must be in (0, 1]")
	}
	return int32(keep * (1 << 24))
}
