package main

import (
	"fmt"

	"descent/mlkit/compress"
	"descent/mlkit/data"
	"descent/mlkit/internal/kernel/rowwise"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// predictInt8 measures what predict does, in float32 and then in bytes: one
// image, then the batch, with ranges found on the batch. The accuracy of the
// bytes is the share of the batch whose class is that of float32.
func predictInt8(w *worker) error {
	load := w.task.workload(w.seed, w.quick)
	model, images, tape := load.model.(nn.Layer), load.batches[0], tensor.NewEvalTape()
	chain := model
	if n, ok := model.(*lstmNet); ok {
		chain = n.layers()
	}
	quantized, err := compress.QuantizeStatic(chain, data.Batch{X: images.X, XDims: images.XDims}, compress.MinMax)
	if err != nil {
		return err
	}
	dynamic, err := compress.QuantizeDynamic(chain)
	if err != nil {
		return err
	}
	for _, n := range []int{1, images.Len()} {
		var float []float32
		for _, way := range []struct {
			suffix string
			model  nn.Layer
		}{{" float32", model}, {"", quantized}, {" dynamic", dynamic}} {
			call := func() []float32 {
				tape.Reset()
				return way.model.Forward(tape.Input(images.X[:n*784], n, 1, 28, 28)).Data()
			}
			y := append([]float32{}, call()...)
			r := Result{Size: fmt.Sprintf("batch %d%s", n, way.suffix)}
			if float == nil {
				float, r.Losses = y, outputFigures(y)
			} else {
				r.Accuracy = sameClasses(y, float)
			}
			w.firstStep()
			clock := w.clock()
			for clock.step() {
				call()
			}
			seconds := least(clock.perStep)
			if r.Value, r.Unit = seconds*1e6, "µs"; n > 1 {
				r.Value, r.Unit = float64(n)/seconds, "samples/s"
			}
			w.report(r)
		}
	}
	return nil
}

// sameClasses is the share of rows of ten logits with the largest in the same
// place.
func sameClasses(a, b []float32) float64 {
	same := 0
	for i := 0; i < len(a); i += 10 {
		if rowwise.ArgMax(a[i:i+10]) == rowwise.ArgMax(b[i:i+10]) {
			same++
		}
	}
	return 10 * float64(same) / float64(len(a))
}
