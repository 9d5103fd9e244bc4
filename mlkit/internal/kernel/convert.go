package kernel

import "fmt"

// BytesToFloats computes dst = src*scale + shift (pixels to network inputs).
func BytesToFloats(dst []float32, src []byte, scale, shift float32) {
	checkLen("BytesToFloats", "src", len(dst), len(src))
	for i, b := range src {
		dst[i] = float32(b)*scale + shift
	}
}

// Transpose writes src, rows x cols, to dst, cols x rows. They may not overlap.
func Transpose(dst, src []float32, rows, cols int) {
	if rows < 0 || cols < 0 || len(src) != rows*cols {
		panic(fmt.Sprintf("kernel: Transpose: src has %d elements, want %d x %d", len(src), rows, cols))
	}
	checkLen("Transpose", "dst", len(src), len(dst))
	const block = 16 // one cache line of dst
	for i0 := 0; i0 < rows; i0 += block {
		i1 := min(i0+block, rows)
		for j0 := 0; j0 < cols; j0 += block {
			j1 := min(j0+block, cols)
			for j := j0; j < j1; j++ {
				d := dst[j*rows+i0 : j*rows+i1]
				for i := range d {
					d[i] = src[(i0+i)*cols+j]
				}
			}
		}
	}
}
