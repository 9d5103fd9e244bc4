package sparse

// weighRowsGo makes row i of dst the sum of w[k] times row at[k] of x, for k
// from first[i] to first[i+1]−1, plus bias[i] if there is a bias. Rows have
// cols elements.
func weighRowsGo(dst, x, w, bias []float32, at, first []int32, cols int) {
	for i := range len(first) - 1 {
		y := dst[i*cols : i*cols+cols]
		clear(y)
		for k := first[i]; k < first[i+1]; k++ {
			w, x := w[k], x[int(at[k])*cols:][:len(y)]
			for j, v := range x {
				y[j] += w * v
			}
		}
		if bias != nil {
			for j := range y {
				y[j] += bias[i]
			}
		}
	}
}

// weighOneGo is weighRowsGo for rows of one element.
func weighOneGo(dst, x, w, bias []float32, at, first []int32) {
	weighRowsGo(dst, x, w, bias, at, first, 1)
}
