package nn

import "descent/mlkit/tensor"

// MSE is the mean squared error: the mean over all elements of (pred −
// target)², which must have the same shape. A scalar.
func MSE(pred, target tensor.Tensor) tensor.Tensor {
	sameShape("MSE", pred, target)
	return pred.Sub(target).Square().Mean()
}

// CrossEntropy is the mean over the rows of −log softmax(logits)[label]:
// logits [..., classes] (not probabilities), one label a row. A scalar.
func CrossEntropy(logits tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	return logits.SoftmaxCrossEntropy(labels).Mean()
}

// sameShape guards losses against silent broadcasting: [n] against [n, 1]
// would compare every prediction with every target.
func sameShape(op string, a, b tensor.Tensor) {
	da, db := a.Dims(), b.Dims()
	same := len(da) == len(db)
	for i := 0; same && i < len(da); i++ {
		same = da[i] == db[i]
	}
	if !same {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{append([]int{}, da...), append([]int{}, db...)},
			Why: "prediction and target must have the same shape (no broadcasting: it would compare every row with every row)"})
	}
}
