package kernel

import "fmt"

// Softmax computes, for each row of cols elements, e^(x-max) / sum of e^(x-max). dst may be x.
// A row with a NaN, or of nothing but -Inf, gives NaN.
func Softmax(dst, x []float32, cols int) {
	checkLen("Softmax", "the input", len(dst), len(x))
	overRows(softmaxRows, rowsOf("Softmax", len(dst), cols), cols, dst, x, nil)
}

// LogSoftmax computes, for each row of cols elements, x - max - log(sum of e^(x-max)). dst may be x.
func LogSoftmax(dst, x []float32, cols int) {
	checkLen("LogSoftmax", "the input", len(dst), len(x))
	overRows(logSoftmaxRows, rowsOf("LogSoftmax", len(dst), cols), cols, dst, x, nil)
}

// SoftmaxGrad adds y * (dy - sum of dy*y over the row) to dx; y is Softmax's output.
func SoftmaxGrad(dx, dy, y []float32, cols int) {
	checkLen("SoftmaxGrad", "dy", len(dx), len(dy))
	checkLen("SoftmaxGrad", "y", len(dx), len(y))
	overRows(softmaxGradRows, rowsOf("SoftmaxGrad", len(dx), cols), cols, dx, dy, y)
}

// LogSoftmaxGrad adds dy - e^y * (sum of dy over the row) to dx; y is LogSoftmax's output.
func LogSoftmaxGrad(dx, dy, y []float32, cols int) {
	checkLen("LogSoftmaxGrad", "dy", len(dx), len(dy))
	checkLen("LogSoftmaxGrad", "y", len(dx), len(y))
	overRows(logSoftmaxGradRows, rowsOf("LogSoftmaxGrad", len(dx), cols), cols, dx, dy, y)
}

func softmaxRows(dst, x, _ []float32, cols int) {
	for i := 0; i < len(x); i += cols {
		softmaxRow(dst[i:i+cols], x[i:i+cols])
	}
}

func logSoftmaxRows(dst, x, _ []float32, cols int) {
	for i := 0; i < len(x); i += cols {
		m, l := logSumExpRow(x[i : i+cols])
		elem(opSubTwo, dst[i:i+cols], x[i:i+cols], nil, m, l)
	}
}

func softmaxGradRows(dx, dy, y []float32, cols int) {
	for i := 0; i < len(dx); i += cols {
		g, p := dy[i:i+cols], y[i:i+cols]
		elem(opSoftmaxGrad, dx[i:i+cols], g, p, longDot(g, p), 0)
	}
}

func logSoftmaxGradRows(dx, dy, y []float32, cols int) {
	for i := 0; i < len(dx); i += cols {
		g := dy[i : i+cols]
		elem(opLogSoftmaxGrad, dx[i:i+cols], g, y[i:i+cols], float32(longSum(g)), 0)
	}
}

// overRows runs f over all rows of a, b and c (which may be nil), here if they are few, and else on
// the workers.
func overRows(f func(a, b, c []float32, cols int), rows, cols int, a, b, c []float32) {
	n := rowsAtATime(rowGrain, cols)
	if rows <= n {
		f(a, b, c, cols)
		return
	}
	j := getJob((*job).overRowsPart)
	j.x[0], j.x[1], j.x[2], j.cols, j.overRows = a, b, c, cols, f
	j.parallel(rows, n)
}

func (j *job) overRowsPart(lo, hi int) {
	j.overRows(j.rows(0, lo, hi), j.rows(1, lo, hi), j.rows(2, lo, hi), j.cols)
}

// SoftmaxCrossEntropy computes for each row the softmax of the logits into probs and
// loss[i] = -log(probs[i][labels[i]]), the latter from the logits so that it stays finite where the
// probability underflows. probs may be logits. A negative label marks a row to ignore: its loss is
// 0. A label >= cols panics.
func SoftmaxCrossEntropy(loss, probs, logits []float32, labels []int32, cols int) {
	checkLen("SoftmaxCrossEntropy", "logits", len(probs), len(logits))
	rows := rowsOf("SoftmaxCrossEntropy", len(probs), cols)
	checkLen("SoftmaxCrossEntropy", "loss", rows, len(loss))
	checkLabels("SoftmaxCrossEntropy", labels, rows, cols)
	if rows == 0 {
		return
	}
	n := rowsAtATime(rowGrain, cols)
	if rows <= n {
		crossEntropyRows(loss, probs, logits, labels, cols)
		return
	}
	j := getJob((*job).crossEntropyPart)
	j.x[0], j.x[1], j.x[2], j.labels, j.cols = loss, probs, logits, labels, cols
	j.parallel(rows, n)
}

func (j *job) crossEntropyPart(lo, hi int) {
	crossEntropyRows(j.at(0, lo, hi), j.rows(1, lo, hi), j.rows(2, lo, hi), j.labels[lo:hi], j.cols)
}

func crossEntropyRows(loss, probs, logits []float32, labels []int32, cols int) {
	for i, label := range labels {
		x := logits[i*cols : i*cols+cols]
		at := x[max(0, label)] // before probs may overwrite it
		m, l := softmaxRow(probs[i*cols:i*cols+cols], x)
		loss[i] = l - (at - m)
		if label < 0 {
			loss[i] = 0
		}
	}
}

// SoftmaxCrossEntropyGrad adds dloss[i] * (probs[i] - onehot(labels[i])) to dlogits; rows with a
// negative label get nothing.
func SoftmaxCrossEntropyGrad(dlogits, dloss, probs []float32, labels []int32, cols int) {
	checkLen("SoftmaxCrossEntropyGrad", "probs", len(dlogits), len(probs))
	rows := rowsOf("SoftmaxCrossEntropyGrad", len(dlogits), cols)
	checkLen("SoftmaxCrossEntropyGrad", "dloss", rows, len(dloss))
	checkLabels("SoftmaxCrossEntropyGrad", labels, rows, cols)
	if rows == 0 {
		return
	}
	n := rowsAtATime(elemGrain, cols)
	if rows <= n {
		crossEntropyGradRows(dlogits, dloss, probs, labels, cols)
		return
	}
	j := getJob((*job).crossEntropyGradPart)
	j.x[0], j.x[1], j.x[2], j.labels, j.cols = dlogits, dloss, probs, labels, cols
	j.parallel(rows, n)
}

func (j *job) crossEntropyGradPart(lo, hi int) {
	crossEntropyGradRows(j.rows(0, lo, hi), j.at(1, lo, hi), j.rows(2, lo, hi), j.labels[lo:hi], j.cols)
}

func crossEntropyGradRows(dlogits, dloss, probs []float32, labels []int32, cols int) {
	for i, label := range labels {
		if label >= 0 {
			d := dlogits[i*cols : i*cols+cols]
			elem(opAxpy, d, probs[i*cols:i*cols+cols], nil, dloss[i], 0)
			d[label] -= dloss[i]
		}
	}
}

func checkLabels(op string, labels []int32, rows, cols int) {
	checkLen(op, "labels", rows, len(labels))
	for i, l := range labels {
		if int(l) >= cols {
			panic(fmt.Sprintf("kernel: %s: label %d of row %d, want less than %d", op, l, i, cols))
		}
	}
}
