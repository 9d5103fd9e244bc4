package rowwise

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
)

// LSTMCell takes the pre-activations of the four gates, rows of 4*hidden in the
// order i, f, g, o, and the previous cell state, rows of hidden, and computes
//
//	i, f, o = sigmoid, g = tanh;  c = f*cPrev + i*g;  h = o*tanh(c)
//
// (Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000).
// acts, like gates, keeps the activated gates for LSTMCellGrad and may be
// gates; tanhC, like c, keeps tanh(c). c may be cPrev where the caller needs no
// gradient.
func LSTMCell(h, c, acts, tanhC, gates, cPrev []float32, hidden int) {
	rows := cpu.RowsOf("LSTMCell", len(h), hidden)
	cpu.CheckLen("LSTMCell", "c", len(h), len(c))
	cpu.CheckLen("LSTMCell", "tanhC", len(h), len(tanhC))
	cpu.CheckLen("LSTMCell", "cPrev", len(h), len(cPrev))
	cpu.CheckLen("LSTMCell", "acts", 4*len(h), len(acts))
	cpu.CheckLen("LSTMCell", "gates", 4*len(h), len(gates))
	if rows == 0 {
		return
	}
	j := newRowJob(lstmPart)
	j.X, j.Cols = [9][]float32{h, c, acts, tanhC, gates, cPrev}, hidden
	j.Parallel(rows, rowsAtATime(cellGrain, hidden))
}

// cellGrain is rowGrain for cells, which cost five exponentials.
const cellGrain = rowGrain / 4

func lstmPart(j *rowJob, lo, hi int) {
	n := j.Cols
	for i := lo; i < hi; i++ {
		h, c, tanhC, cPrev := j.Rows(0, i, i+1), j.Rows(1, i, i+1), j.Rows(3, i, i+1), j.Rows(5, i, i+1)
		acts, gates := j.X[2][4*i*n:4*(i+1)*n], j.X[4][4*i*n:4*(i+1)*n]
		lstmRow(h, c, acts, tanhC, gates, cPrev)
	}
}

// LSTMCellGrad goes back through LSTMCell. dh and dc are the gradients of h and
// c; it WRITES the gradients of the gates' pre-activations to dgates, whose
// rows are ld apart, and that of cPrev to dcPrev, which may be dc. dc may be
// nil (zero).
func LSTMCellGrad(dgates, dcPrev, dh, dc, acts, tanhC, cPrev []float32, hidden, ld int) {
	rows := cpu.RowsOf("LSTMCellGrad", len(dh), hidden)
	cpu.CheckLen("LSTMCellGrad", "dcPrev", len(dh), len(dcPrev))
	cpu.CheckLen("LSTMCellGrad", "tanhC", len(dh), len(tanhC))
	cpu.CheckLen("LSTMCellGrad", "cPrev", len(dh), len(cPrev))
	cpu.CheckLen("LSTMCellGrad", "acts", 4*len(dh), len(acts))
	if rows > 0 && (ld < 4*hidden || len(dgates) < (rows-1)*ld+4*hidden) {
		panic(fmt.Sprintf("kernel: LSTMCellGrad: dgates has %d elements, too few for %d rows of %d that are %d apart", len(dgates), rows, 4*hidden, ld))
	}
	if dc != nil {
		cpu.CheckLen("LSTMCellGrad", "dc", len(dh), len(dc))
	}
	if rows == 0 {
		return
	}
	j := newRowJob(lstmGradPart)
	j.X, j.Cols = [9][]float32{dgates, dcPrev, dh, dc, acts, tanhC, cPrev}, hidden
	j.Size = ld
	j.Parallel(rows, rowsAtATime(rowGrain, hidden))
}

func lstmGradPart(j *rowJob, lo, hi int) {
	n := j.Cols
	for i := lo; i < hi; i++ {
		dcPrev, dh, dc := j.Rows(1, i, i+1), j.Rows(2, i, i+1), j.Rows(3, i, i+1)
		tanhC, cPrev := j.Rows(5, i, i+1), j.Rows(6, i, i+1)
		dgates, acts := j.X[0][i*j.Size:][:4*n], j.X[4][4*i*n:4*(i+1)*n]
		lstmGradRow(dgates, dcPrev, dh, dc, acts, tanhC, cPrev)
	}
}

// GRUCell takes the input's and the state's share of the pre-activations, rows
// of 3*hidden in the order r, z, n, and computes
//
//	r, z = sigmoid(gx+gh);  n = tanh(gx + r*gh);  h = (1-z)*n + z*hPrev
//
// (Cho et al. 2014 in cuDNN's and PyTorch's form, where r multiplies the
// state's share with its bias). acts keeps r, z, n for GRUCellGrad and may be
// gx. h may be hPrev where the caller needs no gradient.
func GRUCell(h, acts, gx, gh, hPrev []float32, hidden int) {
	rows := cpu.RowsOf("GRUCell", len(h), hidden)
	cpu.CheckLen("GRUCell", "hPrev", len(h), len(hPrev))
	cpu.CheckLen("GRUCell", "acts", 3*len(h), len(acts))
	cpu.CheckLen("GRUCell", "gx", 3*len(h), len(gx))
	cpu.CheckLen("GRUCell", "gh", 3*len(h), len(gh))
	if rows == 0 {
		return
	}
	j := newRowJob(gruPart)
	j.X, j.Cols = [9][]float32{h, acts, gx, gh, hPrev}, hidden
	j.Parallel(rows, rowsAtATime(cellGrain, hidden))
}

func gruPart(j *rowJob, lo, hi int) {
	n := j.Cols
	for i := lo; i < hi; i++ {
		h, hPrev := j.Rows(0, i, i+1), j.Rows(4, i, i+1)
		acts, gx, gh := j.X[1][3*i*n:3*(i+1)*n], j.X[2][3*i*n:3*(i+1)*n], j.X[3][3*i*n:3*(i+1)*n]
		gruRow(h, acts, gx, gh, hPrev)
	}
}

// GRUCellGrad goes back through GRUCell. It WRITES the gradients of gx and gh
// to dgx and dgh, and to dhPrev the part of hPrev's gradient that does not pass
// through gh: dh*z. dhPrev may be dh.
func GRUCellGrad(dgx, dgh, dhPrev, dh, acts, gh, hPrev []float32, hidden int) {
	rows := cpu.RowsOf("GRUCellGrad", len(dh), hidden)
	cpu.CheckLen("GRUCellGrad", "dhPrev", len(dh), len(dhPrev))
	cpu.CheckLen("GRUCellGrad", "hPrev", len(dh), len(hPrev))
	cpu.CheckLen("GRUCellGrad", "acts", 3*len(dh), len(acts))
	cpu.CheckLen("GRUCellGrad", "gh", 3*len(dh), len(gh))
	cpu.CheckLen("GRUCellGrad", "dgx", 3*len(dh), len(dgx))
	cpu.CheckLen("GRUCellGrad", "dgh", 3*len(dh), len(dgh))
	if rows == 0 {
		return
	}
	j := newRowJob(gruGradPart)
	j.X, j.Cols = [9][]float32{dgx, dgh, dhPrev, dh, acts, gh, hPrev}, hidden
	j.Parallel(rows, rowsAtATime(rowGrain, hidden))
}

func gruGradPart(j *rowJob, lo, hi int) {
	n := j.Cols
	for i := lo; i < hi; i++ {
		dhPrev, dh, hPrev := j.Rows(2, i, i+1), j.Rows(3, i, i+1), j.Rows(6, i, i+1)
		dgx, dgh := j.X[0][3*i*n:3*(i+1)*n], j.X[1][3*i*n:3*(i+1)*n]
		acts, gh := j.X[4][3*i*n:3*(i+1)*n], j.X[5][3*i*n:3*(i+1)*n]
		gruGradRow(dgx, dgh, dhPrev, dh, acts, gh, hPrev)
	}
}
