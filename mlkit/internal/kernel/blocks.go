package kernel

// blocks describes planes of short rows that lie in two places at different
// strides.
type blocks struct {
	width, rows, planes int // floats of a row, rows of a plane; 0 planes mean 1
	srcRow, srcPlane    int // from one row, one plane to the next
	dstRow, dstPlane    int
}

// copyBlocks copies the rows from src to dst.
func copyBlocks(dst, src []float32, b blocks) {
	if b.fits(dst, src) {
		copyBlocksCPU(dst, src, &b)
	}
}

// addBlocks adds the rows of src to those of dst.
func addBlocks(dst, src []float32, b blocks) {
	if b.fits(dst, src) {
		addBlocksCPU(dst, src, &b)
	}
}

// fits fills in the default, panics if rows lie outside the slices, and
// reports whether there is anything to do.
func (b *blocks) fits(dst, src []float32) bool {
	b.planes = max(b.planes, 1)
	if b.width <= 0 || b.rows <= 0 {
		return false
	}
	_ = dst[(b.planes-1)*b.dstPlane+(b.rows-1)*b.dstRow+b.width-1]
	_ = src[(b.planes-1)*b.srcPlane+(b.rows-1)*b.srcRow+b.width-1]
	return true
}

func copyBlocksGo(dst, src []float32, b *blocks) {
	for p := range b.planes {
		for r := range b.rows {
			copy(dst[p*b.dstPlane+r*b.dstRow:][:b.width], src[p*b.srcPlane+r*b.srcRow:])
		}
	}
}

func addBlocksGo(dst, src []float32, b *blocks) {
	for p := range b.planes {
		for r := range b.rows {
			s := src[p*b.srcPlane+r*b.srcRow:]
			for i, v := range dst[p*b.dstPlane+r*b.dstRow:][:b.width] {
				dst[p*b.dstPlane+r*b.dstRow+i] = v + s[i]
			}
		}
	}
}
