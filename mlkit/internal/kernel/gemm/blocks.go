package gemm

// Blocks describes planes of short rows that lie in two places at different
// strides.
type Blocks struct {
	Width, Rows, Planes int // floats of a row, rows of a plane; 0 planes mean 1
	SrcRow, SrcPlane    int // from one row, one plane to the next
	DstRow, DstPlane    int
}

// CopyBlocks copies the rows from src to dst.
func CopyBlocks(dst, src []float32, b Blocks) {
	if b.fits(dst, src) {
		blocksCopy(dst, src, &b)
	}
}

// AddBlocks adds the rows of src to those of dst.
func AddBlocks(dst, src []float32, b Blocks) {
	if b.fits(dst, src) {
		blocksAdd(dst, src, &b)
	}
}

// CopyEven copies every second element of src, from the first on.
func CopyEven(dst, src []float32, b Blocks) {
	if b.fitsEven(dst, src, 1, 2) {
		evenCopy(dst, src, &b)
	}
}

// AddEven adds the rows of src to every second element of dst, from the first
// on.
func AddEven(dst, src []float32, b Blocks) {
	if b.fitsEven(dst, src, 2, 1) {
		evenAdd(dst, src, &b)
	}
}

// fits fills in the default, panics if rows lie outside the slices, and
// reports whether there is anything to do.
func (b *Blocks) fits(dst, src []float32) bool { return b.fitsEven(dst, src, 1, 1) }

// fitsEven is fits for rows whose elements are some way apart.
func (b *Blocks) fitsEven(dst, src []float32, dstStep, srcStep int) bool {
	b.Planes = max(b.Planes, 1)
	if b.Width <= 0 || b.Rows <= 0 {
		return false
	}
	_ = dst[(b.Planes-1)*b.DstPlane+(b.Rows-1)*b.DstRow+(b.Width-1)*dstStep]
	_ = src[(b.Planes-1)*b.SrcPlane+(b.Rows-1)*b.SrcRow+(b.Width-1)*srcStep]
	return true
}

func blocksCopyGo(dst, src []float32, b *Blocks) {
	for p := range b.Planes {
		for r := range b.Rows {
			copy(dst[p*b.DstPlane+r*b.DstRow:][:b.Width], src[p*b.SrcPlane+r*b.SrcRow:])
		}
	}
}

func blocksAddGo(dst, src []float32, b *Blocks) {
	for p := range b.Planes {
		for r := range b.Rows {
			s := src[p*b.SrcPlane+r*b.SrcRow:]
			for i, v := range dst[p*b.DstPlane+r*b.DstRow:][:b.Width] {
				dst[p*b.DstPlane+r*b.DstRow+i] = v + s[i]
			}
		}
	}
}

func evenCopyGo(dst, src []float32, b *Blocks) {
	for p := range b.Planes {
		for r := range b.Rows {
			s := src[p*b.SrcPlane+r*b.SrcRow:]
			d := dst[p*b.DstPlane+r*b.DstRow:][:b.Width]
			for i := range d {
				d[i] = s[2*i]
			}
		}
	}
}

func evenAddGo(dst, src []float32, b *Blocks) {
	for p := range b.Planes {
		for r := range b.Rows {
			d := dst[p*b.DstPlane+r*b.DstRow:]
			for i, v := range src[p*b.SrcPlane+r*b.SrcRow:][:b.Width] {
				d[2*i] += v
			}
		}
	}
}
