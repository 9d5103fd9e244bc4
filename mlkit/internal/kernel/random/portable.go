package random

import "math"

// The loops that the kernels stand for. They start at the first element of the
// block whose first counter is counter; those in assembly do whole blocks, at
// least one.

func uniformGo(dst []float32, k *key, counter int) {
	var bits [philoxBlock]int32
	for b := range len(dst) / philoxBlock {
		k.bits(&bits, counter+16*b)
		for i, v := range bits {
			dst[b*philoxBlock+i] = float32(v) * (1.0 / (1 << 24))
		}
	}
}

func normalGo(dst []float32, k *key, counter int) {
	var bits [philoxBlock]int32
	for b := range len(dst) / philoxBlock {
		k.bits(&bits, counter+16*b)
		out := dst[b*philoxBlock:]
		for i := range philoxBlock / 2 {
			// Words 0 and 1 of a counter make one pair, 2 and 3 the other.
			e := i + i&16
			r := math.Sqrt(-2 * math.Log((float64(bits[e])+1)*(1.0/(1<<24))))
			s, c := math.Sincos(2 * math.Pi / (1 << 24) * float64(bits[e+16]))
			out[e], out[e+16] = float32(r*c), float32(r*s)
		}
	}
}

// dropoutGo does any number of elements. mask may be nil.
func dropoutGo(dst, mask, x []float32, k *key, counter int, limit int32, scale float32) {
	var bits [philoxBlock]int32
	for i := range dst {
		if i%philoxBlock == 0 {
			k.bits(&bits, counter+i/philoxBlock*16)
		}
		var s, v float32
		if bits[i%philoxBlock] < limit {
			s, v = scale, x[i]*scale
		}
		dst[i] = v
		if mask != nil {
			mask[i] = s
		}
	}
}

// dropoutGradGo does any number of elements.
func dropoutGradGo(dx, dy []float32, k *key, counter int, limit int32, scale float32) {
	var bits [philoxBlock]int32
	for i := range dx {
		if i%philoxBlock == 0 {
			k.bits(&bits, counter+i/philoxBlock*16)
		}
		if bits[i%philoxBlock] < limit {
			dx[i] += dy[i] * scale
		}
	}
}
