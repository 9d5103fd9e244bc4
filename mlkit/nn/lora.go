package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"descent/mlkit/tensor"
)

// LoRA says which weights of a model get a low-rank change, and how.
type LoRA struct {
	// Rank is the rank of the change, at least 1; 4 to 16 are usual.
	Rank int
	// Alpha is Rank times the factor of the change; 0 is Rank, a factor of 1.
	Alpha float32
	// On are patterns of names, as [FreezeNamed] has them. nil is all
	// parameters of two axes or more.
	On []string
}

// The factors' names follow their parameter's.
const loraA, loraB = ".lora_a", ".lora_b"

// AddLoRA freezes a model and puts a low-rank change beside weights (Hu et al.,
// LoRA, 2021): a weight W [out, ...], as a matrix [out, in], is used as W +
// Alpha/Rank·B·A from now on, in every layer that has it, and only B [out,
// Rank] and A [Rank, in] learn. A starts as PyTorch starts a Linear, B at 0, so
// that at first nothing changes. Whatever else should learn, such as a new last
// layer, is unfrozen afterwards:
//
//	factors := nn.AddLoRA(rng, model, nn.LoRA{Rank: 8, On: []string{"*_proj.weight"}})
//	nn.Unfreeze(model.Head)
//
// It returns the factors, which are parameters of the model now ([State]),
// saved and loaded with it. What reads a weight's data and not its tensor
// (package compress, a file for another program) does not see the change:
// [MergeLoRA] first. A pattern that fits no weight of two axes panics, and so
// does a weight that has a change already, or is smaller than its factors would
// be.
func AddLoRA(rng *rand.Rand, model any, l LoRA) []*tensor.Param {
	if l.Rank < 1 {
		panic(fmt.Sprintf("nn: AddLoRA: rank %d: must be positive", l.Rank))
	}
	used := make([]bool, len(l.On))
	var chosen []*tensor.Param
	for _, n := range State(model) {
		if n.Param == nil || len(n.Param.Dims()) < 2 {
			continue
		}
		on := l.On == nil
		for k, pattern := range l.On {
			if matches(n.Name, pattern) {
				on, used[k] = true, true
			}
		}
		if !on {
			continue
		}
		out := n.Param.Dims()[0]
		switch in := n.Param.Size() / max(out, 1); {
		case n.Param.LowRank != nil:
			panic(fmt.Sprintf("nn: AddLoRA: %s has a low-rank change already: MergeLoRA first", n.Name))
		case l.Rank*(out+in) >= out*in && l.On == nil: // a depthwise filter
		case l.Rank*(out+in) >= out*in:
			panic(fmt.Sprintf("nn: AddLoRA: %s of shape %v has %d numbers, its factors of rank %d would have %d: take a lower rank, or train it as it is", n.Name, n.Param.Dims(), out*in, l.Rank, l.Rank*(out+in)))
		default:
			chosen = append(chosen, n.Param)
		}
	}
	if k := slices.Index(used, false); k >= 0 {
		panic(fmt.Sprintf("nn: AddLoRA: no weight of the model is called like %q; nn.State lists the names", l.On[k]))
	}
	Freeze(model)
	scale := float32(1)
	if l.Alpha != 0 {
		scale = or(l.Alpha, 0) / float32(l.Rank)
	}
	var factors []*tensor.Param
	for _, p := range chosen {
		out := p.Dims()[0]
		in := p.Size() / out
		c := &tensor.LowRank{A: tensor.NewParam(l.Rank, in), B: tensor.NewParam(out, l.Rank), Scale: scale}
		bound := 1 / math.Sqrt(float64(in))
		Uniform(c.A, rng, -bound, bound)
		p.LowRank = c
		factors = append(factors, c.A, c.B)
	}
	State(model) // sets their names
	return factors
}

// MergeLoRA adds the low-rank changes to the weights of a model, which then
// computes the same without them. What was frozen stays so.
func MergeLoRA(model any) {
	for _, p := range Params(model) {
		p.Merge()
	}
}
