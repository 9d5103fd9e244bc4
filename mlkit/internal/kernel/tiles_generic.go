//go:build !amd64 || noasm

package kernel

func (t *tiles) run()  { tilesGo(t) }
func (t *tiles) dots() { dotsGo(t) }

func transposeBlock(dst, src []float32, ld, rows, n, stride int) {
	transposeGo(dst, src, ld, rows, n, stride)
}

func copyRowsBlock(dst, src []float32, ld, width, n, stride int) {
	copyRowsGo(dst, src, ld, width, n, stride)
}
