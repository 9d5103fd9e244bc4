package kernel

// gemmPortable is Run in plain Go. g is checked, M and N are not 0.
func gemmPortable(g *Gemm, c, a, b []float32) {
	for i := range g.M {
		row := c[i*g.LDC:][:g.N]
		if !g.Accumulate {
			clear(row)
		}
		switch {
		case g.K == 0:
		case g.TransB:
			for j := range row {
				row[j] += g.Alpha * gemmDot(g, i, a, b[j*g.LDB:][:g.K])
			}
		default:
			for k := range g.K {
				x := g.Alpha * g.a(a, i, k)
				for j, y := range b[k*g.LDB:][:g.N] {
					row[j] += x * y
				}
			}
		}
		g.epilogue(row, i)
	}
}

// a returns element (i, k) of op(A).
func (g *Gemm) a(a []float32, i, k int) float32 {
	if g.TransA {
		return a[k*g.LDA+i]
	}
	return a[i*g.LDA+k]
}

func gemmDot(g *Gemm, i int, a, y []float32) (sum float32) {
	if g.TransA {
		for k, y := range y {
			sum += a[k*g.LDA+i] * y
		}
		return sum
	}
	x := a[i*g.LDA:][:len(y)]
	for k, y := range y {
		sum += x[k] * y
	}
	return sum
}

// epilogue adds the biases to row i of the result and applies the activation.
func (g *Gemm) epilogue(row []float32, i int) {
	if g.Bias != nil {
		for j, b := range g.Bias[:len(row)] {
			row[j] += b
		}
	}
	if g.BiasRows != nil {
		b := g.BiasRows[i]
		for j := range row {
			row[j] += b
		}
	}
	if g.Act == ReLUAct {
		for j, x := range row {
			row[j] = max(x, 0)
		}
	}
}
