package explain

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// Likeness is how much an explanation is like another: rank correlations of
// their values and of the values' magnitudes, NaN where one of them is the same
// everywhere.
type Likeness struct{ Values, Magnitudes float64 }

// Sanity checks that a method's values depend on what the model has learned
// (Adebayo et al., Sanity checks for saliency maps, 2018, section 3, cascading
// randomisation): it shuffles the elements of each parameter of the last layer,
// then of the last two, …, and compares the method's values with those of the
// trained model. Shuffling keeps the distribution of the weights, which a new
// initialisation would not. A method whose values stay alike to the end shows
// the input, not the model.
//
// layers are the parameters from the input on, and the method may be any of
// this package:
//
//	func() ([]float32, error) { return explain.Saliency(model.Forward, in) }
//
// The result has an element for each layer, from the last one shuffled to all.
// The parameters are afterwards what they were; the same seed shuffles alike.
func Sanity(layers [][]*tensor.Param, method func() ([]float32, error), seed uint64) ([]Likeness, error) {
	var all []*tensor.Param
	for l, layer := range layers {
		if len(layer) == 0 {
			return nil, fmt.Errorf("explain: Sanity: layer %d of %d has no parameters: leave it out", l, len(layers))
		}
		all = append(all, layer...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("explain: Sanity: no layers")
	}
	restore := keep(all)
	defer restore()
	want, err := method()
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]Likeness, 0, len(layers))
	for l := len(layers) - 1; l >= 0; l-- {
		for _, p := range layers[l] {
			rng.Shuffle(len(p.Data), func(i, j int) { p.Data[i], p.Data[j] = p.Data[j], p.Data[i] })
		}
		got, err := method()
		if err != nil {
			return nil, fmt.Errorf("%w, with layers from %d on shuffled", err, l)
		}
		var like Likeness
		if like.Values, err = RankCorrelation(got, want); err != nil {
			return nil, fmt.Errorf("explain: Sanity: the method's values with layers from %d on shuffled: %w", l, err)
		}
		like.Magnitudes, _ = RankCorrelation(magnitudes(got), magnitudes(want))
		out = append(out, like)
	}
	return out, nil
}

func magnitudes(x []float32) []float32 {
	out := make([]float32, len(x))
	for k, v := range x {
		out[k] = float32(math.Abs(float64(v)))
	}
	return out
}
