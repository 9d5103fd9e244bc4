package nn_test

import (
	"slices"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// body has batch norms wherever a model can have them.
type body struct {
	Conv  *nn.Conv2D
	Norm  nn.BatchNorm // by value
	Named map[string]nn.Layer
	Rest  []nn.Layer
}

func newBody() *body {
	rng := nn.NewRand(1)
	return &body{nn.NewConv2D(rng, nn.Conv{In: 1, Out: 3, Kernel: 3}), *nn.NewBatchNorm(3), map[string]nn.Layer{"a": nn.NewBatchNorm(3)},
		[]nn.Layer{nn.Residual{Body: nn.Sequential{nn.NewBatchNorm(3), nn.ReLU{}}}, nn.GlobalAvgPool{}}}
}

func (b *body) Forward(x T) T {
	x = b.Named["a"].Forward(b.Norm.Forward(b.Conv.Forward(x)))
	for _, l := range b.Rest {
		x = l.Forward(x)
	}
	return x
}

// Of a frozen part nothing changes, no way back is walked, and less memory is
// needed; the head learns. Unfrozen, all of it changes.
func TestFreeze(t *testing.T) {
	model := struct {
		Body *body
		Head *nn.Linear
	}{newBody(), nn.NewLinear(nn.NewRand(2), 3, 2)}
	opt := optim.New(nn.Params(model), optim.SGD(0.1, optim.WeightDecay(0.1)))
	values := func() (all [][]float32) {
		for _, n := range nn.State(model) {
			if n.Param != nil {
				all = append(all, slices.Clone(n.Param.Data))
			} else {
				all = append(all, append(slices.Clone(n.Buffer.Data), float32(n.Buffer.Count)))
			}
		}
		return all
	}
	walked := 0 // ways back of an operation in the body's middle
	probe := tensor.NewOp("probe", func(b tensor.Back) {
		walked++
		for k, v := range b.DY() {
			b.DX(0)[k] += v
		}
	})
	model.Body.Rest[1] = nn.Sequential{model.Body.Rest[1], nn.Func(func(x T) T { return probe.Apply(x.Data(), x.Dims(), []T{x}) })}
	memory := map[bool]int{}
	for _, frozen := range []bool{true, false} {
		if frozen {
			nn.Freeze(model.Body)
		} else {
			nn.Unfreeze(model.Body)
		}
		before := values()
		tape := tensor.NewTape(1)
		opt.Step(model.Head.Forward(model.Body.Forward(tape.Input(fill(0, 32, 1, 16, 16), 32, 1, 16, 16))).Square().Sum().Backward())
		if (walked == 0) != frozen {
			t.Errorf("frozen %v: %d ways back through the body", frozen, walked)
		}
		memory[frozen] = tape.Memory()
		for i, n := range nn.State(model) {
			same := slices.Equal(before[i], values()[i])
			if head := i >= len(before)-2; same != (frozen && !head) {
				t.Errorf("frozen %v: %s stays: %v", frozen, n.Name, same)
			}
		}
	}
	if memory[true] >= memory[false] {
		t.Errorf("a frozen body needs %d bytes, one that learns %d", memory[true], memory[false])
	}
}
