package gemm

// portableCols is the width of the tiles of runTilesGo.
const portableCols = 128

// runTilesGo computes a column of tiles. Each element of C is one chain: it
// starts from 0 or from C, and adds the products in the order of k.
func runTilesGo(t *tiles) {
	top := t.row
	for ; t.count > 0; t.count-- {
		for r := range t.rows {
			c := t.c[(t.row-top+r)*t.ldc:][:t.width]
			var room [portableCols]float32
			before := room[:0]
			if t.flags&flagAdd != 0 {
				before = append(before, c...)
			}
			if t.flags&flagLoad == 0 {
				clear(c)
			}
			// Four k at a time spare three of four passes over C.
			a, b, k := t.a[t.off+r*t.rsA:], t.b, 0
			for ; k+4 <= t.k; k += 4 {
				a0, a1, a2, a3 := a[k*t.csA], a[(k+1)*t.csA], a[(k+2)*t.csA], a[(k+3)*t.csA]
				b0, b1, b2, b3 := b[k*t.ldb:][:len(c)], b[(k+1)*t.ldb:][:len(c)],
					b[(k+2)*t.ldb:][:len(c)], b[(k+3)*t.ldb:][:len(c)]
				for j, x := range c {
					c[j] = x + a0*b0[j] + a1*b1[j] + a2*b2[j] + a3*b3[j]
				}
			}
			for ; k < t.k; k++ {
				x, b := a[k*t.csA], b[k*t.ldb:][:len(c)]
				for j := range c {
					c[j] += x * b[j]
				}
			}
			t.finish(c, before, r)
		}
		t.off += t.nextA
		t.row += t.rows
	}
}

// runListedGo is runTilesGo for an A whose elements of a row lie where at says.
func runListedGo(t *tiles) {
	top := t.row
	for ; t.count > 0; t.count-- {
		for r := range t.rows {
			c := t.c[(t.row-top+r)*t.ldc:][:t.width]
			if t.flags&flagLoad == 0 {
				clear(c)
			}
			a := t.a[t.off+r*t.rsA:]
			for k, at := range t.at[:t.k] {
				x, b := a[at], t.b[k*t.ldb:][:len(c)]
				for j := range c {
					c[j] += x * b[j]
				}
			}
			t.finish(c, nil, r)
		}
		t.off += t.nextA
		t.row += t.rows
	}
}

// finish does what flags ask for after the last k, on row r of a tile.
func (t *tiles) finish(c, before []float32, r int) {
	if t.flags&flagScale != 0 {
		for j := range c {
			c[j] *= t.alpha
		}
	}
	for j, b := range before {
		c[j] += b
	}
	if t.flags&flagBias != 0 {
		for j, b := range t.bias[:len(c)] {
			c[j] += b
		}
	}
	if t.flags&flagBiasRows != 0 {
		b := t.biasRows[t.row+r]
		for j := range c {
			c[j] += b
		}
	}
	if t.flags&flagReLU != 0 {
		for j, x := range c {
			c[j] = max(x, 0)
		}
	}
}

// runDotsGo computes count elements of one row of C, each from k neighbouring
// elements of a and of a row of b. They are added up in sixteen chains, and the
// chains then in a tree; with flagAdd what C holds is added last.
func runDotsGo(t *tiles) {
	a := t.a[:t.k]
	for j := range t.count {
		b := t.b[j*t.ldb:][:t.k]
		var sum [16]float32
		k := 0
		for ; k+16 <= len(a); k += 16 {
			x, y := (*[16]float32)(a[k:]), (*[16]float32)(b[k:])
			for i := range sum {
				sum[i] += x[i] * y[i]
			}
		}
		for i, x := range a[k:] {
			sum[i] += x * b[k+i]
		}
		t.finishDot(j, &sum)
	}
}

// finishDot adds up the chains of element j and does what flags ask for.
func (t *tiles) finishDot(j int, sum *[16]float32) {
	var half [8]float32
	for i := range half {
		half[i] = sum[i] + sum[i+8]
	}
	v := (half[0] + half[1]) + (half[2] + half[3]) + ((half[4] + half[5]) + (half[6] + half[7]))
	if t.flags&flagScale != 0 {
		v *= t.alpha
	}
	if t.flags&flagAdd != 0 {
		v += t.c[j]
	}
	if t.flags&flagBias != 0 {
		v += t.bias[j]
	}
	if t.flags&flagBiasRows != 0 {
		v += t.biasRows[0]
	}
	if t.flags&flagReLU != 0 {
		v = max(v, 0)
	}
	t.c[j] = v
}

func transposeBlockGo(dst, src []float32, ld, rows, n, stride int) {
	for i := range rows {
		for k, v := range src[i*ld:][:n] {
			dst[k*stride+i] = v
		}
	}
}
