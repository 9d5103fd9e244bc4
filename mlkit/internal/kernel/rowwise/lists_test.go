package rowwise

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

func TestLists(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, cols := range []int{1, 3, 8, 17, 64, 100, 200} {
			const rows = 700
			x := kerneltest.RandomSlice(r, rows*cols)
			l := Lists{First: []int32{0}}
			for _, n := range []int{0, 1, 2, 0, 5, 700, 5000, 0} { // more than 4096 go in blocks
				for range n {
					l.At = append(l.At, int32(r.IntN(rows)))
				}
				l.First = append(l.First, int32(len(l.At)))
			}
			lists := len(l.First) - 1
			for _, to := range [][]int32{nil, {3, 9, 0, 1, 2, 11, 4, 5}} {
				l.To = to
				dst, ok := kerneltest.Guarded(r, 12*cols, 0)
				want := kerneltest.Doubles(dst)
				for i := range lists {
					k := i
					if to != nil {
						k = int(to[i])
					}
					for _, a := range l.At[l.First[i]:l.First[i+1]] {
						for c := range cols {
							want[k*cols+c] += float64(x[int(a)*cols+c])
						}
					}
				}
				AddLists(dst, x, l, cols)
				kerneltest.Near(t, fmt.Sprint("cols ", cols), dst, want, 8, 700)
				ok(t, "lists")
			}
			got := make([]float32, len(l.At)*cols)
			TakeRows(got, x, l.At, cols)
			for i, a := range l.At {
				kerneltest.SameBits(t, "row", got[i*cols:(i+1)*cols], x[int(a)*cols:(int(a)+1)*cols])
			}
		}
		AddLists(nil, nil, Lists{First: []int32{0, 0}}, 4)
	})
	kerneltest.MustPanic(t, "lists that do not end", func() {
		AddLists(make([]float32, 2), make([]float32, 2), Lists{At: []int32{0}, First: []int32{0, 0}}, 2)
	})
}

// The bits are those of the rows one after another, at any number of workers.
func TestListsBits(t *testing.T) {
	kerneltest.Variants(t, "lists", func() [][]float32 {
		r := rand.New(rand.NewPCG(7, 8))
		x, l := kerneltest.RandomSlice(r, 500*33), Lists{First: []int32{0}}
		for i := range 300 {
			for range i % 40 {
				l.At = append(l.At, int32(r.IntN(500)))
			}
			l.First = append(l.First, int32(len(l.At)))
		}
		dst := kerneltest.RandomSlice(r, 300*33)
		want := make([]float32, len(dst))
		copy(want, dst)
		for i := range 300 {
			for _, a := range l.At[l.First[i]:l.First[i+1]] {
				for c := range 33 {
					want[i*33+c] += x[int(a)*33+c]
				}
			}
		}
		AddLists(dst, x, l, 33)
		kerneltest.SameBits(t, "in order", dst, want)
		return [][]float32{dst}
	})
}
