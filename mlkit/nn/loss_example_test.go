package nn_test

import (
	"fmt"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Three rows of logits for two classes; the last row is padding.
func ExampleCrossEntropyLoss() {
	tape := tensor.NewTape(1)
	logits := tape.Variable([]float32{2, 0, 0, 2, 9, 9}, 3, 2)
	labels := tensor.NewInts([]int32{0, 0, -1})
	rows := nn.CrossEntropyLoss{Ignore: []int32{-1}, Reduction: nn.ReduceNone}.Loss(logits, labels)
	mean := nn.CrossEntropyLoss{Ignore: []int32{-1}}.Loss(logits, labels)
	fmt.Printf("%.3f mean %.3f\n", rows.Data(), mean.Item())
	// Output: [0.127 2.127 0.000] mean 1.127
}

// A teacher's probabilities as the target of a student.
func ExampleKLDivLoss() {
	tape := tensor.NewTape(1)
	teacher := tape.Input([]float32{1, 2, 3}, 1, 3).Softmax(-1)
	student := tape.Variable([]float32{1, 1, 1}, 1, 3)
	loss := nn.KLDivLoss{Reduction: nn.ReduceBatchMean}.Loss(student.LogSoftmax(-1), teacher)
	g := loss.Backward().Wrt(student)
	fmt.Printf("%.3f, gradient %.3f\n", loss.Item(), g)
	// Output: 0.266, gradient [0.243 0.089 -0.332]
}
