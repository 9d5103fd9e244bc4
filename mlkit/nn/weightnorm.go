package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"descent/mlkit/tensor"
)

// The names of what a normalisation adds follow its parameter's.
const gainName, uName, vName = ".gain", ".u", ".v"

// AddWeightNorm makes weights learn length and direction separately
// (Salimans & Kingma, Weight Normalization, 2016): each row W of a weight [out,
// ...] is used as gain·W/‖W‖ from now on, in every layer that has it. The gains
// start at the rows' lengths, so that at first nothing changes, and are
// parameters of the model ([State]): "weight" and "weight.gain" are PyTorch's
// weight_v and weight_g, or parametrizations.weight.original1 and original0.
//
// The patterns of names are [FreezeNamed]'s; none means all parameters of two
// axes or more. A pattern that fits none of them panics, and so does a weight
// that is normalised already. [MergeNorms] removes it again.
func AddWeightNorm(model any, patterns ...string) {
	for _, p := range toNormalise("AddWeightNorm", model, patterns) {
		out := p.Dims()[0]
		c := &tensor.WeightNorm{Gain: tensor.NewParam(out)}
		row := p.Size() / max(out, 1)
		for i := range out {
			var sum float64
			for _, v := range p.Data[i*row : (i+1)*row] {
				sum += float64(v) * float64(v)
			}
			c.Gain.Data[i] = float32(math.Sqrt(sum))
		}
		c.Gain.Frozen = p.Frozen
		p.Norm = c
	}
	State(model) // sets the names
}

// AddSpectralNorm divides weights by their largest singular value from now on,
// in every layer that has them (Miyato et al., Spectral Normalization for
// Generative Adversarial Networks, 2018; PyTorch's spectral_norm with its
// defaults). Estimates of the singular vectors are buffers of the model
// ("weight.u", "weight.v"; PyTorch's parametrizations.weight.0._u and _v),
// which start with 15 steps of power iteration from rng and take one more in
// each training step. Patterns are as in [AddWeightNorm].
func AddSpectralNorm(rng *rand.Rand, model any, patterns ...string) {
	transposed := map[*tensor.Param]bool{}
	eachStruct(model, func(layer any) {
		switch l := layer.(type) {
		case *ConvTranspose1D:
			transposed[l.Weight] = true
		case *ConvTranspose2D:
			transposed[l.Weight] = true
		}
	})
	for _, p := range toNormalise("AddSpectralNorm", model, patterns) {
		c := &tensor.SpectralNorm{}
		if transposed[p] {
			c.Axis = 1
		}
		out := p.Dims()[c.Axis]
		c.U, c.V = tensor.NewBuffer(0, out), tensor.NewBuffer(0, p.Size()/max(out, 1))
		for _, b := range []*tensor.Buffer{c.U, c.V} {
			for i := range b.Data {
				b.Data[i] = float32(rng.NormFloat64())
			}
		}
		c.Iterate(p, 15)
		p.Norm = c
	}
	State(model)
}

// MergeNorms writes the normalised weights of a model into its parameters and
// removes the normalisations. The model computes the same as before.
func MergeNorms(model any) {
	for _, p := range Params(model) {
		p.MergeNorm()
	}
}

// toNormalise finds the weights that the patterns name.
func toNormalise(op string, model any, patterns []string) (chosen []*tensor.Param) {
	used := make([]bool, len(patterns))
	for _, n := range State(model) {
		if n.Param == nil || len(n.Param.Dims()) < 2 {
			continue
		}
		on := len(patterns) == 0
		for k, pattern := range patterns {
			if matches(n.Name, pattern) {
				on, used[k] = true, true
			}
		}
		switch {
		case on && n.Param.Norm != nil:
			panic(fmt.Sprintf("nn: %s: %s is normalised already: MergeNorms first", op, n.Name))
		case on && n.Param.LowRank != nil:
			panic(fmt.Sprintf("nn: %s: %s has a low-rank change: MergeLoRA first", op, n.Name))
		case on:
			chosen = append(chosen, n.Param)
		}
	}
	if k := slices.Index(used, false); k >= 0 {
		panic(fmt.Sprintf("nn: %s: no weight of the model is called like %q; nn.State lists the names", op, patterns[k]))
	}
	return chosen
}
