package conv

import (
	"syscall"
	"testing"
	"unsafe"

	"descent/mlkit/internal/kernel/kerneltest"
)

// guarded gives n floats behind which no memory may be read.
func guarded(t *testing.T, n int) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (4*n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(m) })
	if err := syscall.Mprotect(m[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&m[size-4*n])), n)
}

// An image may lie where memory ends: to read on would not fail but crash.
func TestPoolsEndWithTheImage(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		for _, k := range []int{2, 3} {
			for stride := 1; stride <= 2; stride++ {
				for w := k; w <= 70; w++ {
					p := Pool{N: 1, C: 2, H: 4, W: w, KH: k, KW: k, StrideH: stride, StrideW: stride, DilH: 1, DilW: 1}
					n := p.N * p.C * p.OutH() * p.OutW()
					x, y := guarded(t, p.N*p.C*p.H*p.W), guarded(t, n)
					p.MaxForward(y, nil, x)
					p.MaxForward(y, make([]int32, n), x)
					p.AvgForward(y, x)
				}
			}
		}
	})
}
