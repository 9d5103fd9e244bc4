package main

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// The grid: four dense layers of one width, trained on batches of one size by
// stochastic gradient descent. Weights and data come from a formula that the
// peers compute, too: the largest cell has 70 MB of weights.

var (
	gridWidths  = []int{64, 256, 512, 1024, 2048}
	gridBatches = []int{1, 16, 64, 256, 1024, 4096}
)

// gridSize names a cell.
func gridSize(width, batch int) string { return fmt.Sprintf("%dx%d", width, batch) }

// gridSizes are the widths and batches in the order of the peers.
func gridSizes(quick bool) (cells [][2]int) {
	if quick {
		return [][2]int{{64, 1}, {64, 16}, {256, 16}}
	}
	for _, w := range gridWidths {
		for _, b := range gridBatches {
			cells = append(cells, [2]int{w, b})
		}
	}
	return cells
}

// grid trains every cell.
func grid(w *worker) error {
	for _, c := range gridSizes(w.quick) {
		width, batch := c[0], c[1]
		clock := w.clock()
		losses, err := w.steps(gridCell(width, batch), func() bool { w.firstStep(); return true }, clock.step)
		if err != nil {
			return err
		}
		// A step has no gradient of the input.
		flops := 11 * 2 * float64(width) * float64(width) * float64(batch)
		w.report(Result{Value: flops / 1e9 / least(clock.perStep), Unit: "GFLOP/s", Epochs: clock.perStep,
			Losses: losses, Size: gridSize(width, batch)})
	}
	return nil
}

func gridCell(width, batch int) *workload {
	var model nn.Sequential
	for i := range uint32(4) {
		l := &nn.Linear{Weight: tensor.ParamOf(gridNumbers(i, width*width), width, width), Bias: tensor.NewParam(width)}
		scale := float32(math.Sqrt(3 / float64(width)))
		for k := range l.Weight.Data {
			l.Weight.Data[k] *= scale
		}
		if i > 0 {
			model = append(model, nn.ReLU{})
		}
		model = append(model, l)
	}
	b := data.Batch{X: gridNumbers(4, batch*width), XDims: []int{batch, width}, Y: gridNumbers(5, batch*width),
		YDims: []int{batch, width}}
	b.Index = indices(b)
	return &workload{model, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return nn.MSE(model.Forward(b.Input(t)), b.Target(t))
	},
		optim.SGD(0.01), []data.Batch{b}}
}

// gridNumbers are numbers in [-1, 1) that all sides compute alike: a hash of
// the stream and the place (lowbias32 of Wellons, Prospecting for hash
// functions, 2018).
func gridNumbers(stream uint32, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		h := uint32(i) + (stream+1)*0x9e3779b9
		h = (h ^ h>>16) * 0x7feb352d
		h = (h ^ h>>15) * 0x846ca68b
		h ^= h >> 16
		x[i] = float32(h)/(1<<31) - 1
	}
	return x
}

// ratioGrid is our rate over that of the best peer of each cell, for a number
// of threads: a row a width, a column a batch.
func (t *Table) ratioGrid(threads int) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\t")
	for _, b := range gridBatches {
		fmt.Fprintf(w, "batch %d\t", b)
	}
	fmt.Fprintln(w)
	for _, width := range gridWidths {
		fmt.Fprintf(w, "width %d\t", width)
		for _, batch := range gridBatches {
			row := t.rows[t.key("grid", gridSize(width, batch), threads)]
			us, peer := row[mlkit], bestPeer(row)
			switch {
			case us == nil:
				fmt.Fprint(w, "-\t")
			case peer == nil:
				fmt.Fprintf(w, "%.0f GFLOP/s\t", us.Value)
			default:
				fmt.Fprintf(w, "%.2f %c\t", ratio(us, peer), peer.Framework[0])
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return out.String()
}
