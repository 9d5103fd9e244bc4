package gemm

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
)

type moveJob = cpu.Job[struct{}]

var moveJobs cpu.FreeList[moveJob]

// Transpose writes src, rows x cols, to dst, cols x rows. They may not overlap.
func Transpose(dst, src []float32, rows, cols int) {
	cpu.CheckLen("Transpose", "dst", len(src), len(dst))
	TransposeWide(dst, src, rows, cols, rows)
}

// TransposeWide is Transpose to rows that are ld elements apart. What is
// between them stays.
func TransposeWide(dst, src []float32, rows, cols, ld int) {
	if n, ok := cpu.Volume(rows, cols); !ok || len(src) != n {
		panic(fmt.Sprintf("kernel: Transpose: src has %d elements, want %d x %d", len(src), rows, cols))
	}
	if ld < rows || cols > 0 && len(dst) < (cols-1)*ld+rows {
		panic(fmt.Sprintf("kernel: Transpose: dst has %d elements, too few for %d rows of %d that are %d apart", len(dst), cols, rows, ld))
	}
	if len(src) <= cpu.Grain || rows < 2*transposeBand {
		TransposeStrided(dst, src, cols, rows, cols, ld)
		return
	}
	j := cpu.NewJob(&moveJobs, transposePart)
	j.X[0], j.X[1], j.Cols, j.Size = dst, src, cols, ld
	j.Parallel((rows+transposeBand-1)/transposeBand, 1)
}

// transposeBand is the number of rows a worker takes at a time: a few lines of
// the cache in dst.
const transposeBand = 64

func transposePart(j *moveJob, lo, hi int) {
	rows := len(j.X[1]) / j.Cols
	lo, hi = lo*transposeBand, min(hi*transposeBand, rows)
	TransposeStrided(j.X[0][lo:], j.X[1][lo*j.Cols:], j.Cols, hi-lo, j.Cols, j.Size)
}

// TransposeStrided writes rows rows of n floats, ld apart, as columns of a
// matrix whose rows are stride apart.
func TransposeStrided(dst, src []float32, ld, rows, n, stride int) {
	if rows == 0 || n == 0 {
		return
	}
	_, _ = dst[(n-1)*stride+rows-1], src[(rows-1)*ld+n-1]
	step := TileShapes[cpu.Current].transposeRows
	for i := 0; i < rows; i += step {
		transposeBlock(dst[i:], src[i*ld:], ld, min(step, rows-i), n, stride)
	}
}
