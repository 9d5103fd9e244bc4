package kernel

import "fmt"

// BytesToFloats computes dst = src*scale + shift (pixels to network inputs).
func BytesToFloats(dst []float32, src []byte, scale, shift float32) {
	checkLen("BytesToFloats", "src", len(dst), len(src))
	if len(dst) <= elemGrain {
		bytesToFloats(dst, src, scale, shift)
		return
	}
	j := getJob((*job).bytesPart)
	j.x[0], j.bytes, j.s, j.t = dst, src, scale, shift
	j.parallel(len(dst), elemGrain)
}

func (j *job) bytesPart(lo, hi int) {
	bytesToFloats(j.at(0, lo, hi), j.bytes[lo:hi], j.s, j.t)
}

// Transpose writes src, rows x cols, to dst, cols x rows. They may not overlap.
func Transpose(dst, src []float32, rows, cols int) {
	checkLen("Transpose", "dst", len(src), len(dst))
	TransposeWide(dst, src, rows, cols, rows)
}

// TransposeWide is Transpose to rows that are ld elements apart. What is between them stays.
func TransposeWide(dst, src []float32, rows, cols, ld int) {
	if n, ok := volume(rows, cols); !ok || len(src) != n {
		panic(fmt.Sprintf("kernel: Transpose: src has %d elements, want %d x %d", len(src), rows, cols))
	}
	if ld < rows || cols > 0 && len(dst) < (cols-1)*ld+rows {
		panic(fmt.Sprintf("kernel: Transpose: dst has %d elements, too few for %d rows of %d that are %d apart", len(dst), cols, rows, ld))
	}
	if len(src) <= elemGrain || rows < 2*transposeBand {
		transpose(dst, src, cols, rows, cols, ld)
		return
	}
	j := getJob((*job).transposePart)
	j.x[0], j.x[1], j.cols, j.size = dst, src, cols, ld
	j.parallel((rows+transposeBand-1)/transposeBand, 1)
}

// transposeBand is the number of rows a worker takes at a time: a few lines of the cache in dst.
const transposeBand = 64

func (j *job) transposePart(lo, hi int) {
	rows := len(j.x[1]) / j.cols
	lo, hi = lo*transposeBand, min(hi*transposeBand, rows)
	transpose(j.x[0][lo:], j.x[1][lo*j.cols:], j.cols, hi-lo, j.cols, j.size)
}
