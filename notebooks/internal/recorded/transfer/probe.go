package main

import (
	"slices"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"

	"gonum.org/v1/gonum/stat"
)

// frozen trains logistic regression on the sentences' vectors, whose columns
// are scaled by the training part. Decay and steps are those that do best on
// the part to choose by.
func frozen(s *sentences, seed uint64) (accuracy float64) {
	var texts []string
	index := slices.Concat(s.training, s.tuning, s.test)
	for _, i := range index {
		texts = append(texts, s.texts[i])
	}
	vectors := pretrained().Vectors(texts...)
	n := len(s.training)
	for j := range vectors[0] {
		column := make([]float64, n)
		for i := range column {
			column[i] = float64(vectors[i][j])
		}
		mean, std := stat.PopMeanStdDev(column, nil)
		for _, v := range vectors {
			v[j] = (v[j] - float32(mean)) / float32(std+1e-3)
		}
	}
	width, rows := len(vectors[0]), slices.Concat(vectors...)
	labels := tensor.NewInts(s.labelsOf(s.training), n)
	share := func(l *nn.Linear, from, to int) float64 {
		y := l.Forward(tensor.NewEvalTape().Input(rows[from*width:to*width], to-from, width)).Data()
		right := 0
		for i := from; i < to; i++ {
			if (y[2*(i-from)+1] > y[2*(i-from)]) == (s.labels[index[i]] == 1) {
				right++
			}
		}
		return 100 * float64(right) / float64(to-from)
	}
	best := -1.0
	for _, decay := range []float64{0.1, 1, 5} {
		l := &nn.Linear{Weight: tensor.NewParam(2, width), Bias: tensor.NewParam(2)}
		o := optim.New(nn.Params(l), optim.AdamW(3e-3, optim.WeightDecay(decay)))
		t := tensor.NewTape(1)
		for step := 1; step <= 300; step++ {
			t.Reset()
			o.Step(nn.CrossEntropy(l.Forward(t.Input(rows[:n*width], n, width)), labels).Backward())
			if step != 50 && step != 150 && step != 300 {
				continue
			}
			if v := share(l, n, n+len(s.tuning)); v > best {
				best, accuracy = v, share(l, n+len(s.tuning), len(index))
			}
		}
	}
	return accuracy
}
