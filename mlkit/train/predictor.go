package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// A Predictor computes a model's outputs, or probabilities. Any number of
// goroutines may use it at once; the model must not be trained while they do.
type Predictor struct {
	model  nn.Layer
	output Output
	tapes  sync.Pool
}

// Output says what a Predictor makes of a model's outputs.
type Output int

const (
	// Raw leaves them as they are: forecasts, logits.
	Raw Output = iota
	// Softmax makes logits along the last axis probabilities of classes that
	// exclude each other: what a model trained with nn.CrossEntropy means.
	Softmax
	// Sigmoid makes each logit a probability by itself: what a model trained
	// with nn.BinaryCrossEntropy means.
	Sigmoid
)

// NewPredictor makes a predictor of a model, whose outputs are probabilities
// with Softmax or Sigmoid, and those of the model with Raw or without any.
func NewPredictor(model nn.Layer, output ...Output) *Predictor {
	if len(output) > 1 || len(output) == 1 && (output[0] < Raw || output[0] > Sigmoid) {
		panic(fmt.Sprintf("train: NewPredictor with outputs %v: one of Raw, Softmax, Sigmoid", output))
	}
	nn.State(model) // names the parameters, for messages
	p := &Predictor{model: model, tapes: sync.Pool{New: func() any { return tensor.NewEvalTape() }}}
	if len(output) == 1 {
		p.output = output[0]
	}
	return p
}

// Predict is the model's output for x of the given dimensions, batch axis
// first, in evaluation mode. Both results are the caller's.
func (p *Predictor) Predict(x []float32, dims ...int) (y []float32, ydims []int, err error) {
	return p.batch(data.Batch{X: x, XDims: dims})
}

// PredictTokens is Predict for token ids, padded with 0: the model must be an
// nn.TokenLayer.
func (p *Predictor) PredictTokens(ids []int32, dims ...int) (y []float32, ydims []int, err error) {
	return p.batch(data.Batch{IDs: ids, IDsDims: dims})
}

func (p *Predictor) batch(b data.Batch) (y []float32, ydims []int, err error) {
	t := p.tapes.Get().(*tensor.Tape)
	defer p.tapes.Put(t)
	defer func() {
		if v := recover(); v != nil {
			err = stepError(-1, v)
		}
	}()
	t.Reset()
	defer t.Reset() // lets go of x
	out := forward(p.model, t, &b)
	switch p.output {
	case Softmax:
		if out.Rank() == 0 || out.Dim(-1) == 1 {
			return nil, nil, errors.New("train: the Softmax of a single output is always 1: take Sigmoid")
		}
		out = out.Softmax(-1)
	case Sigmoid:
		out = out.Sigmoid()
	}
	return append([]float32{}, out.Data()...), append([]int{}, out.Dims()...), nil
}

// All is the model's output for every sample of one epoch of the source, in
// its order: [samples, ...].
func (p *Predictor) All(ctx context.Context, source Source[data.Batch]) (y []float32, ydims []int, err error) {
	err = eachBatch(ctx, source, func(b data.Batch) error {
		part, dims, err := p.batch(b)
		if err != nil {
			return err
		}
		if y = append(y, part...); ydims == nil {
			ydims = dims
			return nil
		}
		if len(dims) == 0 || len(dims) != len(ydims) || !slices.Equal(dims[1:], ydims[1:]) {
			return fmt.Errorf("train: outputs of %v after outputs of %v cannot be put together; call Predict for each batch", dims, ydims)
		}
		ydims[0] += dims[0]
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return y, ydims, nil
}
