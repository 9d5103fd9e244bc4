package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// Batches are the batches of one epoch.
type Batches[B any] = iter.Seq2[B, error]

// Config says how to train. Zero values are sensible.
type Config struct {
	Epochs    int            // 0 means 1
	Optimizer optim.Rule     // nil means optim.SGD(0.01)
	Schedule  optim.Schedule // factor on the learning rate by step; nil means 1
	// Seed feeds what is random in the model (dropout).
	Seed      uint64
	Callbacks []Callback
	// KeepSteps records the loss of every step in the History.
	KeepSteps bool
	// AllowNonFinite goes on when the loss is NaN or infinite; else that ends
	// the run with a [*NonFiniteError].
	AllowNonFinite bool
}

var nan = math.NaN()

// Fit trains the objective's model in place on the batches of source. Whatever
// ends it, the History holds what was done: a cancelled context returns its
// error, a NaN loss a [*NonFiniteError], data their error, wrong shapes a
// wrapped [*tensor.ShapeError].
func Fit[B any](ctx context.Context, o Objective[B], source Source[B], c Config) (h History, err error) {
	if c.Epochs == 0 {
		c.Epochs = 1
	}
	if c.Optimizer == nil {
		c.Optimizer = optim.SGD(0.01)
	}
	params := nn.Params(o.Model)
	if len(params) == 0 {
		return h, fmt.Errorf("train: the model %T has no parameters: fields must be exported to be found", o.Model)
	}
	if source.Len() == 0 {
		return h, errors.New("train: the source has no batches (an empty data set, or DropLast with a batch larger than the set)")
	}
	opt := optim.New(params, c.Optimizer)
	opt.Schedule = c.Schedule
	r := &Run{Model: o.Model, Optimizer: opt, Tape: tensor.NewTape(c.Seed), Config: &c, History: &h, PerEpoch: source.Len()}
	if c.KeepSteps {
		h.StepLoss = make([]float64, 0, c.Epochs*r.PerEpoch)
	}
	start := time.Now()
	defer func() { h.Time = time.Since(start) }()

	err = r.notify(Begin)
	for r.Epoch = 0; r.Epoch < c.Epochs && err == nil; r.Epoch++ {
		err = fitEpoch(ctx, o, source, r)
	}
	if stopped := r.notify(End); err == nil {
		err = stopped
	}
	if errors.Is(err, ErrStop) {
		h.Stopped, err = err.Error(), nil
	} else if err != nil {
		h.Stopped = err.Error()
	}
	return h, err
}

// fitEpoch runs one epoch and appends it to the History, also when it ends
// early with at least one step done.
func fitEpoch[B any](ctx context.Context, o Objective[B], source Source[B], r *Run) (err error) {
	start := time.Now()
	var sum, weight float64
	r.StepInEp = 0
	for batch, e := range source.Epoch(r.Epoch) {
		if err = e; err != nil {
			break
		}
		if err = ctx.Err(); err != nil {
			err = fmt.Errorf("train: interrupted at step %d: %w", r.Step, err)
			break
		}
		if err = fitStep(o, batch, r); err != nil {
			break
		}
		w := 1.0
		if o.Size != nil {
			w = float64(o.Size(batch))
		}
		sum, weight = sum+w*r.Loss, weight+w
		if err = r.notify(StepEnd); err != nil {
			break
		}
	}
	if weight == 0 {
		return err
	}
	r.History.Epochs = append(r.History.Epochs, Epoch{Number: r.Epoch, Loss: sum / weight,
		LearningRate: r.Optimizer.Factor(), Metrics: map[string]float64{}, Time: time.Since(start)})
	if err == nil {
		err = r.notify(EpochEnd)
	}
	return err
}

func fitStep[B any](o Objective[B], batch B, r *Run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			shape, ok := p.(*tensor.ShapeError)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("train: step %d: %w", r.Step, shape)
		}
	}()
	r.Tape.Reset()
	loss := o.Loss(r.Tape, batch)
	r.Loss = float64(loss.Item())
	if (math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0)) && !r.Config.AllowNonFinite {
		return &NonFiniteError{Epoch: r.Epoch, Step: r.Step, Loss: r.Loss}
	}
	r.Optimizer.Step(loss.Backward())
	r.Step++
	r.StepInEp++
	r.History.Steps = r.Step
	if r.Config.KeepSteps {
		r.History.StepLoss = append(r.History.StepLoss, r.Loss)
	}
	return nil
}

func (r *Run) notify(e Event) error {
	for _, f := range r.Config.Callbacks {
		if err := f(e, r); err != nil {
			return err
		}
	}
	return nil
}
