package tensor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// A deep network computes in scopes what it computes without, in the memory of
// a block.
func TestScope(t *testing.T) {
	w := nn.NewLinear(nn.NewRand(3), 64, 64).Weight
	thin := func(seed uint64, in, out int) *tensor.Param {
		return nn.NewLinear(nn.NewRand(seed), in, out).Weight
	}
	w.LowRank = &tensor.LowRank{A: thin(4, 64, 2), B: thin(5, 2, 64), Scale: 1}
	x := make([]float32, 50*64)
	for i := range x {
		x[i] = float32(i%13) - 6
	}
	block := func(x tensor.Tensor) tensor.Tensor {
		h := x.Linear(x.Tape().Use(w), tensor.Tensor{}).Tanh().Scale(2)
		return x.Add(h.Linear(x.Tape().Use(w), tensor.Tensor{}).Tanh())
	}
	run := func(tape *tensor.Tape, scoped bool) []float32 {
		tape.Reset()
		y := tape.Input(x, 50, 64).Scale(0.1)
		for range 8 {
			if scoped {
				y = tape.Scope(func() tensor.Tensor {
					return tape.Scope(func() tensor.Tensor { return block(y) }).Scale(1)
				})
			} else {
				y = block(y)
			}
		}
		return slices.Clone(y.Tanh().Data())
	}
	plain, scoped, recording := tensor.NewEvalTape(), tensor.NewEvalTape(), tensor.NewTape(1)
	want := run(plain, false)
	for range 3 { // the memory of the steps before, too
		if got := run(scoped, true); !slices.Equal(got, want) {
			t.Fatal("other numbers in scopes")
		}
	}
	if got := run(recording, true); !slices.Equal(got, want) {
		t.Error("other numbers on a tape that records")
	}
	if in, out := scoped.Memory(), plain.Memory(); in > out/2 {
		t.Errorf("%d bytes in scopes, %d without", in, out)
	}
}

// What is computed late, and what its reader keeps, outlives a scope.
func TestScopeKeeps(t *testing.T) {
	tape := tensor.NewEvalTape()
	x := tape.Full(1, 2, 6, 8)
	for i, v := range x.Data() {
		x.Data()[i] = v * float32(i%7)
	}
	_, weights := x.Attention(x, x, tensor.Attend{Heads: 2})
	_, again := x.Attention(x, x, tensor.Attend{Heads: 2})
	want := slices.Clone(again.Data())
	tape.Scope(func() tensor.Tensor { return weights.Sum() })
	tape.Full(9, 2, 6, 80)
	if !slices.Equal(weights.Data(), want) {
		t.Error("weights that were read in a scope have changed")
	}
	var inside tensor.Tensor
	y := tape.Scope(func() tensor.Tensor {
		inside = x.Scale(2)
		return x
	})
	if y != x {
		t.Error("what lies outside was copied")
	}
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "Scope that has ended") {
			t.Errorf("got %q", r)
		}
	}()
	inside.Data()
}
