package kernel

import (
	"fmt"
	"math"
)

// Softmax computes, for each row of cols elements, e^(x-max) / sum of e^(x-max). dst may be x.
// A row with a NaN, or of nothing but -Inf, gives NaN.
func Softmax(dst, x []float32, cols int) {
	checkLen("Softmax", "the input", len(dst), len(x))
	softmaxJob((*job).softmaxPart, rowsOf("Softmax", len(dst), cols), cols, dst, x, nil)
}

// LogSoftmax computes, for each row of cols elements, x - max - log(sum of e^(x-max)). dst may be x.
func LogSoftmax(dst, x []float32, cols int) {
	checkLen("LogSoftmax", "the input", len(dst), len(x))
	softmaxJob((*job).logSoftmaxPart, rowsOf("LogSoftmax", len(dst), cols), cols, dst, x, nil)
}

// SoftmaxGrad adds y * (dy - sum of dy*y over the row) to dx; y is Softmax's output.
func SoftmaxGrad(dx, dy, y []float32, cols int) {
	checkLen("SoftmaxGrad", "dy", len(dx), len(dy))
	checkLen("SoftmaxGrad", "y", len(dx), len(y))
	softmaxJob((*job).softmaxGradPart, rowsOf("SoftmaxGrad", len(dx), cols), cols, dx, dy, y)
}

// LogSoftmaxGrad adds dy - e^y * (sum of dy over the row) to dx; y is LogSoftmax's output.
func LogSoftmaxGrad(dx, dy, y []float32, cols int) {
	checkLen("LogSoftmaxGrad", "dy", len(dx), len(dy))
	checkLen("LogSoftmaxGrad", "y", len(dx), len(y))
	softmaxJob((*job).logSoftmaxGradPart, rowsOf("LogSoftmaxGrad", len(dx), cols), cols, dx, dy, y)
}

func softmaxJob(run func(j *job, lo, hi int), rows, cols int, a, b, c []float32) {
	if rows == 0 {
		return
	}
	j := getJob(run)
	j.x[0], j.x[1], j.x[2], j.cols = a, b, c, cols
	j.parallel(rows, rowsAtATime(rowGrain, cols))
}

func (j *job) softmaxPart(lo, hi int) {
	for i := lo; i < hi; i++ {
		softmaxRow(j.rows(0, i, i+1), j.rows(1, i, i+1))
	}
}

func (j *job) logSoftmaxPart(lo, hi int) {
	for i := lo; i < hi; i++ {
		x := j.rows(1, i, i+1)
		m, s := expSumRow(x)
		elem(opSubTwo, j.rows(0, i, i+1), x, nil, m, float32(math.Log(float64(s))))
	}
}

func (j *job) softmaxGradPart(lo, hi int) {
	for i := lo; i < hi; i++ {
		g, y := j.rows(1, i, i+1), j.rows(2, i, i+1)
		elem(opSoftmaxGrad, j.rows(0, i, i+1), g, y, dot(g, y), 0)
	}
}

func (j *job) logSoftmaxGradPart(lo, hi int) {
	for i := lo; i < hi; i++ {
		g := j.rows(1, i, i+1)
		elem(opLogSoftmaxGrad, j.rows(0, i, i+1), g, j.rows(2, i, i+1), sum(g), 0)
	}
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
	j := getJob((*job).crossEntropyPart)
	j.x[0], j.x[1], j.x[2], j.labels, j.cols = loss, probs, logits, labels, cols
	j.parallel(rows, rowsAtATime(rowGrain, cols))
}

func (j *job) crossEntropyPart(lo, hi int) {
	for i := lo; i < hi; i++ {
		x, label := j.rows(2, i, i+1), j.labels[i]
		var at, loss float32
		if label >= 0 {
			at = x[label] // before probs may overwrite it
		}
		m, s := softmaxRow(j.rows(1, i, i+1), x)
		if label >= 0 {
			loss = float32(math.Log(float64(s)) - float64(at-m))
		}
		j.x[0][i] = loss
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
	j := getJob((*job).crossEntropyGradPart)
	j.x[0], j.x[1], j.x[2], j.labels, j.cols = dlogits, dloss, probs, labels, cols
	j.parallel(rows, rowsAtATime(elemGrain, cols))
}

func (j *job) crossEntropyGradPart(lo, hi int) {
	for i := lo; i < hi; i++ {
		if label := j.labels[i]; label >= 0 {
			d, s := j.rows(0, i, i+1), j.x[1][i]
			elem(opAxpy, d, j.rows(2, i, i+1), nil, s, 0)
			d[label] -= s
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
