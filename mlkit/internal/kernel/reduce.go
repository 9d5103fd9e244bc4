package kernel

import "fmt"

// Sum returns the sum of x. It runs in 64 lanes, and beyond 32,768 elements in equal parts, so an
// error grows with about the 500th part of the length.
func Sum(x []float32) float32 {
	if len(x) <= elemGrain {
		return sum(x)
	}
	j := getJob((*job).sumPart)
	j.x[0] = x
	return j.reduce(len(x), elemGrain)
}

func (j *job) sumPart(lo, hi int) { j.partDone(lo, sum(j.at(0, lo, hi))) }

// SumSquares returns the sum of the squares of x.
func SumSquares(x []float32) float32 { return Dot(x, x) }

// Dot returns the sum of a[i]*b[i], added up like Sum.
func Dot(a, b []float32) float32 {
	checkLen("Dot", "the second input", len(a), len(b))
	if len(a) <= elemGrain {
		return dot(a, b)
	}
	j := getJob((*job).dotPart)
	j.x[0], j.x[1] = a, b
	return j.reduce(len(a), elemGrain)
}

func (j *job) dotPart(lo, hi int) { j.partDone(lo, dot(j.at(0, lo, hi), j.at(1, lo, hi))) }

// ArgMax returns the index of the first largest element; a NaN counts as the largest, as in
// PyTorch and NumPy. It panics if x is empty.
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

// rowsOf returns how many rows of cols elements n elements make.
func rowsOf(op string, n, cols int) int {
	if cols <= 0 || n%cols != 0 {
		badRows(op, n, cols)
	}
	return n / cols
}

//go:noinline
func badRows(op string, n, cols int) {
	panic(fmt.Sprintf("kernel: %s: %d elements are not rows of %d", op, n, cols))
}

// AddRows adds the sums of the columns of x to dst: dst[j] += sum over i of x[i*cols+j], from the
// first row to the last (the gradient of a bias), beyond 4096 rows in blocks of 512.
func AddRows(dst, x []float32, cols int) {
	checkLen("AddRows", "dst", cols, len(dst))
	if len(x) > 0 {
		AddRowsWide(dst, x, rowsOf("AddRows", len(x), cols), cols)
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
	if rows*cols <= 2*elemGrain || cols < 128 {
		addColumns(dst, x, rows, ld)
		return
	}
	j := getJob((*job).addRowsPart)
	j.x[0], j.x[1], j.cols, j.size = dst, x, ld, rows
	j.parallel(cols, 64)
}

func (j *job) addRowsPart(lo, hi int) {
	addColumns(j.x[0][lo:hi], j.x[1][lo:], j.size, j.cols)
}

// addColumns adds the sums of len(dst) columns of rows rows, ld apart.
func addColumns(dst, x []float32, rows, ld int) {
	sumColumns(dst, nil, rows, func(dst, _ []float32, first, rows int) {
		addRows(dst, x[first*ld:], rows, ld, len(dst))
	})
}

// SumRows computes the sums of the rows of x: dst[i] = sum over j of x[i*cols+j].
func SumRows(dst, x []float32, cols int) {
	checkLen("SumRows", "dst", rowsOf("SumRows", len(x), cols), len(dst))
	n := rowsAtATime(elemGrain, cols)
	if len(dst) <= n {
		sumRows(dst, x, cols)
		return
	}
	j := getJob((*job).sumRowsPart)
	j.x[0], j.x[1], j.cols = dst, x, cols
	j.parallel(len(dst), n)
}

func (j *job) sumRowsPart(lo, hi int) { sumRows(j.at(0, lo, hi), j.rows(1, lo, hi), j.cols) }

func sumRows(dst, x []float32, cols int) {
	for i := range dst {
		dst[i] = float32(longSum(x[i*cols : i*cols+cols]))
	}
}
