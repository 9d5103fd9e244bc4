package train

import (
	"context"
	"errors"
	"fmt"

	"descent/mlkit/metrics"
	"descent/mlkit/tensor"
)

// Evaluate computes the mean loss (under the name "loss") and metrics over one
// epoch of the source, with layers in evaluation mode and without gradients.
// It changes nothing in the model: several goroutines may evaluate at once,
// each with a source of its own.
func Evaluate[B any](ctx context.Context, o Objective[B], source Source[B],
	figures ...metrics.Metric) (map[string]float64, error) {
	return (&evaluation[B]{o: o, source: source, metrics: figures}).run(ctx)
}

// Validation measures a model and adds the figures to the map into.
type Validation func(ctx context.Context, into map[string]float64) error

// Validate makes the Validation that evaluates the objective on a source. The
// names get the prefix "val_".
func Validate[B any](o Objective[B], source Source[B], figures ...metrics.Metric) Validation {
	e := &evaluation[B]{o: o, source: source, metrics: figures}
	return func(ctx context.Context, into map[string]float64) error {
		figures, err := e.run(ctx)
		if err != nil {
			return fmt.Errorf("train: validation: %w", err)
		}
		for name, v := range figures {
			into["val_"+name] = v
		}
		return nil
	}
}

var errEmpty = errors.New("train: the source has no batches (an empty data set, or DropLast with a batch larger than the set)")

type evaluation[B any] struct {
	o       Objective[B]
	source  Source[B]
	metrics []metrics.Metric
	tape    *tensor.Tape // kept from one validation to the next
}

func (e *evaluation[B]) run(ctx context.Context) (map[string]float64, error) {
	if err := e.o.complete(); err != nil {
		return nil, err
	}
	if len(e.metrics) > 0 && (e.o.Predict == nil || e.o.Answer == nil) {
		return nil, errors.New("train: metrics need an Objective with Predict and Answer")
	}
	if e.tape == nil {
		e.tape = tensor.NewEvalTape()
	}
	meters := make([]metrics.Meter, len(e.metrics))
	for i, m := range e.metrics {
		meters[i] = m.New()
	}
	if e.source.Len() == 0 {
		return nil, errEmpty
	}
	var loss mean
	err := eachBatch(ctx, e.source, func(batch B) error { return e.batch(batch, meters, &loss) })
	if err != nil {
		return nil, err
	}
	if loss.none() {
		return nil, errors.New("train: nothing in the source counts: every label is ignored, or every weight is 0")
	}
	figures := map[string]float64{"loss": loss.value()}
	for i, m := range meters {
		figures[e.metrics[i].Name] = m.Value()
	}
	return figures, nil
}

// batch measures one batch and adds its loss to loss.
func (e *evaluation[B]) batch(b B, meters []metrics.Meter, loss *mean) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = stepError(-1, p)
		}
	}()
	m, err := e.o.given(&b)
	if err != nil {
		return err
	}
	e.tape.Reset()
	var prediction, l tensor.Tensor
	if len(meters) > 0 {
		prediction = e.o.Predict(e.tape, b)
	}
	if len(meters) > 0 && e.o.LossOf != nil {
		l = e.o.LossOf(prediction, b)
	} else {
		l = e.o.Loss(e.tape, b)
	}
	loss.add(e.o.measured(l, &b, m))
	if len(meters) == 0 {
		return nil
	}
	answer := e.o.Answer(prediction, b)
	for i, m := range meters {
		if err := m.Add(answer); err != nil {
			return fmt.Errorf("train: metric %s: %w", e.metrics[i].Name, err)
		}
	}
	return nil
}
