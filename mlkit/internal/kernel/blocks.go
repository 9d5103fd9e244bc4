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

// copyEven copies every second element of src, from the first on.
func copyEven(dst, src []float32, b blocks) {
	if b.fitsEven(dst, src, 1, 2) {
		copyEvenCPU(dst, src, &b)
	}
}

// addEven adds the rows of src to every second element of dst, from the first
// on.
func addEven(dst, src []float32, b blocks) {
	if b.fitsEven(dst, src, 2, 1) {
		addEvenCPU(dst, src, &b)
	}
}

// fits fills in the default, panics if rows lie outside the slices, and
// reports whether there is anything to do.
func (b *blocks) fits(dst, src []float32) bool { return b.fitsEven(dst, src, 1, 1) }

// fitsEven is fits for rows whose elements are some way apart.
func (b *blocks) fitsEven(dst, src []float32, dstStep, srcStep int) bool {
	b.planes = max(b.planes, 1)
	if b.width <= 0 || b.rows <= 0 {
		return false
	}
	_ = dst[(b.planes-1)*b.dstPlane+(b.rows-1)*b.dstRow+(b.width-1)*dstStep]
	_ = src[(b.planes-1)*b.srcPlane+(b.rows-1)*b.srcRow+(b.width-1)*srcStep]
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

func copyEvenGo(dst, src []float32, b *blocks) {
	for p := range b.planes {
		for r := range b.rows {
			s := src[p*b.srcPlane+r*b.srcRow:]
			d := dst[p*b.dstPlane+r*b.dstRow:][:b.width]
			for i := range d {
				d[i] = s[2*i]
			}
		}
	}
}

func addEvenGo(dst, src []float32, b *blocks) {
	for p := range b.planes {
		for r := range b.rows {
			d := dst[p*b.dstPlane+r*b.dstRow:]
			for i, v := range src[p*b.srcPlane+r*b.srcRow:][:b.width] {
				d[2*i] += v
			}
		}
	}
}
