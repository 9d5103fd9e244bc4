package kernel

import "fmt"

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
	if rows == 0 {
		return
	}
	j := getJob((*job).lstmPart)
	j.x, j.cols = [9][]float32{h, c, acts, tanhC, gates, cPrev}, hidden
	j.parallel(rows, rowsAtATime(cellGrain, hidden))
}

// cellGrain is rowGrain for cells, which cost five exponentials.
const cellGrain = rowGrain / 4

func (j *job) lstmPart(lo, hi int) {
	n := j.cols
	for i := lo; i < hi; i++ {
		h, c, tanhC, cPrev := j.rows(0, i, i+1), j.rows(1, i, i+1), j.rows(3, i, i+1), j.rows(5, i, i+1)
		acts, gates := j.x[2][4*i*n:4*(i+1)*n], j.x[4][4*i*n:4*(i+1)*n]
		if f := vecTable[cpu].lstmRow; f != nil {
			f(ptr(h), ptr(c), ptr(acts), ptr(tanhC), ptr(gates), ptr(cPrev), n)
		} else {
			lstmRowGo(h, c, acts, tanhC, gates, cPrev)
		}
	}
}

// LSTMCellGrad goes back through LSTMCell. dh and dc are the gradients of h and c; it WRITES the
// gradients of the gates' pre-activations to dgates, whose rows are ld apart, and that of cPrev to
// dcPrev, which may be dc. dc may be nil (zero).
func LSTMCellGrad(dgates, dcPrev, dh, dc, acts, tanhC, cPrev []float32, hidden, ld int) {
	rows := rowsOf("LSTMCellGrad", len(dh), hidden)
	checkLen("LSTMCellGrad", "dcPrev", len(dh), len(dcPrev))
	checkLen("LSTMCellGrad", "tanhC", len(dh), len(tanhC))
	checkLen("LSTMCellGrad", "cPrev", len(dh), len(cPrev))
	checkLen("LSTMCellGrad", "acts", 4*len(dh), len(acts))
	if rows > 0 && (ld < 4*hidden || len(dgates) < (rows-1)*ld+4*hidden) {
		panic(fmt.Sprintf("kernel: LSTMCellGrad: dgates has %d elements, too few for %d rows of %d that are %d apart", len(dgates), rows, 4*hidden, ld))
	}
	if dc != nil {
		checkLen("LSTMCellGrad", "dc", len(dh), len(dc))
	}
	if rows == 0 {
		return
	}
	j := getJob((*job).lstmGradPart)
	j.x, j.cols = [9][]float32{dgates, dcPrev, dh, dc, acts, tanhC, cPrev}, hidden
	j.size = ld
	j.parallel(rows, rowsAtATime(rowGrain, hidden))
}

func (j *job) lstmGradPart(lo, hi int) {
	n := j.cols
	for i := lo; i < hi; i++ {
		dcPrev, dh, dc := j.rows(1, i, i+1), j.rows(2, i, i+1), j.rows(3, i, i+1)
		tanhC, cPrev := j.rows(5, i, i+1), j.rows(6, i, i+1)
		dgates, acts := j.x[0][i*j.size:][:4*n], j.x[4][4*i*n:4*(i+1)*n]
		if f := vecTable[cpu].lstmGradRow; f != nil {
			f(ptr(dgates), ptr(dcPrev), ptr(dh), ptr(dc), ptr(acts), ptr(tanhC), ptr(cPrev), n)
		} else {
			lstmGradRowGo(dgates, dcPrev, dh, dc, acts, tanhC, cPrev)
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
	if rows == 0 {
		return
	}
	j := getJob((*job).gruPart)
	j.x, j.cols = [9][]float32{h, acts, gx, gh, hPrev}, hidden
	j.parallel(rows, rowsAtATime(cellGrain, hidden))
}

func (j *job) gruPart(lo, hi int) {
	n := j.cols
	for i := lo; i < hi; i++ {
		h, hPrev := j.rows(0, i, i+1), j.rows(4, i, i+1)
		acts, gx, gh := j.x[1][3*i*n:3*(i+1)*n], j.x[2][3*i*n:3*(i+1)*n], j.x[3][3*i*n:3*(i+1)*n]
		if f := vecTable[cpu].gruRow; f != nil {
			f(ptr(h), ptr(acts), ptr(gx), ptr(gh), ptr(hPrev), n)
		} else {
			gruRowGo(h, acts, gx, gh, hPrev)
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
	if rows == 0 {
		return
	}
	j := getJob((*job).gruGradPart)
	j.x, j.cols = [9][]float32{dgx, dgh, dhPrev, dh, acts, gh, hPrev}, hidden
	j.parallel(rows, rowsAtATime(rowGrain, hidden))
}

func (j *job) gruGradPart(lo, hi int) {
	n := j.cols
	for i := lo; i < hi; i++ {
		dhPrev, dh, hPrev := j.rows(2, i, i+1), j.rows(3, i, i+1), j.rows(6, i, i+1)
		dgx, dgh := j.x[0][3*i*n:3*(i+1)*n], j.x[1][3*i*n:3*(i+1)*n]
		acts, gh := j.x[4][3*i*n:3*(i+1)*n], j.x[5][3*i*n:3*(i+1)*n]
		if f := vecTable[cpu].gruGradRow; f != nil {
			f(ptr(dgx), ptr(dgh), ptr(dhPrev), ptr(dh), ptr(acts), ptr(gh), ptr(hPrev), n)
		} else {
			gruGradRowGo(dgx, dgh, dhPrev, dh, acts, gh, hPrev)
		}
	}
}
