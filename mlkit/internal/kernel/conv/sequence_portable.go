package conv

func seqInputEndsGo(v0, v1, x0, x1, x2, x3, x4, x5 []float32) {
	for i := range v0 {
		t := winInput1(&[6]float32{x0[i], x1[i], x2[i], x3[i], x4[i], x5[i]})
		v0[i], v1[i] = t[0], t[5]
	}
}

func seqInputMiddleGo(v0, v1, v2, v3, x0, x1, x2, x3 []float32) {
	for i := range v0 {
		t := winInput1(&[6]float32{0, x0[i], x1[i], x2[i], x3[i], 0})
		v0[i], v1[i], v2[i], v3[i] = t[1], t[2], t[3], t[4]
	}
}

func seqWeightGo(u0, u1, u2, u3, u4, u5, w0, w1, w2 []float32) {
	for i := range u0 {
		t := winWeight1(w0[i], w1[i], w2[i], 0, w2[i])
		u0[i], u1[i], u2[i], u3[i], u4[i], u5[i] = t[0], t[1], t[2], t[3], t[4], t[5]
	}
}

func seqGradGo(d0, d1, d2, d3, d4, d5, g0, g1, g2, g3 []float32) {
	for i := range d0 {
		t := winWeight1(g0[i], g1[i], g2[i], g3[i], g3[i])
		d0[i], d1[i], d2[i], d3[i], d4[i], d5[i] = t[0], t[1], t[2], t[3], t[4], t[5]
	}
}

func seqOutputGo(y0, y1, y2, y3, m0, m1, m2, m3, m4, m5 []float32) {
	for i := range y0 {
		t := winOutput1(&[6]float32{m0[i], m1[i], m2[i], m3[i], m4[i], m5[i]}, 4)
		y0[i], y1[i], y2[i], y3[i] = t[0], t[1], t[2], t[3]
	}
}

func seqWeightGradGo(w0, w1, w2, m0, m1, m2, m3, m4, m5 []float32) {
	for i := range w0 {
		t := winOutput1(&[6]float32{m0[i], m1[i], m2[i], m3[i], m4[i], m5[i]}, 3)
		w0[i], w1[i], w2[i] = t[0], t[1], t[2]
	}
}
