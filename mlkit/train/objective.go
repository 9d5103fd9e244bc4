package train

import (
	"errors"
	"fmt"
	"slices"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// An Objective is what Fit minimises: a loss of the parameters of a model on
// a batch of type B.
type Objective[B any] struct {
	// Model holds the parameters (see nn.Params).
	Model any
	// Loss computes the loss, a tensor of one element, on the tape. nil where
	// Predict and LossOf together are it.
	Loss func(t *tensor.Tape, b B) tensor.Tensor
	// Size is the number of samples in a batch. nil counts all batches alike.
	Size func(b B) int
	// Weight is what the loss of a batch is a mean over: the number of samples,
	// of tokens that are not padding, a sum of weights. Where a step is made of
	// several parts, and in means over an epoch, a part of weight 0 is left out
	// and the others count by their weight, so the figures are those of one
	// batch that holds it all. nil asks the losses of package nn, which note it
	// on the tape (tensor.Tape.RecordMean); a loss of which nothing is noted
	// counts as a mean over Size samples.
	Weight func(b B) float64
	// Predict computes what metrics look at (logits, forecasts); nil where
	// there is only a loss.
	Predict func(t *tensor.Tape, b B) tensor.Tensor
	// LossOf, where it is set, is the loss given Predict's result: Evaluate
	// then computes the model once for loss and metrics.
	LossOf func(prediction tensor.Tensor, b B) tensor.Tensor
	// Answer puts Predict's result beside what is true of the batch, for
	// metrics; nil where none are asked for.
	Answer func(prediction tensor.Tensor, b B) metrics.Answer
	// Split makes dst part k of n of a batch, by rows, for Config.MicroBatch.
	// It keeps what memory dst has.
	Split func(b B, dst *B, k, n int)
}

// complete makes the loss of Predict and LossOf where there is no other.
func (o *Objective[B]) complete() error {
	if o.Loss != nil {
		return nil
	}
	predict, lossOf := o.Predict, o.LossOf
	if predict == nil || lossOf == nil {
		return errors.New("train: the Objective has no loss: set Loss, or Predict and LossOf")
	}
	o.Loss = func(t *tensor.Tape, b B) tensor.Tensor { return lossOf(predict(t, b), b) }
	return nil
}

// Source yields batches of type B, epoch after epoch. *data.Loader is one.
type Source[B any] interface {
	// Len is the number of batches in an epoch.
	Len() int
	Epoch(epoch int) Batches[B]
}

// Supervised is the usual objective: loss(model(x), y), where the loss compares
// with targets (nn.MSE) or with labels (nn.CrossEntropy). For batches of token
// ids the model must be an nn.TokenLayer.
func Supervised[Y tensor.Tensor | tensor.Ints](model nn.Layer,
	loss func(prediction tensor.Tensor, y Y) tensor.Tensor) Objective[data.Batch] {
	o := SupervisedBy(model, func(t *tensor.Tape, b data.Batch) tensor.Tensor { return forward(model, t, &b) }, loss)
	// Without Predict between: a batch is some hundred bytes, and small models
	// feel each copy.
	o.Loss = func(t *tensor.Tape, b data.Batch) tensor.Tensor { return loss(forward(model, t, &b), truth[Y](t, &b)) }
	return o
}

// forward is the model's output for the features or the token ids of a batch.
func forward(model nn.Layer, t *tensor.Tape, b *data.Batch) tensor.Tensor {
	if b.IDs == nil {
		return model.Forward(b.Input(t))
	}
	reader, ok := model.(nn.TokenLayer)
	if !ok {
		panic(&tensor.ShapeError{Op: "Supervised", Shapes: [][]int{slices.Clone(b.IDsDims)},
			Why: fmt.Sprintf("the samples are token ids, which a %T does not read: let the model begin with an *nn.Embedding, or say with SupervisedBy how it reads a batch", model)})
	}
	return reader.ForwardTokens(t, b.Tokens())
}

// SupervisedBy is [Supervised] for a model of any kind: predict says how it
// reads a batch, for instance with its lengths.
func SupervisedBy[Y tensor.Tensor | tensor.Ints](model any,
	predict func(t *tensor.Tape, b data.Batch) tensor.Tensor,
	loss func(prediction tensor.Tensor, y Y) tensor.Tensor) Objective[data.Batch] {
	return Objective[data.Batch]{Model: model, Predict: predict, Size: data.Batch.Len, Split: data.Batch.Split,
		Loss:   func(t *tensor.Tape, b data.Batch) tensor.Tensor { return loss(predict(t, b), truth[Y](t, &b)) },
		LossOf: func(p tensor.Tensor, b data.Batch) tensor.Tensor { return loss(p, truth[Y](p.Tape(), &b)) },
		Answer: func(p tensor.Tensor, b data.Batch) metrics.Answer {
			return metrics.Answer{Outputs: p.Data(), Dims: p.Dims(), Labels: b.Labels, Targets: b.Y}
		}}
}

// truth is what a loss compares with: the targets or the labels of a batch.
func truth[Y tensor.Tensor | tensor.Ints](t *tensor.Tape, b *data.Batch) (y Y) {
	switch y := any(&y).(type) {
	case *tensor.Tensor:
		*y = b.Target(t)
	case *tensor.Ints:
		*y = b.Ints()
	}
	return y
}
