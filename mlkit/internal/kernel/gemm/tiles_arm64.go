//go:build !noasm

package gemm

// runTilesNEON does what runTilesGo does, a tile at a time in pieces of three
// vectors, of one, and of a column.
func runTilesNEON(t *tiles) {
	top := t.row
	load := t.flags & flagLoad
	for ; t.count > 0; t.count-- {
		c := t.c[(t.row-top)*t.ldc:]
		var room [12 * 8]float32
		before := room[:0]
		if t.flags&flagAdd != 0 {
			for r := range t.rows {
				before = append(before, c[r*t.ldc:][:t.width]...)
			}
		}
		for j, vecs := 0, 3; j < t.width; {
			for vecs > 0 && t.width-j < 4*vecs {
				vecs -= 1 + vecs/3 // 3, 1, 0
			}
			tileNEON(&t.a[t.off], &t.b[j], &c[j], t.k, t.rsA, t.csA, t.ldb, t.ldc, t.rows, vecs, load)
			j += max(4*vecs, 1)
		}
		if t.flags&^flagLoad != 0 {
			for r := range t.rows {
				row := before
				if len(row) > 0 {
					row = row[r*t.width:][:t.width]
				}
				t.finish(c[r*t.ldc:][:t.width], row, r)
			}
		}
		t.off += t.nextA
		t.row += t.rows
	}
}

// runDotsNEON does what runDotsGo does.
func runDotsNEON(t *tiles) {
	for j := range t.count {
		var sum [16]float32
		b := t.b[j*t.ldb:][:t.k]
		k := t.k &^ 15
		if k > 0 {
			dotNEON(&t.a[0], &b[0], k/16, &sum)
		}
		for i, y := range b[k:] {
			sum[i] += t.a[k+i] * y
		}
		t.finishDot(j, &sum)
	}
}
