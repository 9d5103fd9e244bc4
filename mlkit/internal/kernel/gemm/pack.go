package gemm

// packA copies rows of op(A), m×k, into panels as column expects them: for
// each tile, k times its rows. Element (i, k) is at src[i·ld+k], with trans at
// src[k·ld+i].
func packA(s *tileShape, dst, src []float32, ld int, trans bool, m, k int) {
	n := (m + s.rows - 1) / s.rows
	rows, more := m/n, m%n
	if trans {
		high := more * (rows + 1)
		panels(dst, src, rows+1, more, k, ld)
		panels(dst[high*k:], src[high:], rows, n-more, k, ld)
		return
	}
	for i := range n {
		r := rows
		if i < more {
			r++
		}
		TransposeStrided(dst, src, ld, r, k, r)
		src = src[min(r*ld, len(src)):]
		dst = dst[r*k:]
	}
}

// packB copies cols columns of op(B) from column j on, rows k to k+rows, into
// panels as wide as a tile.
func (g *Gemm) packB(s *tileShape, dst, b []float32, j, k, cols, rows int) {
	if g.TransB {
		for ; cols > 0; cols -= s.cols {
			TransposeStrided(dst, b[j*g.LDB+k:], g.LDB, min(s.cols, cols), rows, s.cols)
			dst, j = dst[min(s.cols*rows, len(dst)):], j+s.cols
		}
		return
	}
	b = b[k*g.LDB+j:]
	full := cols / s.cols
	panels(dst, b, s.cols, full, rows, g.LDB)
	if at := full * s.cols; at < cols {
		CopyBlocks(dst[at*rows:], b[at:], Blocks{Width: cols - at, Rows: rows, SrcRow: g.LDB, DstRow: s.cols})
	}
}

// panels deals k rows of src, ld apart, out to count panels, one after the
// other in dst: of each row, panel i takes width elements from i·width on, at
// most two vectors.
func panels(dst, src []float32, width, count, k, ld int) {
	if count == 0 || k == 0 {
		return
	}
	_, _ = dst[width*count*k-1], src[(k-1)*ld+width*count-1]
	for count > 0 {
		n := min(count, panelsAtOnce)
		packRows(dst, src, width, n, k, ld)
		if count -= n; count > 0 {
			dst, src = dst[n*width*k:], src[n*width:]
		}
	}
}

// panelsAtOnce is how many panels are filled side by side. They often lie a
// multiple of a page apart, 512 rows of 6 floats for example, and then compete
// for one set of the first-level cache, which holds 8 or 12 lines.
const panelsAtOnce = 8

func packRowsGo(dst, src []float32, width, count, k, ld int) {
	for i := range k {
		for p := range count {
			copy(dst[(p*k+i)*width:][:width], src[i*ld+p*width:])
		}
	}
}
