package conv

// The taps of a direct convolution. A row of taps9 is y = from + Σ w·x, added
// up in the order of the arguments; from may be y.

func taps9Go(y, from, x0, x1, x2, x3, x4, x5, x6, x7, x8 []float32, w0, w1, w2, w3, w4, w5, w6, w7, w8 float32) {
	taps4Go(y, from, x0, x1, x2, x3, w0, w1, w2, w3)
	taps4Go(y, y, x4, x5, x6, x7, w4, w5, w6, w7)
	taps1Go(y, y, x8, w8)
}

func taps4Go(y, from, x0, x1, x2, x3 []float32, w0, w1, w2, w3 float32) {
	n := len(y)
	from, x0, x1, x2, x3 = from[:n], x0[:n], x1[:n], x2[:n], x3[:n]
	for i := range y {
		y[i] = from[i] + w0*x0[i] + w1*x1[i] + w2*x2[i] + w3*x3[i]
	}
}

func taps2Go(y, from, x0, x1 []float32, w0, w1 float32) {
	n := len(y)
	from, x0, x1 = from[:n], x0[:n], x1[:n]
	for i := range y {
		y[i] = from[i] + w0*x0[i] + w1*x1[i]
	}
}

func taps1Go(y, from, x0 []float32, w0 float32) {
	n := len(y)
	from, x0 = from[:n], x0[:n]
	for i := range y {
		y[i] = from[i] + w0*x0[i]
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

// tap is one product of a direct convolution: where its row begins in the
// staged planes, and its weight's place in the filters.
type tap struct{ at, w int }

// sumTaps computes y = from + Σ w·x over the taps of one staged plane x.
func sumTaps(y, from, x, w []float32, taps []tap) {
	n := len(y)
	from = from[:n]
	row := func(k int) []float32 { return x[taps[k].at:][:n] }
	for len(taps) > 0 {
		done := 1
		switch k := len(taps); {
		case k >= 9:
			done = 9
			taps9(y, from, row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7), row(8),
				w[taps[0].w], w[taps[1].w], w[taps[2].w], w[taps[3].w], w[taps[4].w], w[taps[5].w], w[taps[6].w], w[taps[7].w], w[taps[8].w])
		case k >= 4:
			done = 4
			taps4(y, from, row(0), row(1), row(2), row(3), w[taps[0].w], w[taps[1].w], w[taps[2].w], w[taps[3].w])
		case k >= 2:
			done = 2
			taps2(y, from, row(0), row(1), w[taps[0].w], w[taps[1].w])
		default:
			taps1(y, from, row(0), w[taps[0].w])
		}
		taps, from = taps[done:], y
	}
}

// addDots adds the products of dy with the taps' rows to sums, one a tap.
func addDots(sums, dy, x []float32, taps []tap) {
	n := len(dy)
	for k := 0; k < len(taps); k += 3 {
		i, j := min(k+1, len(taps)-1), min(k+2, len(taps)-1)
		a, b, c := tapDots(dy, x[taps[k].at:][:n], x[taps[i].at:][:n], x[taps[j].at:][:n])
		sums[k] += a
		if i > k {
			sums[i] += b
		}
		if j > i {
			sums[j] += c
		}
	}
}
