package rowwise

import (
	"fmt"
	"slices"

	"descent/mlkit/internal/kernel/cpu"
)

// Lists are lists of rows that lie one after the other: list i is At[First[i]]
// to At[First[i+1]-1]. To, if given, says which row of the result belongs to a
// list; no two are the same.
type Lists struct{ At, First, To []int32 }

// AddLists adds to each list's row of dst the rows of x that the list names, in
// its order; beyond 4096 of them in blocks of 512. Rows have cols elements.
func AddLists(dst, x []float32, l Lists, cols int) {
	if len(l.First) == 0 || int(l.First[len(l.First)-1]) != len(l.At) {
		panic(fmt.Sprintf("kernel: AddLists: the lists do not end at the %d rows named", len(l.At)))
	}
	if cols == 0 {
		return
	}
	j := newRowJob(addListsPart)
	j.X[0], j.X[1], j.Cols, j.More.lists = dst, x, cols, l
	j.Parallel(len(l.At), rowsAtATime(rowGrain, cols))
}

// addListsPart does the lists that begin within lo…hi−1 of all rows named, so
// that parts are alike whatever the lists are.
func addListsPart(j *rowJob, lo, hi int) {
	l, cols := j.More.lists, j.Cols
	i, _ := slices.BinarySearch(l.First, int32(lo))
	for ; i+1 < len(l.First) && int(l.First[i]) < hi; i++ {
		at := l.At[l.First[i]:l.First[i+1]]
		if len(at) == 0 {
			continue
		}
		to := i
		if l.To != nil {
			to = int(l.To[i])
		}
		dst := j.X[0][to*cols : to*cols+cols]
		if len(at) <= fewRows {
			addRowsAt(dst, j.X[1], at)
			continue
		}
		sumColumns(dst, nil, len(at), func(dst, _ []float32, first, n int) {
			addRowsAt(dst, j.X[1], at[first:first+n])
		})
	}
}

// TakeRows makes row i of dst row at[i] of x. Rows have cols elements.
func TakeRows(dst, x []float32, at []int32, cols int) {
	cpu.CheckLen("TakeRows", "dst", len(at)*cols, len(dst))
	if len(dst) == 0 {
		return
	}
	if cols == 1 {
		for i, r := range at {
			dst[i] = x[r]
		}
		return
	}
	j := newRowJob(takeRowsPart)
	j.X[0], j.X[1], j.Cols, j.More.lists.At = dst, x, cols, at
	j.Parallel(len(at), rowsAtATime(cpu.Grain/2, cols))
}

func takeRowsPart(j *rowJob, lo, hi int) {
	dst, x, cols := j.X[0], j.X[1], j.Cols
	for i := lo; i < hi; i++ {
		r := int(j.More.lists.At[i])
		copy(dst[i*cols:i*cols+cols], x[r*cols:r*cols+cols])
	}
}
