package nn_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func TestGRUWithTheResetBeforeIsONNXs(t *testing.T) {
	b, err := os.ReadFile("testdata/gru_before.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Out, H []float32 }
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	gru := nn.NewGRU(nn.NewRand(1), nn.Recurrent{In: 2, Hidden: 3, Bidirectional: true, ResetBefore: true})
	for k, p := range nn.Params(gru) {
		for i := range p.Data {
			p.Data[i] = float32(0.4 * math.Sin(1.3*float64(i)+0.7*float64(k)+0.5))
		}
	}
	x := make([]float32, 3*4*2)
	for i := range x {
		x[i] = float32(math.Sin(0.9 * float64(i)))
	}
	out, h := gru.Run(tensor.NewEvalTape().Input(x, 3, 4, 2), nn.Sequences{Lengths: tensor.NewInts([]int32{3, 1, 4})})
	compare(t, "outputs", out.Data(), want.Out)
	compare(t, "final states", h.Data(), want.H)
}
