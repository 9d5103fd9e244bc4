package conv

// The transforms of one dimension.

func winInput1(d *[6]float32) (t [6]float32) {
	const a, b = winA, winB
	e, f := d[4]-b*b*d[2], d[3]-b*b*d[1]
	t[1], t[2] = e+a*f, e-a*f
	e, f = d[4]-a*a*d[2], d[3]-a*a*d[1]
	t[3], t[4] = e+b*f, e-b*f
	t[0] = d[4] - (a*a+b*b)*d[2] + a*a*b*b*d[0]
	t[5] = d[5] - (a*a+b*b)*d[3] + a*a*b*b*d[1]
	return t
}

// winWeight1 transforms four weights; with three the fourth is 0 and last the
// third.
func winWeight1(g0, g1, g2, g3, last float32) (t [6]float32) {
	const a, b = winA, winB
	const ca, cb = 1 / (2 * a * a * (a*a - b*b)), 1 / (2 * b * b * (b*b - a*a))
	e, o := ca*g0+ca*a*a*g2, ca*a*g1+ca*a*a*a*g3
	t[1], t[2] = e+o, e-o
	e, o = cb*g0+cb*b*b*g2, cb*b*g1+cb*b*b*b*g3
	t[3], t[4] = e+o, e-o
	t[0], t[5] = g0/(a*a*b*b), last
	return t
}

// winOutput1 transforms to four outputs, or to three: then the third is at 2
// and the fourth means nothing.
func winOutput1(m *[6]float32, n int) (t [6]float32) {
	const a, b = winA, winB
	s1, d1, s2, d2 := m[1]+m[2], m[1]-m[2], m[3]+m[4], m[3]-m[4]
	t[0] = m[0] + s1 + s2
	t[1] = a*d1 + b*d2
	t[2] = a*a*s1 + b*b*s2
	t[3] = a*a*a*d1 + b*b*b*d2 + m[5]
	if n == 3 {
		t[2] += m[5]
	}
	return t
}

// winGo transforms the rows and columns of tiles of in×in numbers to out×out,
// for vectors floats that lie next to each other (a multiple of 16).
func winGo(dst, src []float32, p *winTiles, in, out int) {
	one := func(v *[6]float32) [6]float32 {
		switch {
		case in == 3:
			return winWeight1(v[0], v[1], v[2], 0, v[2])
		case in == 4:
			return winWeight1(v[0], v[1], v[2], v[3], v[3])
		case out == 6:
			return winInput1(v)
		}
		return winOutput1(v, out)
	}
	for t := range p.tiles {
		for l := range p.vectors {
			var tmp [6][6]float32
			for c := range in {
				var v [6]float32
				for r := range in {
					v[r] = src[p.start+t*p.srcTile+r*p.srcRow+c*p.srcCol+l]
				}
				v = one(&v)
				for r := range out {
					tmp[r][c] = v[r]
				}
			}
			for r := range out {
				v := one(&tmp[r])
				for c := range out {
					x := v[c]
					if p.bias != nil {
						x += p.bias[l]
					}
					if p.relu != 0 {
						x = max(x, 0)
					}
					dst[t*p.dstTile+r*p.dstRow+c*p.dstCol+l] = x
				}
			}
		}
	}
}

func tilesInputGo(dst, src, _ []float32, p *winTiles)      { winGo(dst, src, p, 6, 6) }
func tilesWeightGo(dst, src, _ []float32, p *winTiles)     { winGo(dst, src, p, 3, 6) }
func tilesGradGo(dst, src, _ []float32, p *winTiles)       { winGo(dst, src, p, 4, 6) }
func tilesOutputGo(dst, src, _ []float32, p *winTiles)     { winGo(dst, src, p, 6, 4) }
func tilesWeightGradGo(dst, src, _ []float32, p *winTiles) { winGo(dst, src, p, 6, 3) }

// The transforms of two dimensions, of tiles of 6×6 inputs, 3×3 weights, 4×4
// output gradients, and to 4×4 outputs and 3×3 weight gradients. tmp holds 36
// vectors.

func winInput(dst, src, tmp []float32, p *winTiles) {
	p.check(dst, src, 6, 6)
	tilesInput(dst, src, tmp, p)
}

func winWeight(dst, src, tmp []float32, p *winTiles) {
	p.check(dst, src, 3, 6)
	tilesWeight(dst, src, tmp, p)
}

func winGrad(dst, src, tmp []float32, p *winTiles) {
	p.check(dst, src, 4, 6)
	tilesGrad(dst, src, tmp, p)
}

func winOutput(dst, src, tmp []float32, p *winTiles) {
	p.check(dst, src, 6, 4)
	tilesOutput(dst, src, tmp, p)
}

func winWeightGrad(dst, src, tmp []float32, p *winTiles) {
	p.check(dst, src, 6, 3)
	tilesWeightGrad(dst, src, tmp, p)
}
