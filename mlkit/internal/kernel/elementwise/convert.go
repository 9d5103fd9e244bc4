package elementwise

import "descent/mlkit/internal/kernel/cpu"

// BytesToFloats computes dst = src*scale + shift (pixels to network inputs).
func BytesToFloats(dst []float32, src []byte, scale, shift float32) {
	cpu.CheckLen("BytesToFloats", "src", len(dst), len(src))
	if len(dst) <= cpu.Grain {
		bytesToFloats(dst, src, scale, shift)
		return
	}
	j := newElemJob(bytesPart)
	j.X[0], j.More.bytes, j.S, j.T = dst, src, scale, shift
	j.Parallel(len(dst), cpu.Grain)
}

func bytesPart(j *elemJob, lo, hi int) {
	bytesToFloats(j.At(0, lo, hi), j.More.bytes[lo:hi], j.S, j.T)
}
