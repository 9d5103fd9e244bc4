package int8

import "math"

// tiles is the work of one call of the innermost kernel: rows of sums, over one
// to four panels of weights.
type tiles struct {
	a     []uint8
	wide  []int16 // a in 16 bits, where the path wants it
	b     []int8
	c     []int32 // at most 64 columns
	rows  int
	lda   int // bytes from one row of a to the next
	ldc   int // sums from one row of c to the next
	segs  int // pieces of a row
	apart int // bytes from one piece to the next
	// groups is the number of fours in a piece.
	groups int
	panels int // 1 to 4
	ldb    int // bytes from one panel to the next
}

// sums computes c.
func sumsGo(t *tiles) {
	for r := range t.rows {
		row := t.c[r*t.ldc:][:t.panels*Columns]
		for p := range t.panels {
			var acc [Columns]int32
			b := t.b[p*t.ldb:]
			for s := range t.segs {
				a := t.a[r*t.lda+s*t.apart:][:4*t.groups]
				for g := 0; g < len(a); g += 4 {
					a0, a1, a2, a3 := int32(a[g]), int32(a[g+1]), int32(a[g+2]), int32(a[g+3])
					four := (*[4 * Columns]int8)(b)
					for c := range acc {
						acc[c] += a0*int32(four[4*c]) + a1*int32(four[4*c+1]) +
							a2*int32(four[4*c+2]) + a3*int32(four[4*c+3])
					}
					b = b[4*Columns:]
				}
			}
			copy(row[p*Columns:], acc[:])
		}
	}
}

// finish is what becomes of sums: rows of whole panels.
type finish struct {
	c           []int32
	rows, cols  int // cols is a multiple of Columns
	ldc, ldy    int
	minus       []int32   // subtracted from each row
	scale, bias []float32 // multiplied, then added
	low, high   float32   // of a result, before zero is added
	zero        int32
	bytes       []uint8   // the result of toBytes
	floats      []float32 // the result of toFloats
}

// toBytes makes bytes of sums.
func toBytesGo(f *finish) {
	for r := range f.rows {
		c, y := f.c[r*f.ldc:][:f.cols], f.bytes[r*f.ldy:][:f.cols]
		for i, v := range c {
			x := float32(float32(v-f.minus[i])*f.scale[i]) + f.bias[i]
			y[i] = toByte(x, f.low, f.high, f.zero)
		}
	}
}

// toByte rounds x, half to even, within bounds, and adds zero. NaN is low.
func toByte(x, low, high float32, zero int32) uint8 {
	if !(x > low) {
		x = low
	}
	if !(x < high) {
		x = high
	}
	return uint8(int32(math.RoundToEven(float64(x))) + zero)
}

// toFloats makes floats of sums. Of a result, NaN stays NaN.
func toFloatsGo(f *finish) {
	for r := range f.rows {
		c, y := f.c[r*f.ldc:][:f.cols], f.floats[r*f.ldy:][:f.cols]
		for i, v := range c {
			x := float32(float32(v-f.minus[i])*f.scale[i]) + f.bias[i]
			if f.low > x {
				x = f.low
			}
			y[i] = x
		}
	}
}

// quantizeBlocks makes bytes of floats, and reports whether none of them was
// NaN.
func quantizeBlocksGo(dst []uint8, src []float32, inverse, low, high float32, zero int32) (ok bool) {
	ok = true
	for i, v := range src {
		ok = ok && v == v
		dst[i] = toByte(float32(v*inverse), low, high, zero)
	}
	return ok
}

// extentBlocks widens lo and hi to those of x, and reports whether none was
// NaN.
func extentBlocksGo(x []float32, bounds *[2]float32) (ok bool) {
	ok = true
	for _, v := range x {
		ok = ok && v == v
		if v < bounds[0] {
			bounds[0] = v
		}
		if v > bounds[1] {
			bounds[1] = v
		}
	}
	return ok
}

// widenBlocks makes words of bytes.
func widenBlocksGo(dst []int16, src []uint8) {
	for i, v := range src {
		dst[i] = int16(v)
	}
}

// largest leaves, of each pair of rows of c and the pair that is below elements
// behind, the largest.
func largestGo(c []int32, pairs, cols, below int) {
	for p := range pairs {
		left, right := c[2*p*cols:][:cols], c[(2*p+1)*cols:][:cols]
		for i := range cols {
			c[p*cols+i] = max(left[i], right[i], c[2*p*cols+below+i], c[(2*p+1)*cols+below+i])
		}
	}
}

// largerBlocks raises dst to src.
func largerBlocksGo(dst, src []uint8) {
	for i, v := range src {
		dst[i] = max(dst[i], v)
	}
}

// nibbles makes floats of groups of 32 numbers of 4 bits: the lower halves of
// 16 bytes, then the upper ones, less 8 and times the group's scale.
func nibblesGo(dst []float32, src []uint8, scales []float32) {
	for g, scale := range scales {
		for i, b := range src[16*g : 16*g+16] {
			dst[32*g+i] = float32(int32(b&15)-8) * scale
			dst[32*g+16+i] = float32(int32(b>>4)-8) * scale
		}
	}
}
