package nn_test

import (
	"fmt"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Two sentences of different length, read in both directions.
func ExampleLSTM_Run() {
	rng := nn.NewRand(1)
	words := nn.NewPaddedEmbedding(rng, 100, 8, 0)
	lstm := nn.NewLSTM(rng, nn.Recurrent{In: 8, Hidden: 16, Bidirectional: true})

	tape := tensor.NewTape(1)
	ids := tensor.NewInts([]int32{5, 17, 3, 42, 9, 0, 0, 0}, 2, 4)
	lengths := tensor.NewInts([]int32{4, 1})
	out, h, c := lstm.Run(words.ForwardTokens(tape, ids), nn.Sequences{Lengths: lengths})
	fmt.Println("outputs", out.Dims(), "final states", h.Dims(), c.Dims())
	fmt.Println("beyond the end:", out.At(1, 3, 0))
	// Output:
	// outputs [2 4 32] final states [2 2 16] [2 2 16]
	// beyond the end: 0
}

// What each position takes from the ones before it.
func ExampleMultiHeadAttention_Attend() {
	attention := nn.NewMultiHeadAttention(nn.NewRand(1), 8, 2)
	tape := tensor.NewTape(1)
	x := tape.Full(1, 1, 4, 8) // four positions that are all alike
	y, weights := attention.Attend(x, x, x, nn.Mask{Causal: true})
	fmt.Println(y.Dims(), weights.Dims())
	for i := range 4 {
		fmt.Printf("%.2f %.2f %.2f %.2f\n", weights.At(0, 0, i, 0), weights.At(0, 0, i, 1), weights.At(0, 0, i, 2), weights.At(0, 0, i, 3))
	}
	// Output:
	// [1 4 8] [1 2 4 4]
	// 1.00 0.00 0.00 0.00
	// 0.50 0.50 0.00 0.00
	// 0.33 0.33 0.33 0.00
	// 0.25 0.25 0.25 0.25
}
