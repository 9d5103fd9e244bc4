package nn_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// reader is what the recurrent layers have in common.
type reader interface {
	Forward(x tensor.Tensor) tensor.Tensor
	Last(x tensor.Tensor, s nn.Sequences) tensor.Tensor
}

// maskedLayers are recurrent layers with masks of inputs and states, by name,
// and their outputs at all steps of sequences with lengths.
func maskedLayers(c nn.Recurrent) map[string]struct {
	reader
	run func(x tensor.Tensor, s nn.Sequences) tensor.Tensor
} {
	type layer = struct {
		reader
		run func(x tensor.Tensor, s nn.Sequences) tensor.Tensor
	}
	before := c
	before.ResetBefore = true
	l, g, b, r := nn.NewLSTM(nn.NewRand(1), c), nn.NewGRU(nn.NewRand(1), c), nn.NewGRU(nn.NewRand(1), before), nn.NewRNN(nn.NewRand(1), c)
	return map[string]layer{
		"LSTM":             {l, func(x tensor.Tensor, s nn.Sequences) tensor.Tensor { y, _, _ := l.Run(x, s); return y }},
		"GRU":              {g, func(x tensor.Tensor, s nn.Sequences) tensor.Tensor { y, _ := g.Run(x, s); return y }},
		"GRU, ResetBefore": {b, func(x tensor.Tensor, s nn.Sequences) tensor.Tensor { y, _ := b.Run(x, s); return y }},
		"RNN":              {r, func(x tensor.Tensor, s nn.Sequences) tensor.Tensor { y, _ := r.Run(x, s); return y }},
	}
}

func sines(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	return x
}

// Masks belong to a sequence, not to its padding: a padded sequence gives what
// it gives when all of the batch is cut to its length, in both directions, and
// zeros behind.
func TestMasksOfPaddedSequences(t *testing.T) {
	const batch, time, in = 3, 6, 4
	lengths := []int32{6, 2, 5}
	for _, both := range []bool{false, true} {
		c := nn.Recurrent{In: in, Hidden: 5, Bidirectional: both, InputDropout: 0.3, RecurrentDropout: 0.4}
		for name, l := range maskedLayers(c) {
			x := sines(batch * time * in)
			start := func() *tensor.Tape {
				tape := tensor.NewTape(1)
				tape.Seed(1, 4)
				return tape
			}
			tape := start()
			padded := l.run(tape.Input(x, batch, time, in), nn.Sequences{Lengths: tensor.NewInts(lengths)})
			width := padded.Dim(2)
			tape = start()
			last := l.Last(tape.Input(x, batch, time, in), nn.Sequences{Lengths: tensor.NewInts(lengths)})
			for b, n := range lengths {
				tape := start()
				alone := l.run(tape.Input(x, batch, time, in).Slice(1, 0, int(n)), nn.Sequences{}).Data()
				for k := range time {
					for j := range width {
						want := float32(0)
						if k < int(n) {
							want = alone[(b*int(n)+k)*width+j]
						}
						if got := padded.At(b, k, j); math.Abs(float64(got-want)) > 1e-6 {
							t.Fatalf("%s, both directions %t: output %d of sequence %d at step %d is %v, alone it is %v", name, both, j, b, k, got, want)
						}
					}
				}
				if got, want := last.At(b, 0), alone[(b*int(n)+int(n)-1)*width]; math.Abs(float64(got-want)) > 1e-6 {
					t.Errorf("%s, both directions %t: sequence %d ends at %v, alone at %v", name, both, b, got, want)
				}
			}
		}
	}
}

// The two directions of a layer drop other states, and the same inputs.
func TestMasksOfTwoDirections(t *testing.T) {
	const width = 40
	for name, c := range map[string]nn.Recurrent{"inputs": {InputDropout: 0.5}, "states": {RecurrentDropout: 0.5}} {
		c.In, c.Hidden, c.NoBias, c.ReLU, c.Bidirectional = width, width, true, true, true
		l := nn.NewRNN(nn.NewRand(1), c)
		for _, w := range l.Weights {
			nn.Constant(w.WeightIH, 0)
			nn.Constant(w.WeightHH, 0)
			p := w.WeightHH
			if name == "inputs" {
				p = w.WeightIH
			}
			for i := range width {
				p.Data[i*width+i] = 1
			}
		}
		tape := tensor.NewTape(1)
		y, _ := l.Run(tape.Full(1, 1, 3, width), nn.Sequences{H0: tape.Full(1, 2, 1, width)})
		row := y.Data()[width*2 : width*4] // the middle step has seen one step from either side
		same := slices.Equal(row[:width], row[width:])
		if want := name == "inputs"; same != want {
			t.Errorf("%s: the directions have the same masks: %t, want %t", name, same, want)
		}
	}
}

// Prediction with masks (Monte-Carlo dropout) needs no gradient: a tape that
// trains but records none gives the bits of one that records, for every seed
// others, and by the step; and none without masks.
func TestMasksWithoutGradient(t *testing.T) {
	const batch, time, in = 3, 5, 4
	c := nn.Recurrent{In: in, Hidden: 6, Layers: 2, Bidirectional: true, Dropout: 0.2, InputDropout: 0.3, RecurrentDropout: 0.4}
	for name, l := range maskedLayers(c) {
		run := func(training, records bool, seed, step uint64) []float32 {
			tape := tensor.NewTape(0)
			tape.Seed(seed, step)
			tape.SetTraining(training)
			tape.SetRecordGrad(records)
			y := l.Forward(tape.Input(sines(batch*time*in), batch, time, in))
			return slices.Clone(y.Data())
		}
		want := run(true, true, 1, 0)
		for i, v := range run(true, false, 1, 0) {
			if math.Abs(float64(v-want[i])) > 1e-6 {
				t.Fatalf("%s: %v without gradient, %v with it", name, v, want[i])
			}
		}
		for _, other := range [][]float32{run(true, false, 2, 0), run(true, false, 1, 1), run(false, false, 1, 0)} {
			if slices.Equal(other, run(true, false, 1, 0)) {
				t.Errorf("%s: the masks do not depend on seed, step and mode", name)
			}
		}
		if !slices.Equal(run(false, false, 1, 0), run(false, false, 2, 5)) {
			t.Errorf("%s: something is drawn in evaluation", name)
		}
	}
}

// Probabilities that were set to nonsense after the layer was made are refused
// when they are used.
func TestMasksRefuse(t *testing.T) {
	for _, p := range []float32{-0.1, 1, float32(math.NaN())} {
		for k := range 2 {
			l := nn.NewLSTM(nn.NewRand(1), nn.Recurrent{In: 2, Hidden: 2})
			if k == 0 {
				l.Config.InputDropout = p
			} else {
				l.Config.RecurrentDropout = p
			}
			func() {
				defer func() {
					if r := fmt.Sprint(recover()); r == "<nil>" {
						t.Errorf("a probability of %v was taken", p)
					}
				}()
				l.Forward(tensor.NewTape(1).Full(1, 1, 2, 2))
			}()
		}
	}
}
