package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

// TestTransposeStrided checks that rows become columns at any distance, and
// that nothing between or around them is written.
func TestTransposeStrided(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		for rows := 1; rows <= 20; rows++ {
			for _, n := range []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 33} {
				for _, gap := range []int{0, 1, 5} {
					ld, stride := n+gap, rows+gap
					src, _ := kerneltest.Guarded(r, (rows-1)*ld+n, 3)
					dst, check := kerneltest.Guarded(r, (n-1)*stride+rows, n%16)
					want := append([]float32(nil), dst...)
					for i := range rows {
						for k := range n {
							want[k*stride+i] = src[i*ld+k]
						}
					}
					TransposeStrided(dst, src, ld, rows, n, stride)
					name := fmt.Sprintf("%d rows of %d, gap %d", rows, n, gap)
					kerneltest.SameBits(t, name, dst, want)
					check(t, name)
				}
			}
		}
	})
}

// TestBlocks does the same for planes of rows that are copied, and added.
func TestBlocks(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(33, 34))
		for width := 1; width <= 35; width++ {
			for _, rows := range []int{1, 2, 5} {
				for _, gap := range []int{0, 1, 8} {
					b := Blocks{Width: width, Rows: rows, Planes: 2, SrcRow: width + gap, DstRow: width + gap/2}
					b.SrcPlane, b.DstPlane = rows*b.SrcRow+gap, rows*b.DstRow+gap
					src, _ := kerneltest.Guarded(r, 2*b.SrcPlane, 1)
					dst, check := kerneltest.Guarded(r, b.DstPlane+(rows-1)*b.DstRow+width, width%16)
					sum := append([]float32(nil), dst...)
					want := append([]float32(nil), dst...)
					for p := range 2 {
						for i := range rows {
							for k := range width {
								v := src[p*b.SrcPlane+i*b.SrcRow+k]
								at := p*b.DstPlane + i*b.DstRow + k
								want[at], sum[at] = v, sum[at]+v
							}
						}
					}
					name := fmt.Sprintf("width %d, %d rows, gap %d", width, rows, gap)
					before := append([]float32(nil), dst...)
					CopyBlocks(dst, src, b)
					kerneltest.SameBits(t, name+", copied", dst, want)
					copy(dst, before)
					AddBlocks(dst, src, b)
					kerneltest.SameBits(t, name+", added", dst, sum)
					check(t, name)
				}
			}
		}
	})
}
