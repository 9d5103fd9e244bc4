package rowwise

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
)

// Sum returns the sum of x. It runs in 64 lanes, and beyond 32,768 elements in
// equal parts, so an error grows with about the 500th part of the length.
func Sum(x []float32) float32 {
	if len(x) <= cpu.Grain {
		return sum(x)
	}
	j := newRowJob(sumPart)
	j.X[0] = x
	return j.Reduce(len(x), cpu.Grain)
}

func sumPart(j *rowJob, lo, hi int) { j.PartDone(lo, sum(j.At(0, lo, hi))) }

// SumSquares returns the sum of the squares of x.
func SumSquares(x []float32) float32 { return Dot(x, x) }

// Dot returns the sum of a[i]*b[i], added up like Sum.
func Dot(a, b []float32) float32 {
	cpu.CheckLen("Dot", "the second input", len(a), len(b))
	if len(a) <= cpu.Grain {
		return dot(a, b)
	}
	j := newRowJob(dotPart)
	j.X[0], j.X[1] = a, b
	return j.Reduce(len(a), cpu.Grain)
}

func dotPart(j *rowJob, lo, hi int) { j.PartDone(lo, dot(j.At(0, lo, hi), j.At(1, lo, hi))) }

// ArgMax returns the index of the first largest element; a NaN counts as the
// largest, as in PyTorch and NumPy. It panics if x is empty.
func ArgMax(x []float32) int {
	if len(x) == 0 {
		panic("kernel: ArgMax: the input is empty")
	}
	best := 0
	for i, v := range x {
		if v != v {
			return i
		}
		if v > x[best] {
			best = i
		}
	}
	return best
}

// AddRows adds the sums of the columns of x to dst: dst[j] += sum over i of
// x[i*cols+j], from the first row to the last (the gradient of a bias), beyond
// 4096 rows in blocks of 512.
func AddRows(dst, x []float32, cols int) {
	cpu.CheckLen("AddRows", "dst", cols, len(dst))
	if len(x) > 0 {
		AddRowsWide(dst, x, cpu.RowsOf("AddRows", len(x), cols), cols)
	}
}

// AddRowsWide is AddRows for rows of len(dst) elements that are ld apart.
func AddRowsWide(dst, x []float32, rows, ld int) {
	cols := len(dst)
	if rows == 0 || cols == 0 {
		return
	}
	if rows < 0 || ld < cols || len(x) < (rows-1)*ld+cols {
		panic(fmt.Sprintf("kernel: AddRows: %d elements are too few for %d rows of %d that are %d apart", len(x), rows, cols, ld))
	}
	if rows*cols <= 2*cpu.Grain || cols < 128 {
		addColumns(dst, x, rows, ld)
		return
	}
	j := newRowJob(addRowsPart)
	j.X[0], j.X[1], j.Cols, j.Size = dst, x, ld, rows
	j.Parallel(cols, 64)
}

func addRowsPart(j *rowJob, lo, hi int) {
	addColumns(j.X[0][lo:hi], j.X[1][lo:], j.Size, j.Cols)
}

// addColumns adds the sums of len(dst) columns of rows rows, ld apart.
func addColumns(dst, x []float32, rows, ld int) {
	if rows <= fewRows { // small networks feel each call
		addRows(dst, x, rows, ld)
		return
	}
	sumColumns(dst, nil, rows, func(dst, _ []float32, first, rows int) {
		addRows(dst, x[first*ld:], rows, ld)
	})
}

// SumRows computes the sums of the rows of x: dst[i] = sum over j of
// x[i*cols+j].
func SumRows(dst, x []float32, cols int) {
	cpu.CheckLen("SumRows", "dst", cpu.RowsOf("SumRows", len(x), cols), len(dst))
	n := rowsAtATime(cpu.Grain, cols)
	if len(dst) <= n {
		sumRows(dst, x, cols)
		return
	}
	j := newRowJob(sumRowsPart)
	j.X[0], j.X[1], j.Cols = dst, x, cols
	j.Parallel(len(dst), n)
}

func sumRowsPart(j *rowJob, lo, hi int) { sumRows(j.At(0, lo, hi), j.Rows(1, lo, hi), j.Cols) }

func sumRows(dst, x []float32, cols int) {
	for i := range dst {
		dst[i] = float32(LongSum(x[i*cols : i*cols+cols]))
	}
}
