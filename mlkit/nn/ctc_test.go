package nn_test

import (
	"slices"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func TestCTCGreedy(t *testing.T) {
	tape := tensor.NewEvalTape()
	path := []int32{0, 2, 2, 0, 2, 1, 1, 0, 1, 1, 0, 0, 0, 0}
	logits := tape.OneHot(tensor.NewInts(path, 2, 7), 3)
	got := nn.CTCGreedy([][]int32{{9, 9}}, logits, tensor.Ints{}, 0)
	if len(got) != 2 || !slices.Equal(got[0], []int32{2, 2, 1}) || !slices.Equal(got[1], []int32{1}) {
		t.Errorf("%v", got)
	}
	got = nn.CTCGreedy(got, logits, tensor.NewInts([]int32{3, 1}, 2), 0)
	if !slices.Equal(got[0], []int32{2}) || len(got[1]) != 0 {
		t.Errorf("%v", got)
	}
	if got = nn.CTCGreedy(got, logits, tensor.Ints{}, 2); !slices.Equal(got[0], []int32{0, 0, 1}) {
		t.Errorf("%v", got)
	}
}
