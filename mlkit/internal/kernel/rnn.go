package kernel

import "math"

// LSTMCell takes the pre-activations of the four gates, rows of 4*hidden in the order i, f, g, o, and
// the previous cell state, rows of hidden, and computes
//
//	i, f, o = sigmoid, g = tanh;  c = f*cPrev + i*g;  h = o*tanh(c)
//
// (Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000). acts, like gates, keeps
// the activated gates for LSTMCellGrad and may be gates; tanhC, like c, keeps tanh(c). c may be cPrev where the caller
// needs no gradient.
func LSTMCell(h, c, acts, tanhC, gates, cPrev []float32, hidden int) {
	rows := rowsOf("LSTMCell", len(h), hidden)
	checkLen("LSTMCell", "c", len(h), len(c))
	checkLen("LSTMCell", "tanhC", len(h), len(tanhC))
	checkLen("LSTMCell", "cPrev", len(h), len(cPrev))
	checkLen("LSTMCell", "acts", 4*len(h), len(acts))
	checkLen("LSTMCell", "gates", 4*len(h), len(gates))
	for r := range rows {
		lo, g := r*hidden, 4*r*hidden
		for j := range hidden {
			i := float32(sigmoid(float64(gates[g+j])))
			f := float32(sigmoid(float64(gates[g+hidden+j])))
			u := float32(math.Tanh(float64(gates[g+2*hidden+j])))
			o := float32(sigmoid(float64(gates[g+3*hidden+j])))
			acts[g+j], acts[g+hidden+j], acts[g+2*hidden+j], acts[g+3*hidden+j] = i, f, u, o
			cell := f*cPrev[lo+j] + i*u
			t := float32(math.Tanh(float64(cell)))
			c[lo+j], tanhC[lo+j], h[lo+j] = cell, t, o*t
		}
	}
}

// LSTMCellGrad goes back through LSTMCell. dh and dc are the gradients of h and c; it WRITES the
// gradients of the gates' pre-activations to dgates and that of cPrev to dcPrev, which may be dc.
// dc may be nil (zero).
func LSTMCellGrad(dgates, dcPrev, dh, dc, acts, tanhC, cPrev []float32, hidden int) {
	rows := rowsOf("LSTMCellGrad", len(dh), hidden)
	checkLen("LSTMCellGrad", "dcPrev", len(dh), len(dcPrev))
	checkLen("LSTMCellGrad", "tanhC", len(dh), len(tanhC))
	checkLen("LSTMCellGrad", "cPrev", len(dh), len(cPrev))
	checkLen("LSTMCellGrad", "acts", 4*len(dh), len(acts))
	checkLen("LSTMCellGrad", "dgates", 4*len(dh), len(dgates))
	if dc != nil {
		checkLen("LSTMCellGrad", "dc", len(dh), len(dc))
	}
	for r := range rows {
		lo, g := r*hidden, 4*r*hidden
		for j := range hidden {
			i, f, u, o := acts[g+j], acts[g+hidden+j], acts[g+2*hidden+j], acts[g+3*hidden+j]
			t, d := tanhC[lo+j], dh[lo+j]
			var dcell float32
			if dc != nil {
				dcell = dc[lo+j]
			}
			dcell += d * o * (1 - t*t)
			dgates[g+j] = dcell * u * i * (1 - i)
			dgates[g+hidden+j] = dcell * cPrev[lo+j] * f * (1 - f)
			dgates[g+2*hidden+j] = dcell * i * (1 - u*u)
			dgates[g+3*hidden+j] = d * t * o * (1 - o)
			dcPrev[lo+j] = dcell * f
		}
	}
}

// GRUCell takes the input's and the state's share of the pre-activations, rows of 3*hidden in the
// order r, z, n, and computes
//
//	r, z = sigmoid(gx+gh);  n = tanh(gx + r*gh);  h = (1-z)*n + z*hPrev
//
// (Cho et al. 2014 in cuDNN's and PyTorch's form, where r multiplies the state's share with its
// bias). acts keeps r, z, n for GRUCellGrad and may be gx. h may be hPrev where the caller needs no gradient.
func GRUCell(h, acts, gx, gh, hPrev []float32, hidden int) {
	rows := rowsOf("GRUCell", len(h), hidden)
	checkLen("GRUCell", "hPrev", len(h), len(hPrev))
	checkLen("GRUCell", "acts", 3*len(h), len(acts))
	checkLen("GRUCell", "gx", 3*len(h), len(gx))
	checkLen("GRUCell", "gh", 3*len(h), len(gh))
	for row := range rows {
		lo, g := row*hidden, 3*row*hidden
		for j := range hidden {
			r := float32(sigmoid(float64(gx[g+j] + gh[g+j])))
			z := float32(sigmoid(float64(gx[g+hidden+j] + gh[g+hidden+j])))
			n := float32(math.Tanh(float64(gx[g+2*hidden+j] + r*gh[g+2*hidden+j])))
			acts[g+j], acts[g+hidden+j], acts[g+2*hidden+j] = r, z, n
			h[lo+j] = n + z*(hPrev[lo+j]-n)
		}
	}
}

// GRUCellGrad goes back through GRUCell. It WRITES the gradients of gx and gh to dgx and dgh, and
// to dhPrev the part of hPrev's gradient that does not pass through gh: dh*z. dhPrev may be dh.
func GRUCellGrad(dgx, dgh, dhPrev, dh, acts, gh, hPrev []float32, hidden int) {
	rows := rowsOf("GRUCellGrad", len(dh), hidden)
	checkLen("GRUCellGrad", "dhPrev", len(dh), len(dhPrev))
	checkLen("GRUCellGrad", "hPrev", len(dh), len(hPrev))
	checkLen("GRUCellGrad", "acts", 3*len(dh), len(acts))
	checkLen("GRUCellGrad", "gh", 3*len(dh), len(gh))
	checkLen("GRUCellGrad", "dgx", 3*len(dh), len(dgx))
	checkLen("GRUCellGrad", "dgh", 3*len(dh), len(dgh))
	for row := range rows {
		lo, g := row*hidden, 3*row*hidden
		for j := range hidden {
			r, z, n := acts[g+j], acts[g+hidden+j], acts[g+2*hidden+j]
			d := dh[lo+j]
			dn := d * (1 - z) * (1 - n*n)
			dz := d * (hPrev[lo+j] - n) * z * (1 - z)
			dr := dn * gh[g+2*hidden+j] * r * (1 - r)
			dgx[g+j], dgh[g+j] = dr, dr
			dgx[g+hidden+j], dgh[g+hidden+j] = dz, dz
			dgx[g+2*hidden+j], dgh[g+2*hidden+j] = dn, dn*r
			dhPrev[lo+j] = d * z
		}
	}
}
