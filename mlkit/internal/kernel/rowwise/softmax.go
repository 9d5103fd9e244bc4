package rowwise

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
)

// Softmax computes, for each row of cols elements, e^(x-max) / sum of
// e^(x-max). dst may be x. A row with a NaN, or of nothing but -Inf, gives NaN.
func Softmax(dst, x []float32, cols int) {
	cpu.CheckLen("Softmax", "the input", len(dst), len(x))
	overRows(softmaxRows, cpu.RowsOf("Softmax", len(dst), cols), cols, dst, x, nil)
}

// LogSoftmax computes, for each row of cols elements, x - max - log(sum of
// e^(x-max)). dst may be x.
func LogSoftmax(dst, x []float32, cols int) {
	cpu.CheckLen("LogSoftmax", "the input", len(dst), len(x))
	overRows(logSoftmaxRows, cpu.RowsOf("LogSoftmax", len(dst), cols), cols, dst, x, nil)
}

// nearlyOne is the logarithm of a sum e^0 + ... below which the sum has lost
// too many digits of what it holds beside the 1: there the rest is added up by
// itself.
const nearlyOne = 1.0 / 256

// logOfRest returns log(1 + the sum of e^(x-m) over all x but their largest,
// m).
func logOfRest(x []float32, m float32) float64 {
	var rest float64
	for _, v := range x {
		if v != m {
			rest += math.Exp(float64(v) - float64(m))
		}
	}
	return math.Log1p(rest)
}

// SoftmaxGrad adds y * (dy - sum of dy*y over the row) to dx; y is Softmax's
// output.
func SoftmaxGrad(dx, dy, y []float32, cols int) {
	cpu.CheckLen("SoftmaxGrad", "dy", len(dx), len(dy))
	cpu.CheckLen("SoftmaxGrad", "y", len(dx), len(y))
	overRows(softmaxGradRows, cpu.RowsOf("SoftmaxGrad", len(dx), cols), cols, dx, dy, y)
}

// LogSoftmaxGrad adds dy - e^y * (sum of dy over the row) to dx; y is
// LogSoftmax's output.
func LogSoftmaxGrad(dx, dy, y []float32, cols int) {
	cpu.CheckLen("LogSoftmaxGrad", "dy", len(dx), len(dy))
	cpu.CheckLen("LogSoftmaxGrad", "y", len(dx), len(y))
	overRows(logSoftmaxGradRows, cpu.RowsOf("LogSoftmaxGrad", len(dx), cols), cols, dx, dy, y)
}

func softmaxRows(dst, x, _ []float32, cols int) {
	for i := 0; i < len(x); i += cols {
		softmaxRow(dst[i:i+cols], x[i:i+cols])
	}
}

func logSoftmaxRows(dst, x, _ []float32, cols int) {
	for i := 0; i < len(x); i += cols {
		m, l := logSumExpRow(x[i : i+cols])
		if l < nearlyOne {
			l = float32(logOfRest(x[i:i+cols], m))
		}
		elementwise.SubTwo(dst[i:i+cols], x[i:i+cols], m, l)
	}
}

func softmaxGradRows(dx, dy, y []float32, cols int) {
	for i := 0; i < len(dx); i += cols {
		g, p := dy[i:i+cols], y[i:i+cols]
		elementwise.SoftmaxGradStep(dx[i:i+cols], g, p, longDot(g, p))
	}
}

func logSoftmaxGradRows(dx, dy, y []float32, cols int) {
	for i := 0; i < len(dx); i += cols {
		g := dy[i : i+cols]
		elementwise.LogSoftmaxGradStep(dx[i:i+cols], g, y[i:i+cols], float32(LongSum(g)))
	}
}

// SoftmaxRow replaces a row, which may be empty, by its softmax, on the calling
// goroutine.
func SoftmaxRow(x []float32) {
	if len(x) > 0 {
		softmaxRow(x, x)
	}
}

// SoftmaxGradRow replaces dy, of one row, by y * (dy - sum of dy*y), on the
// calling goroutine; y is SoftmaxRow's result.
func SoftmaxGradRow(dy, y []float32) {
	elementwise.AddScalar(dy, dy, -longDot(dy, y))
	elementwise.Mul(dy, dy, y)
}

// overRows runs f over all rows of a, b and c (which may be nil), here if they
// are few, and else on the workers.
func overRows(f func(a, b, c []float32, cols int), rows, cols int, a, b, c []float32) {
	n := rowsAtATime(rowGrain, cols)
	if rows <= n {
		f(a, b, c, cols)
		return
	}
	j := newRowJob(overRowsPart)
	j.X[0], j.X[1], j.X[2], j.Cols, j.More.overRows = a, b, c, cols, f
	j.Parallel(rows, n)
}

func overRowsPart(j *rowJob, lo, hi int) {
	j.More.overRows(j.Rows(0, lo, hi), j.Rows(1, lo, hi), j.Rows(2, lo, hi), j.Cols)
}

// SoftmaxCrossEntropy computes for each row the softmax of the logits into
// probs and loss[i] = -log(probs[i][labels[i]]), the latter from the logits so
// that it stays finite where the probability underflows. probs may be logits. A
// negative label marks a row to ignore: its loss is 0. A label >= cols panics.
func SoftmaxCrossEntropy(loss, probs, logits []float32, labels []int32, cols int) {
	cpu.CheckLen("SoftmaxCrossEntropy", "logits", len(probs), len(logits))
	rows := cpu.RowsOf("SoftmaxCrossEntropy", len(probs), cols)
	cpu.CheckLen("SoftmaxCrossEntropy", "loss", rows, len(loss))
	checkLabels("SoftmaxCrossEntropy", labels, rows, cols)
	if rows == 0 {
		return
	}
	n := rowsAtATime(rowGrain, cols)
	if rows <= n {
		crossEntropyRows(loss, probs, logits, labels, cols)
		return
	}
	j := newRowJob(crossEntropyPart)
	j.X[0], j.X[1], j.X[2], j.More.labels, j.Cols = loss, probs, logits, labels, cols
	j.Parallel(rows, n)
}

func crossEntropyPart(j *rowJob, lo, hi int) {
	crossEntropyRows(j.At(0, lo, hi), j.Rows(1, lo, hi), j.Rows(2, lo, hi), j.More.labels[lo:hi], j.Cols)
}

func crossEntropyRows(loss, probs, logits []float32, labels []int32, cols int) {
	for i, label := range labels {
		x := logits[i*cols : i*cols+cols]
		at := x[max(0, label)] // before probs may overwrite it
		m, l := softmaxRow(probs[i*cols:i*cols+cols], x)
		loss[i] = l - (at - m)
		if label < 0 {
			loss[i] = 0
		} else if loss[i] < nearlyOne { // -log p = -log(1 - the others)
			p := probs[i*cols : i*cols+cols]
			loss[i] = float32(-math.Log1p(-(LongSum(p[:label]) + LongSum(p[label+1:]))))
		}
	}
}

// SoftmaxCrossEntropyGrad adds dloss[i] * (probs[i] - onehot(labels[i])) to
// dlogits; rows with a negative label get nothing.
func SoftmaxCrossEntropyGrad(dlogits, dloss, probs []float32, labels []int32, cols int) {
	cpu.CheckLen("SoftmaxCrossEntropyGrad", "probs", len(dlogits), len(probs))
	rows := cpu.RowsOf("SoftmaxCrossEntropyGrad", len(dlogits), cols)
	cpu.CheckLen("SoftmaxCrossEntropyGrad", "dloss", rows, len(dloss))
	checkLabels("SoftmaxCrossEntropyGrad", labels, rows, cols)
	if rows == 0 {
		return
	}
	n := rowsAtATime(cpu.Grain, cols)
	if rows <= n {
		crossEntropyGradRows(dlogits, dloss, probs, labels, cols)
		return
	}
	j := newRowJob(crossEntropyGradPart)
	j.X[0], j.X[1], j.X[2], j.More.labels, j.Cols = dlogits, dloss, probs, labels, cols
	j.Parallel(rows, n)
}

func crossEntropyGradPart(j *rowJob, lo, hi int) {
	crossEntropyGradRows(j.Rows(0, lo, hi), j.At(1, lo, hi), j.Rows(2, lo, hi), j.More.labels[lo:hi], j.Cols)
}

func crossEntropyGradRows(dlogits, dloss, probs []float32, labels []int32, cols int) {
	for i, label := range labels {
		if label >= 0 {
			d := dlogits[i*cols : i*cols+cols]
			elementwise.Axpy(d, dloss[i], probs[i*cols:i*cols+cols])
			d[label] -= dloss[i]
		}
	}
}

func checkLabels(op string, labels []int32, rows, cols int) {
	cpu.CheckLen(op, "labels", rows, len(labels))
	for i, l := range labels {
		if int(l) >= cols {
			panic(fmt.Sprintf("kernel: %s: label %d of row %d, want less than %d", op, l, i, cols))
		}
	}
}
