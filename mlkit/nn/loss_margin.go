package nn

import (
	"fmt"

	"descent/mlkit/tensor"
)

// MultiMarginLoss is the hinge loss of several classes (Weston & Watkins 1999):
// for each row the sum over the wrong classes k of
//
//	Weight[y]·max(0, Margin − x[y] + x[k])^P / classes
type MultiMarginLoss struct {
	P         int       // 1 or 2; 0 means 1
	Margin    float32   // 0 means 1
	Weight    []float32 // [classes] or nil
	Reduction Reduction
}

// Loss compares scores [batch, classes] with one label a row.
func (c MultiMarginLoss) Loss(scores tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	const op = "MultiMarginLoss"
	classes := checkLabels(op, scores, labels)
	if scores.Rank() != 2 {
		lossShape(op, "scores must be [batch, classes]", scores.Dims())
	}
	checkPower(op, c.P)
	margin := or(c.Margin, 1)
	right := scores.Gather(1, tensor.NewInts(labels.Data, labels.Size(), 1))
	own := scores.Tape().OneHot(tensor.NewInts(labels.Data, labels.Size()), classes)
	l := scores.Sub(right).AddScalar(margin).ReLU().MaskedFill(own, 0)
	if c.P == 2 {
		l = l.Square()
	}
	l = l.Sum(1).Scale(1 / float32(classes))
	if c.Weight != nil {
		checkWeights(op, c.Weight, classes)
		w := l.Tape().Scratch(labels.Size())
		for i, y := range labels.Data {
			w[i] = c.Weight[y]
		}
		l = l.Mul(l.Tape().Input(w, len(w)))
	}
	return c.Reduction.apply(l)
}

func checkPower(op string, p int) {
	if p < 0 || p > 2 {
		panic(fmt.Sprintf("nn: %s: P is %d, must be 1 or 2", op, p))
	}
}

// CosineSimilarity is the cosine of the angle between the rows of a and b,
// [..., d], of the same shape: a number from −1 to 1 a row, 0 where one of them
// is zero.
func CosineSimilarity(a, b tensor.Tensor) tensor.Tensor {
	sameShape("CosineSimilarity", a, b)
	inv := func(x tensor.Tensor) tensor.Tensor { return x.Square().Sum(-1).AddScalar(1e-12).Rsqrt() }
	return a.Mul(b).Sum(-1).Mul(inv(a)).Mul(inv(b))
}

// CosineLoss is the mean of 1 − CosineSimilarity.
func CosineLoss(pred, target tensor.Tensor) tensor.Tensor {
	return ReduceMean.apply(CosineSimilarity(pred, target).Neg().AddScalar(1))
}

// CosineEmbeddingLoss pulls pairs that belong together into the same direction
// and pushes others apart: 1 − cos for y = 1, max(0, cos − Margin) for y = −1.
type CosineEmbeddingLoss struct {
	Margin    float32 // −1 to 1
	Reduction Reduction
}

// Loss compares the rows of a and b, [..., d]; y holds 1 or −1 for each row.
func (c CosineEmbeddingLoss) Loss(a, b, y tensor.Tensor) tensor.Tensor {
	cos := CosineSimilarity(a, b)
	sameShape("CosineEmbeddingLoss", cos, y)
	checkSigns("CosineEmbeddingLoss", y)
	together := y.Greater(y.Tape().Scalar(0))
	return c.Reduction.apply(tensor.Where(together, cos.Neg().AddScalar(1), cos.AddScalar(-c.Margin).ReLU()))
}

// HingeEmbeddingLoss is for distances x, of pairs that belong together (y = 1)
// or not (y = −1): x and max(0, Margin − x) (Hadsell, Chopra & LeCun,
// Dimensionality Reduction by Learning an Invariant Mapping, 2006, without the
// squares, as PyTorch).
type HingeEmbeddingLoss struct {
	Margin    float32 // 0 means 1; tensor.Zero is 0
	Reduction Reduction
}

// Loss compares distances with targets, 1 or −1, of the same shape.
func (c HingeEmbeddingLoss) Loss(distance, target tensor.Tensor) tensor.Tensor {
	sameShape("HingeEmbeddingLoss", distance, target)
	checkSigns("HingeEmbeddingLoss", target)
	together := target.Greater(target.Tape().Scalar(0))
	return c.Reduction.apply(tensor.Where(together, distance, distance.Neg().AddScalar(or(c.Margin, 1)).ReLU()))
}

// TripletMarginLoss wants an anchor nearer to a positive than to a negative
// example by Margin: max(0, ‖a−p‖ − ‖a−n‖ + Margin) (Schroff et al., FaceNet,
// 2015, without the squares, as PyTorch).
type TripletMarginLoss struct {
	Margin float32 // 0 means 1; tensor.Zero is 0
	P      int     // norm, 1 or 2; 0 means 2
	// Swap takes the negative's distance to the positive where that is nearer
	// than to the anchor (Balntas et al. 2016).
	Swap      bool
	Reduction Reduction
}

// Loss takes three tensors of the same shape, [..., d].
func (c TripletMarginLoss) Loss(anchor, positive, negative tensor.Tensor) tensor.Tensor {
	sameShape("TripletMarginLoss", anchor, positive)
	sameShape("TripletMarginLoss", anchor, negative)
	checkPower("TripletMarginLoss", c.P)
	far := c.distance(anchor, negative)
	if c.Swap {
		far = far.Minimum(c.distance(positive, negative))
	}
	return c.Reduction.apply(c.distance(anchor, positive).Sub(far).AddScalar(or(c.Margin, 1)).ReLU())
}

// distance has PyTorch's 1e-6 in each coordinate, which keeps the gradient of
// the norm finite where two points coincide.
func (c TripletMarginLoss) distance(a, b tensor.Tensor) tensor.Tensor {
	d := a.Sub(b).AddScalar(1e-6)
	if c.P == 1 {
		return d.Abs().Sum(-1)
	}
	return d.Norm(-1)
}
