//go:build !noasm

package int8

func sumsNEON(t *tiles) {
	for p := range t.panels {
		sumRowsNEON(&t.a[0], &t.b[p*t.ldb], &t.c[p*Columns], t.rows, t.lda, t.ldc, t.segs, t.apart, t.groups)
	}
}
