package train_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// binaryRows are pictures of 8 pixels with two labels.
func binaryRows() *data.Loader {
	var x []float32
	var y []int32
	for k := range 20 {
		for i := range 8 {
			x = append(x, float32((k>>(i%4)^i)&1))
		}
		y = append(y, int32(k%2))
	}
	return &data.Loader{Dataset: data.FromLabels(x, []int{8}, y), BatchSize: 5, Shuffle: true, Seed: 3}
}

// smallBeliefNet has layers of 8, 6 and a top machine with two labels.
func smallBeliefNet() *nn.DBN {
	rng := nn.NewRand(1)
	top := nn.NewRBM(rng, 8, 7)
	top.Classes = 2
	return nn.NewDBN(top, nn.NewRBM(rng, 8, 6))
}

// maskedReader has dropout masks that hold for a sequence, in every place where
// a recurrent layer draws some.
type maskedReader struct {
	Read *nn.LSTM
	More *nn.GRU
	Out  *nn.Linear
}

func newMaskedReader() *maskedReader {
	rng := nn.NewRand(1)
	c := nn.Recurrent{In: 2, Hidden: 5, Layers: 2, Bidirectional: true, Dropout: 0.2, InputDropout: 0.3, RecurrentDropout: 0.4}
	g := nn.Recurrent{In: 10, Hidden: 4, InputDropout: 0.3, RecurrentDropout: 0.4, ResetBefore: true}
	return &maskedReader{nn.NewLSTM(rng, c), nn.NewGRU(rng, g), nn.NewLinear(rng, 4, 2)}
}

func (m *maskedReader) Forward(x tensor.Tensor) tensor.Tensor {
	y := m.Read.Forward(x.Reshape(x.Dim(0), 4, 2))
	return m.Out.Forward(m.More.Last(y, nn.Sequences{}))
}

// What is drawn in training follows from the seed and the step: a training that
// is killed between two checkpoints ends in the same bits as one that was not.
func TestDrawsAfterAResume(t *testing.T) {
	rbm := func() *nn.RBM {
		m := nn.NewRBM(nn.NewRand(1), 10, 6)
		m.Classes = 2
		return m
	}
	averaged := func() optim.Rule {
		return optim.NewEMA(0.9).Around(optim.MaxNorm(0.3, optim.Momentum(0.5, 0.9)))
	}
	for name, c := range map[string]struct {
		objective func() train.Objective[data.Batch]
		rule      func() optim.Rule
	}{
		"contrastive divergence": {func() train.Objective[data.Batch] { return train.Contrastive(rbm(), 3) }, averaged},
		"up–down":                {func() train.Objective[data.Batch] { return train.UpDown(smallBeliefNet(), 2) }, averaged},
		"masks of sequences": {func() train.Objective[data.Batch] {
			return train.Supervised(newMaskedReader(), nn.CrossEntropy)
		}, averaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoint")
			run := func(path string, kill int) ([]float32, error) {
				o := c.objective()
				cfg := train.Config{Epochs: 3, Seed: 7, Optimizer: c.rule(), Resume: path,
					Callbacks: []train.Callback{train.Checkpoint(path, 3), train.OnStep(func(r *train.Run) error {
						if r.Step == kill {
							return errors.New("killed")
						}
						return nil
					})}}
				_, err := train.Fit(context.Background(), o, binaryRows(), cfg)
				return bits(o.Model), err
			}
			want, err := run(path+"-whole", 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := run(path, 8); err == nil { // in the second epoch, after the checkpoint of step 6
				t.Fatal("nothing was killed")
			}
			got, err := run(path, 0)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("after a resume the weights are others (%v)", err)
			}
		})
	}
}

// Data that are no probabilities, and labels that the net has not, end Fit with
// an error that says what to do.
func TestContrastiveRefuses(t *testing.T) {
	loader := func(scale float32, label int32) *data.Loader {
		x, y := make([]float32, 8*4), []int32{0, 1, 0, label}
		for i := range x {
			x[i] = scale * float32(i%2)
		}
		return &data.Loader{Dataset: data.FromLabels(x, []int{8}, y), BatchSize: 2}
	}
	labelled := func() *nn.RBM {
		m := nn.NewRBM(nn.NewRand(1), 10, 3)
		m.Classes = 2
		return m
	}
	for _, c := range []struct {
		o      train.Objective[data.Batch]
		loader *data.Loader
		want   string
	}{
		{train.Contrastive(nn.NewRBM(nn.NewRand(1), 8, 3), 1), loader(255, 1), "unit 1 of row 0 is 255"},
		{train.Contrastive(nn.NewRBM(nn.NewRand(1), 8, 3), 1), loader(float32(math.NaN()), 1), "is NaN"},
		{train.Contrastive(labelled(), 1), loader(-1, 1), "unit 1 of row 0 is -1"},
		{train.Contrastive(nn.NewRBM(nn.NewRand(1), 9, 3), 1), loader(1, 1), "[2 8]"},
		{train.UpDown(smallBeliefNet(), 1), loader(2, 1), "scale the data"},
		{train.Contrastive(labelled(), 1), loader(1, 2), "id 2 at place 1 is outside of 0…1"},
		{train.UpDown(smallBeliefNet(), 1), loader(1, -1), "id -1 at place 1"},
	} {
		_, err := train.Fit(context.Background(), c.o, c.loader, train.Config{Epochs: 1, Optimizer: optim.SGD(0.1)})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		} else {
			t.Log(err)
		}
	}
}
