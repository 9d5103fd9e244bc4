package nn_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func TestSequentialOfTokens(t *testing.T) {
	rng := nn.NewRand(1)
	words := nn.NewEmbedding(rng, 5, 3)
	head := nn.NewLinear(rng, 3, 2)
	s := nn.Sequential{words, head, nn.ReLU{}}
	tape := tensor.NewTape(1)
	ids := tensor.NewInts([]int32{4, 0, 1, 1}, 2, 2)
	got, want := s.ForwardTokens(tape, ids), head.Forward(words.ForwardTokens(tape, ids)).ReLU()
	if fmt.Sprint(got.Data(), got.Dims()) != fmt.Sprint(want.Data(), want.Dims()) {
		t.Errorf("%v, want %v", got, want)
	}
	for why, f := range map[string]func(){
		"reads token ids, not features":    func() { s.Forward(tape.Input([]float32{1, 2}, 1, 2)) },
		"begins with a *nn.Linear":         func() { nn.Sequential{head}.ForwardTokens(tape, ids) },
		"an empty Sequential does not":     func() { nn.Sequential{}.ForwardTokens(tape, ids) },
		"length 3 of sequence 1 is not wi": func() { nn.MeanOverTime(tape.Input(make([]float32, 4), 2, 2, 1), tensor.NewInts([]int32{1, 3}, 2)) },
		"want x [batch, time, ...]":        func() { nn.MeanOverTime(tape.Input(make([]float32, 4), 2, 2, 1), tensor.NewInts([]int32{1}, 1)) },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, why) {
					t.Errorf("%s: %s", why, text)
				}
			}()
			f()
		}()
	}
}

// By NumPy: [x[b, :l].mean(0) if l else zeros for b, l in enumerate(lengths)].
func TestMeanOverTime(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 100, 100, 100, 100, 100, 100}
	for _, c := range []struct {
		lengths tensor.Ints
		want    string
	}{
		{tensor.NewInts([]int32{3, 1, 0}, 3), "[3 4 7 8 0 0]"},
		{tensor.Ints{}, "[3 4 9 10 100 100]"},
	} {
		y := nn.MeanOverTime(tensor.NewEvalTape().Input(x, 3, 3, 2), c.lengths)
		var rounded []float64
		for _, v := range y.Data() {
			rounded = append(rounded, math.Round(float64(v)*1e5)/1e5)
		}
		if fmt.Sprint(rounded) != c.want || fmt.Sprint(y.Dims()) != "[3 2]" {
			t.Errorf("%v %v, want %s", rounded, y.Dims(), c.want)
		}
	}
	if err := gradcheck.Check(func(_ *tensor.Tape, x []tensor.Tensor) tensor.Tensor {
		y := nn.MeanOverTime(x[0], tensor.NewInts([]int32{3, 1, 2}, 3))
		return y.Mul(y).Sum()
	}, gradcheck.Random(1, 3, 3, 2)); err != nil {
		t.Error(err)
	}
}
