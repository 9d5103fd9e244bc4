package nn

import (
	"fmt"
	"math"

	"descent/mlkit/tensor"
)

// BinaryCrossEntropy is BCEWithLogitsLoss with its defaults.
func BinaryCrossEntropy(logits, target tensor.Tensor) tensor.Tensor {
	return BCEWithLogitsLoss{}.Loss(logits, target)
}

// BCEWithLogitsLoss is the binary cross-entropy between sigmoid(x) and a target
// y in [0, 1], for each element by itself (two classes, or several labels that
// do not exclude each other): −y·log σ(x) − (1−y)·log(1−σ(x)), computed from
// the logits without overflow or loss of digits.
type BCEWithLogitsLoss struct {
	// PosWeight multiplies the first term: above 1 it trades precision for
	// recall. One number for each label (the last axis), or one for all.
	PosWeight []float32
	// Weight multiplies the losses, by label or all alike. The mean is still
	// over the number of elements.
	Weight    []float32
	Reduction Reduction
}

// Loss compares logits with targets of the same shape. A target outside of [0,
// 1] or a weight below 0 panics with a [*tensor.ShapeError].
func (c BCEWithLogitsLoss) Loss(logits, target tensor.Tensor) tensor.Tensor {
	sameShape("BCEWithLogitsLoss", logits, target)
	if c.PosWeight != nil {
		checkByLabel("BCEWithLogitsLoss: PosWeight", logits, c.PosWeight)
	}
	checkTargets("BCEWithLogitsLoss", target, 0, 1)
	l := logits.SigmoidCrossEntropy(target, c.PosWeight)
	if c.Weight != nil {
		l = l.Mul(byLabel("BCEWithLogitsLoss: Weight", logits, c.Weight))
	}
	return c.Reduction.apply(l)
}

// BCELoss is the binary cross-entropy of probabilities in [0, 1] and targets in
// [0, 1], −y·log p − (1−y)·log(1−p), for models that end in a sigmoid they need
// for other reasons too. A logarithm is at least −100, as in PyTorch, so a
// prediction that is certain and wrong costs 100; [BCEWithLogitsLoss] loses no
// digits there and is the one to train with. A number that is no probability
// gives NaN. To weight single elements, give the losses of ReduceNone to
// [WeightedMean].
type BCELoss struct {
	// Weight multiplies the losses, by label or all alike.
	Weight    []float32
	Reduction Reduction
}

// Loss compares probabilities with targets of the same shape.
func (c BCELoss) Loss(p, target tensor.Tensor) tensor.Tensor {
	checkTargets("BCELoss", target, 0, 1)
	l := bce(p, target)
	if c.Weight != nil {
		l = l.Mul(byLabel("BCELoss: Weight", p, c.Weight))
	}
	return c.Reduction.apply(l)
}

var bce = pointwise("BCELoss", func(p, y float64) (v, dp, dy float64) {
	yes, no := max(math.Log(p), -100), max(math.Log1p(-p), -100)
	return -y*yes - (1-y)*no, (p - y) / max(p*(1-p), 1e-12), no - yes
})

func byLabel(what string, x tensor.Tensor, w []float32) tensor.Tensor {
	checkByLabel(what, x, w)
	return x.Tape().Input(w, len(w))
}

func checkByLabel(what string, x tensor.Tensor, w []float32) {
	if len(w) != 1 && (x.Rank() == 0 || len(w) != x.Dim(-1)) {
		lossShape(what, fmt.Sprintf("%d weights; one is needed, or one for each label along the last axis", len(w)), x.Dims())
	}
	checkFinite(what, w)
}

// BinaryFocalLoss is the focal loss of single labels, for detectors with few
// positives among many (Lin et al. 2017; torchvision's sigmoid_focal_loss):
// the binary cross-entropy times (1−p)^Gamma, times Alpha for positives and
// 1−Alpha for negatives, p being the probability given to the truth.
type BinaryFocalLoss struct {
	Gamma float32 // 0 means 2; tensor.Zero is 0
	// Alpha is in (0, 1); 0 means 0.25, negative means no weights.
	Alpha     float32
	Reduction Reduction
}

// Loss compares logits with targets, 0 or 1, of the same shape.
func (c BinaryFocalLoss) Loss(logits, target tensor.Tensor) tensor.Tensor {
	gamma, alpha := or(c.Gamma, 2), or(c.Alpha, 0.25)
	checkSetting("BinaryFocalLoss", "Gamma", gamma, gamma >= 0, "at least 0")
	checkSetting("BinaryFocalLoss", "Alpha", alpha, alpha < 1, "in (0, 1), or negative for none")
	ce := BCEWithLogitsLoss{Reduction: ReduceNone}.Loss(logits, target)
	// 1 − p of the truth, from sigmoids of both signs so that none cancels.
	miss := logits.Sigmoid().Mul(target.Neg().AddScalar(1)).Add(logits.Neg().Sigmoid().Mul(target))
	l := miss.Clamp(nothingLeft, 1).PowScalar(gamma).Mul(ce)
	if alpha > 0 {
		l = l.Mul(target.Scale(2*alpha - 1).AddScalar(1 - alpha))
	}
	return c.Reduction.apply(l)
}

// HingeLoss is max(0, 1 − y·x) for scores x and targets y, −1 or 1: the loss of
// the support vector machine (Cortes & Vapnik 1995).
type HingeLoss struct {
	Squared   bool
	Reduction Reduction
}

// Loss compares scores with targets, −1 or 1, of the same shape. Another target
// panics with a [*tensor.ShapeError].
func (c HingeLoss) Loss(scores, target tensor.Tensor) tensor.Tensor {
	sameShape("HingeLoss", scores, target)
	checkSigns("HingeLoss", target)
	l := scores.Mul(target).Neg().AddScalar(1).ReLU()
	if c.Squared {
		l = l.Square()
	}
	return c.Reduction.apply(l)
}
