package nn

import (
	"fmt"
	"path"
	"slices"

	"descent/mlkit/tensor"
)

// Freeze stops a model, or a part of one, from learning: training changes
// neither its parameters nor the running statistics of its batch
// normalisations, which then normalise with them in training, too. PyTorch:
// requires_grad_(False), and eval() of the batch norms. What lies before the
// first parameter that still learns gets no gradients, and the backward pass
// ends there. Dropout stays active.
//
//	nn.Freeze(model.Body) // fine-tune the head alone
func Freeze(model any) { freeze(model, true) }

// Unfreeze lets a model, or a part of one, learn again: all of it.
func Unfreeze(model any) { freeze(model, false) }

// FreezeNamed freezes the parameters and buffers whose names match one of the
// patterns of path.Match, in which * stands for any run of characters (see
// [descent/mlkit/optim.Named]). A batch normalisation keeps its statistics when
// its running_mean is among them. A pattern that matches nothing panics.
//
//	nn.FreezeNamed(model, "blocks.?.*", "stem.*")
func FreezeNamed(model any, patterns ...string) {
	used := make([]bool, len(patterns))
	freezeIf(model, true, func(name string) (fits bool) {
		for k := range patterns {
			if matches(name, patterns[k]) {
				fits, used[k] = true, true
			}
		}
		return fits
	})
	if k := slices.Index(used, false); k >= 0 {
		panic(fmt.Sprintf("nn: FreezeNamed: nothing in the model is called like %q; nn.State lists the names", patterns[k]))
	}
}

// matches reports whether a name is like a pattern of path.Match.
func matches(name, pattern string) bool {
	ok, err := path.Match(pattern, name)
	if err != nil {
		panic(fmt.Sprintf("nn: the pattern %q is malformed", pattern))
	}
	return ok
}

func freeze(model any, on bool) { freezeIf(model, on, func(string) bool { return true }) }

// freezeIf freezes, or unfreezes, what has a name that is accepts.
func freezeIf(model any, on bool, is func(name string) bool) {
	var norms []*BatchNorm
	w := eachStruct(model, func(layer any) {
		if b, ok := layer.(*BatchNorm); ok {
			norms = append(norms, b)
		}
	})
	among := map[*tensor.Buffer]bool{}
	for _, n := range w.found {
		if !is(n.Name) {
			continue
		}
		if n.Param != nil {
			n.Param.Frozen = on
		} else {
			among[n.Buffer] = true
		}
	}
	for _, b := range norms {
		if among[b.RunningMean] {
			b.Frozen = on
		}
	}
}
