package conv

// The taps of a direct convolution. A row of taps9 is y + Σ w·x, added up in
// the order of the arguments.

func taps9Go(y, x0, x1, x2, x3, x4, x5, x6, x7, x8 []float32, w0, w1, w2, w3, w4, w5, w6, w7, w8 float32) {
	taps4Go(y, x0, x1, x2, x3, w0, w1, w2, w3)
	taps4Go(y, x4, x5, x6, x7, w4, w5, w6, w7)
	taps1Go(y, x8, w8)
}

func taps4Go(y, x0, x1, x2, x3 []float32, w0, w1, w2, w3 float32) {
	n := len(y)
	x0, x1, x2, x3 = x0[:n], x1[:n], x2[:n], x3[:n]
	for i := range y {
		y[i] = y[i] + w0*x0[i] + w1*x1[i] + w2*x2[i] + w3*x3[i]
	}
}

func taps2Go(y, x0, x1 []float32, w0, w1 float32) {
	n := len(y)
	x0, x1 = x0[:n], x1[:n]
	for i := range y {
		y[i] = y[i] + w0*x0[i] + w1*x1[i]
	}
}

func taps1Go(y, x0 []float32, w0 float32) {
	n := len(y)
	x0 = x0[:n]
	for i := range y {
		y[i] = y[i] + w0*x0[i]
	}
}

// tapDotsGo returns the products of dy with three rows.
func tapDotsGo(dy, x0, x1, x2 []float32) (d0, d1, d2 float32) {
	n := len(dy)
	x0, x1, x2 = x0[:n], x1[:n], x2[:n]
	var a, b, c float64
	for i, v := range dy {
		d := float64(v)
		a += d * float64(x0[i])
		b += d * float64(x1[i])
		c += d * float64(x2[i])
	}
	return float32(a), float32(b), float32(c)
}

// The taps of a staged plane are pairs of numbers: where a tap's row begins in
// the plane, and its weight's place in the filter.

// tapRowsGo adds up Σ w·x over the taps of one staged plane x, in their order.
func tapRowsGo(y, x, w []float32, taps []int) {
	n := len(y)
	row := func(k int) []float32 { return x[taps[2*k]:][:n] }
	weight := func(k int) float32 { return w[taps[2*k+1]] }
	for len(taps) > 0 {
		done := 1
		switch k := len(taps) / 2; {
		case k >= 9:
			done = 9
			taps9(y, row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7), row(8),
				weight(0), weight(1), weight(2), weight(3), weight(4), weight(5), weight(6), weight(7), weight(8))
		case k >= 4:
			done = 4
			taps4(y, row(0), row(1), row(2), row(3), weight(0), weight(1), weight(2), weight(3))
		case k >= 2:
			done = 2
			taps2(y, row(0), row(1), weight(0), weight(1))
		default:
			taps1(y, row(0), weight(0))
		}
		taps = taps[2*done:]
	}
}

// sumTaps adds up Σ w·x over the taps of one staged plane x; no row begins
// beyond far, and no weight lies there.
func sumTaps(y, x, w []float32, taps []int, far, window int) {
	if len(y) == 0 || len(taps) == 0 {
		return
	}
	_, _ = x[far+len(y)-1], w[window-1]
	tapRows(y, x, w, taps)
}

// addDots adds the products of dy with the taps' rows to sums, one a tap.
func addDots(sums, dy, x []float32, taps []int) {
	n := len(dy)
	last := len(taps)/2 - 1
	row := func(k int) []float32 { return x[taps[2*k]:][:n] }
	for k := 0; k <= last; k += 3 {
		i, j := min(k+1, last), min(k+2, last)
		a, b, c := tapDots(dy, row(k), row(i), row(j))
		sums[k] += a
		if i > k {
			sums[i] += b
		}
		if j > i {
			sums[j] += c
		}
	}
}
