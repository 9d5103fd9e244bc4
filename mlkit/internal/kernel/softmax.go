package kernel

import (
	"fmt"
	"math"
)

// Softmax computes, for each row of cols elements, e^(x-max) / sum of e^(x-max). dst may be x.
// A row of nothing but -Inf gives NaN.
func Softmax(dst, x []float32, cols int) {
	checkLen("Softmax", "the input", len(dst), len(x))
	for i := range rowsOf("Softmax", len(dst), cols) {
		softmaxRow(dst[i*cols:i*cols+cols], x[i*cols:i*cols+cols])
	}
}

// softmaxRow returns the row's largest element and the sum of e^(x-max).
func softmaxRow(dst, x []float32) (m, sum float32) {
	m = MaxOf(x)
	var s float64
	for j, v := range x {
		e := float32(math.Exp(float64(v - m)))
		dst[j] = e
		s += float64(e)
	}
	r := float32(1 / s)
	for j := range dst {
		dst[j] *= r
	}
	return m, float32(s)
}

// SoftmaxGrad adds y * (dy - sum of dy*y over the row) to dx; y is Softmax's output.
func SoftmaxGrad(dx, dy, y []float32, cols int) {
	checkLen("SoftmaxGrad", "dy", len(dx), len(dy))
	checkLen("SoftmaxGrad", "y", len(dx), len(y))
	for i := range rowsOf("SoftmaxGrad", len(dx), cols) {
		d, g, p := dx[i*cols:i*cols+cols], dy[i*cols:i*cols+cols], y[i*cols:i*cols+cols]
		s := Dot(g, p)
		for j := range d {
			d[j] += p[j] * (g[j] - s)
		}
	}
}

// LogSoftmax computes, for each row of cols elements, x - max - log(sum of e^(x-max)).
func LogSoftmax(dst, x []float32, cols int) {
	checkLen("LogSoftmax", "the input", len(dst), len(x))
	for i := range rowsOf("LogSoftmax", len(dst), cols) {
		d, v := dst[i*cols:i*cols+cols], x[i*cols:i*cols+cols]
		m := MaxOf(v)
		var s float64
		for _, e := range v {
			s += math.Exp(float64(e - m))
		}
		l := float32(math.Log(s))
		for j, e := range v {
			d[j] = e - m - l
		}
	}
}

// LogSoftmaxGrad adds dy - e^y * (sum of dy over the row) to dx; y is LogSoftmax's output.
func LogSoftmaxGrad(dx, dy, y []float32, cols int) {
	checkLen("LogSoftmaxGrad", "dy", len(dx), len(dy))
	checkLen("LogSoftmaxGrad", "y", len(dx), len(y))
	for i := range rowsOf("LogSoftmaxGrad", len(dx), cols) {
		d, g, p := dx[i*cols:i*cols+cols], dy[i*cols:i*cols+cols], y[i*cols:i*cols+cols]
		s := Sum(g)
		for j := range d {
			d[j] += g[j] - s*float32(math.Exp(float64(p[j])))
		}
	}
}

// SoftmaxCrossEntropy computes for each row the softmax of the logits into probs and
// loss[i] = -log(probs[i][labels[i]]), the latter from the logits so that it stays finite where
// the probability underflows. probs may be logits. A negative label marks a row to ignore: its loss is 0. A label >= cols panics.
func SoftmaxCrossEntropy(loss, probs, logits []float32, labels []int32, cols int) {
	checkLen("SoftmaxCrossEntropy", "logits", len(probs), len(logits))
	rows := rowsOf("SoftmaxCrossEntropy", len(probs), cols)
	checkLen("SoftmaxCrossEntropy", "loss", rows, len(loss))
	checkLen("SoftmaxCrossEntropy", "labels", rows, len(labels))
	for i, label := range labels {
		if int(label) >= cols {
			panic(fmt.Sprintf("kernel: SoftmaxCrossEntropy: label %d of row %d, want less than %d", label, i, cols))
		}
		x := logits[i*cols : i*cols+cols]
		var at float32
		if label >= 0 {
			at = x[label]
		}
		m, s := softmaxRow(probs[i*cols:i*cols+cols], x)
		loss[i] = 0
		if label >= 0 {
			loss[i] = float32(math.Log(float64(s)) - float64(at-m))
		}
	}
}

// SoftmaxCrossEntropyGrad adds dloss[i] * (probs[i] - onehot(labels[i])) to dlogits; rows with a
// negative label get nothing.
func SoftmaxCrossEntropyGrad(dlogits, dloss, probs []float32, labels []int32, cols int) {
	checkLen("SoftmaxCrossEntropyGrad", "probs", len(dlogits), len(probs))
	rows := rowsOf("SoftmaxCrossEntropyGrad", len(dlogits), cols)
	checkLen("SoftmaxCrossEntropyGrad", "dloss", rows, len(dloss))
	checkLen("SoftmaxCrossEntropyGrad", "labels", rows, len(labels))
	for i, label := range labels {
		if label < 0 {
			continue
		}
		d := dlogits[i*cols : i*cols+cols]
		Axpy(d, dloss[i], probs[i*cols:i*cols+cols])
		d[label] -= dloss[i]
	}
}
