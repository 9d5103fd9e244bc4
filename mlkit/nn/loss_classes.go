package nn

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/tensor"
)

// CrossEntropy is the mean over the rows of −log softmax(logits)[label]:
// logits [..., classes] (not probabilities), one label a row. A scalar.
func CrossEntropy(logits tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	return CrossEntropyLoss{}.Loss(logits, labels)
}

// ignored is PyTorch's ignore_index.
const ignored = -100

// CrossEntropyLoss is the cross-entropy between softmax(logits) and labels or
// distributions over the classes. Classes are the last axis: PyTorch's [N, C,
// H, W] is logits.Permute(0, 2, 3, 1) here.
type CrossEntropyLoss struct {
	// Weight [classes] is the weight of each class, at least 0; nil is 1 for
	// all. With labels, the mean is a weighted mean: it is divided by the sum
	// of the rows' weights.
	Weight []float32
	// LabelSmoothing in [0, 1) moves that much of the target from the label to
	// all classes evenly (Szegedy et al. 2016).
	LabelSmoothing float32
	// Ignore lists labels, such as that of padding, whose rows do not count.
	// PyTorch's −100 never counts, listed or not. The mean is over the other
	// rows, NaN if there are none.
	Ignore    []int32
	Reduction Reduction
}

// Loss compares logits [..., classes] with one label a row. A label that is
// neither a class nor ignored panics with a [*tensor.ShapeError]. With
// ReduceNone the result has the leading axes of logits.
func (c CrossEntropyLoss) Loss(logits tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	c.check("CrossEntropyLoss", logits, 0)
	if c.Weight == nil && c.LabelSmoothing == 0 && c.counts(labels) {
		return c.Reduction.apply(logits.SoftmaxCrossEntropy(labels)) // fused
	}
	return c.nll("CrossEntropyLoss", logits.LogSoftmax(-1), labels)
}

// check refuses settings and a number of classes, the last axis of x if it is
// 0, of which no loss comes.
func (c CrossEntropyLoss) check(op string, x tensor.Tensor, classes int) {
	s := c.LabelSmoothing
	checkSetting(op, "LabelSmoothing", s, s >= 0 && s < 1, "at least 0 and below 1")
	if classes == 0 && x.Rank() > 0 {
		classes = x.Dim(-1)
	}
	if classes == 1 {
		lossShape(op, "one logit a row: its softmax is 1 and the loss 0, whatever it is; one logit for two classes is BinaryCrossEntropy's", x.Dims())
	}
}

// Linear is the loss of a dense layer's logits, Loss(x.Linear(w, b), labels): x
// [..., in], w [classes, in], b [classes] or the zero Tensor. The logits are
// never whole in memory, which pays for the vocabulary of a language model; w
// may be the table of an [Embedding] (tied weights; Press & Wolf 2017).
func (c CrossEntropyLoss) Linear(x, w, b tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	const op = "CrossEntropyLoss.Linear"
	t, classes := x.Tape(), w.Dim(0)
	c.check(op, x, classes)
	coded, total := c.rows(op, x, labels, classes)
	l := tensor.LinearCrossEntropy{Weight: w, Bias: b, Labels: tensor.NewInts(coded), ClassWeight: c.Weight,
		Smoothing: c.LabelSmoothing}
	if c.Reduction == ReduceNone {
		return x.LinearCrossEntropy(l)
	}
	each := 1.0
	switch {
	case c.Reduction == ReduceMean:
		each = 1 / total
		recordMean(t, total)
	case c.Reduction == ReduceBatchMean && x.Rank() > 1:
		each = 1 / float64(x.Dim(0))
		recordMean(t, float64(x.Dim(0)))
	}
	none := math.IsInf(each, 0)
	if none {
		each = 1
	}
	l.RowWeight = t.Scratch(len(coded))
	for i := range l.RowWeight {
		l.RowWeight[i] = float32(each)
	}
	y := x.LinearCrossEntropy(l)
	if none {
		y = y.Scale(float32(math.Inf(1))) // 0·Inf = NaN when no row counts
	}
	return y
}

// rows gives the label of each row of x, −1 where it is ignored, and the sum of
// the weights of the others.
func (c CrossEntropyLoss) rows(op string, x tensor.Tensor, labels tensor.Ints,
	classes int) (coded []int32, total float64) {
	if c.Weight != nil {
		checkWeights(op, c.Weight, classes)
	}
	coded = x.Tape().ScratchInts(labels.Size())
	for i, y := range labels.Data {
		if y == ignored || slices.Contains(c.Ignore, y) {
			coded[i] = -1
			continue
		}
		if y < 0 || int(y) >= classes {
			lossShape(op, fmt.Sprintf("label %d of row %d is neither a class, 0…%d, nor ignored", y, i, classes-1), x.Dims())
		}
		coded[i] = y
		total += float64(classWeight(c.Weight, int(y)))
	}
	return coded, total
}

// counts reports whether every row does and its label is a class, as far as
// can be seen without the number of classes.
func (c CrossEntropyLoss) counts(labels tensor.Ints) bool {
	for _, l := range labels.Data {
		if l < 0 || slices.Contains(c.Ignore, l) {
			return false
		}
	}
	return true
}

// Soft compares logits with a distribution over the classes in each row
// (smoothed or mixed labels, a teacher's softmax) of the same shape. The mean
// is over the rows, whatever Weight is. Ignore has no meaning here. A row that
// is no distribution panics with a [*tensor.ShapeError], as does a single logit
// a row, whose loss is always 0.
func (c CrossEntropyLoss) Soft(logits, target tensor.Tensor) tensor.Tensor {
	const op = "CrossEntropyLoss.Soft"
	sameShape(op, logits, target)
	c.check(op, logits, 0)
	classes := logits.Dim(-1)
	checkDistributions(op, target)
	if s := c.LabelSmoothing; s != 0 {
		target = target.Scale(1 - s).AddScalar(s / float32(classes))
	}
	l := logits.LogSoftmax(-1).Mul(target)
	if c.Weight != nil {
		checkWeights("CrossEntropyLoss", c.Weight, classes)
		l = l.Mul(l.Tape().Input(c.Weight, classes))
	}
	return c.Reduction.apply(l.Sum(-1).Neg())
}

// checkDistributions panics where the rows of a target are far from one: do not
// sum up to 1, or to 0, as those of padding.
func checkDistributions(op string, target tensor.Tensor) {
	const slack = 0.1 // for roundings, and the steps of finite differences
	classes := target.Dim(-1)
	for i, y := 0, target.Data(); len(y) > 0; i, y = i+1, y[classes:] {
		sum := 0.
		for _, v := range y[:classes] {
			if v < 0 {
				lossShape(op, fmt.Sprintf("row %d of the target holds %v: must be probabilities", i, v), target.Dims())
			}
			sum += float64(v)
		}
		if sum != 0 && math.Abs(sum-1) > slack {
			lossShape(op, fmt.Sprintf("row %d of the target sums up to %v, not to 1: for labels that do not exclude each other there is BinaryCrossEntropy", i, sum), target.Dims())
		}
	}
}

// NLLLoss is −log p[label] for log-probabilities, as LogSoftmax gives them:
// CrossEntropyLoss without its softmax. Its fields are those of
// [CrossEntropyLoss].
type NLLLoss struct {
	Weight    []float32
	Ignore    []int32
	Reduction Reduction
}

// Loss compares log-probabilities [..., classes] with one label a row.
func (c NLLLoss) Loss(logProbs tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	return CrossEntropyLoss{Weight: c.Weight, Ignore: c.Ignore, Reduction: c.Reduction}.nll("NLLLoss", logProbs, labels)
}

// nll is the loss of log-probabilities:
//
//	−(1−ε)·w[y]·logp[y] − ε/classes·Σ w[k]·logp[k]   (ε: smoothing)
func (c CrossEntropyLoss) nll(op string, logp tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	classes := checkLabels(op, logp, labels)
	counted, total := c.rows(op, logp, labels, classes)
	t := logp.Tape()
	rows, coded, eps := t.Scratch(labels.Size()), t.Scratch(labels.Size()), t.Scratch(1)
	eps[0] = c.LabelSmoothing
	for i, y := range counted {
		if coded[i] = float32(y); y < 0 { // exact: there are fewer than 2²⁴ classes
			continue
		}
		x := logp.Data()[i*classes:][:classes]
		rows[i] = -(1 - eps[0]) * classWeight(c.Weight, int(y)) * x[y]
		if eps[0] != 0 {
			rows[i] -= eps[0] / float32(classes) * float32(weightedSum(x, c.Weight))
		}
	}
	l := opNLL.Apply(rows, logp.Dims()[:logp.Rank()-1], []tensor.Tensor{logp}, coded, c.Weight, eps)
	if c.Reduction == ReduceMean {
		recordMean(t, total)
		return l.Sum().Scale(float32(1 / total)) // 0·Inf = NaN when no row counts
	}
	return c.Reduction.apply(l)
}

var opNLL = tensor.NewOp("NLLLoss", func(b tensor.Back) {
	g, labels, weight, eps := b.DX(0), b.Saved(0), b.Saved(1), b.Saved(2)[0]
	classes := len(g) / max(len(labels), 1)
	for i, d := range b.DY() {
		if labels[i] < 0 {
			continue
		}
		row := g[i*classes:][:classes]
		y := int(labels[i])
		row[y] -= d * (1 - eps) * classWeight(weight, y)
		if eps != 0 {
			share := d * eps / float32(classes)
			if weight == nil { // a pass over the whole vocabulary: kept short
				for k := range row {
					row[k] -= share
				}
				continue
			}
			for k, w := range weight {
				row[k] -= share * w
			}
		}
	}
})

// weightedSum is Σ w[k]·x[k]; w nil means ones. Four sums side by side do not
// wait for each other.
func weightedSum(x, w []float32) float64 {
	var s [4]float64
	for ; w == nil && len(x) >= 4; x = x[4:] {
		s[0] += float64(x[0])
		s[1] += float64(x[1])
		s[2] += float64(x[2])
		s[3] += float64(x[3])
	}
	for k, v := range x {
		s[0] += float64(classWeight(w, k)) * float64(v)
	}
	return s[0] + s[1] + (s[2] + s[3])
}

func classWeight(w []float32, k int) float32 {
	if w == nil {
		return 1
	}
	return w[k]
}

func checkWeights(op string, w []float32, classes int) {
	if len(w) != classes {
		lossShape(op, fmt.Sprintf("%d class weights for %d classes", len(w), classes), []int{classes})
	}
	checkFinite(op, w)
}

// checkLabels gives the number of classes of x [..., classes] after checking
// that there is one label a row.
func checkLabels(op string, x tensor.Tensor, labels tensor.Ints) int {
	if x.Rank() == 0 || x.Dim(-1) == 0 || labels.Size() != x.Size()/x.Dim(-1) {
		lossShape(op, fmt.Sprintf("%d labels: one a row is needed; the last axis is the classes", labels.Size()), x.Dims())
	}
	return x.Dim(-1)
}

// FocalLoss is the cross-entropy times (1−p)^Gamma, p being the probability of
// the label, so that what is already right counts less (Lin et al.,
// Focal Loss for Dense Object Detection, 2017).
type FocalLoss struct {
	Gamma float32 // 0 means 2; tensor.Zero is 0
	// Weight and Ignore are those of [CrossEntropyLoss]. The mean is over the
	// rows that count, not over their weights.
	Weight    []float32
	Ignore    []int32
	Reduction Reduction
}

// nothingLeft is where the power of a focal loss, whose slope at 0 is infinite
// for γ < 1, is cut off: an error of so little teaches nothing.
const nothingLeft = 1e-30

// Loss compares logits [..., classes] with one label a row.
func (c FocalLoss) Loss(logits tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	gamma := or(c.Gamma, 2)
	checkSetting("FocalLoss", "Gamma", gamma, gamma >= 0, "at least 0")
	ce := CrossEntropyLoss{Ignore: c.Ignore, Reduction: ReduceNone}.Loss(logits, labels)
	// 1 − p = −expm1(−ce).
	l := ce.Neg().Expm1().Neg().Clamp(nothingLeft, 1).PowScalar(gamma).Mul(ce)
	if c.Weight != nil {
		checkWeights("FocalLoss", c.Weight, logits.Dim(-1))
	}
	w := l.Tape().Scratch(labels.Size())
	n := float32(0)
	for i, y := range labels.Data {
		if y != ignored && !slices.Contains(c.Ignore, y) {
			w[i] = classWeight(c.Weight, int(y))
			n++
		}
	}
	l = l.Mul(l.Tape().Input(w, ce.Dims()...))
	if c.Reduction == ReduceMean {
		recordMean(l.Tape(), float64(n))
		return l.Sum().Scale(1 / n)
	}
	return c.Reduction.apply(l)
}

// KLDivLoss is the Kullback–Leibler divergence of a distribution target from
// predicted log-probabilities: target·(log target − pred), 0 where target is 0.
// Only with ReduceBatchMean or ReduceSum is it the divergence of whole rows;
// the mean, the default as in PyTorch, is over all elements.
type KLDivLoss struct {
	// LogTarget says that the target holds log-probabilities, too.
	LogTarget bool
	Reduction Reduction
}

// Loss compares log-probabilities with a target of the same shape.
func (c KLDivLoss) Loss(logProbs, target tensor.Tensor) tensor.Tensor {
	if c.LogTarget {
		return c.Reduction.apply(klLog(logProbs, target))
	}
	return c.Reduction.apply(kl(logProbs, target))
}

var kl = pointwise("KLDivLoss", func(x, y float64) (v, dx, dy float64) {
	if y == 0 {
		return 0, 0, 0
	}
	d := math.Log(y) - x // NaN of a negative one
	return y * d, -y, d + 1
})

var klLog = pointwise("KLDivLoss", func(x, y float64) (v, dx, dy float64) {
	p := math.Exp(y)
	if p == 0 {
		return 0, 0, 0
	}
	return p * (y - x), -p, p * (y - x + 1)
})
