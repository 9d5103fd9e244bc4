package train

import (
	"context"
	"errors"
	"fmt"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// Event is a moment in a run at which callbacks are called.
type Event int

const (
	Begin    Event = iota // before the first step
	StepEnd               // after an optimizer step
	EpochEnd              // after an epoch; History ends with it
	End                   // after the last step, also of an interrupted run
)

// With a rule that trains at other weights than those to be used
// (optim.Averager), the model holds the latter at EpochEnd and End.

// A Callback sees a run at its events and may change its course: an error ends
// the run and is returned by Fit, [ErrStop] ends it without one, after the
// callbacks that follow it have seen the event. All see End.
type Callback func(e Event, r *Run) error

// ErrStop, returned (or wrapped, with the reason) by a callback, ends the
// training without an error.
var ErrStop = errors.New("training stopped by a callback")

// Stop is ErrStop with a reason, which becomes History.Stopped.
func Stop(reason string) error { return stop(reason) }

type stop string

func (s stop) Error() string        { return string(s) }
func (s stop) Is(target error) bool { return target == ErrStop }

// OnStep calls f after every step.
func OnStep(f func(r *Run) error) Callback { return on(StepEnd, f) }

// OnEpoch calls f after every epoch.
func OnEpoch(f func(r *Run) error) Callback { return on(EpochEnd, f) }

func on(want Event, f func(r *Run) error) Callback {
	return func(e Event, r *Run) error {
		if e != want {
			return nil
		}
		return f(r)
	}
}

// Run is a training under way.
type Run struct {
	Model     any
	Optimizer *optim.Optimizer
	Tape      *tensor.Tape
	Config    *Config
	History   *History

	Epoch         int // the current epoch, from 0
	Step          int // steps taken in all
	StepInEpoch   int // the place in the epoch, in steps
	StepsPerEpoch int // steps an epoch
	// Loss is the loss of the last step.
	Loss float64
	// Err is, at End, what ends the run before its last epoch; nil if nothing
	// does.
	Err error

	stepMean, epochMean mean   // the loss of the step and of the epoch so far
	midStep             bool   // ended with batches added but no step taken
	saveTo              string // a checkpoint to be written, after all callbacks
	kept                []kept
	print               fingerprint // of settings and data, for checkpoints
	resumed             *checkpoint // where this run goes on from; nil at the beginning
	crew                *crew       // nil without Config.Group
}

// place is how far the run has come, in steps; those in which nothing counted
// are among them.
func (r *Run) place(e Event) int {
	if e == EpochEnd {
		return (r.Epoch + 1) * r.StepsPerEpoch
	}
	return r.Epoch*r.StepsPerEpoch + r.StepInEpoch
}

// interrupted says, at End, that the run's context ended it.
func (r *Run) interrupted() bool {
	return errors.Is(r.Err, context.Canceled) || errors.Is(r.Err, context.DeadlineExceeded)
}

func (r *Run) notify(e Event) error {
	var first error
	for _, f := range r.Config.Callbacks {
		err := f(e, r)
		if first == nil || errors.Is(first, ErrStop) && err != nil && !errors.Is(err, ErrStop) {
			first = err // a failure counts more than a stop
		}
		if err != nil && !errors.Is(err, ErrStop) && e != End {
			break
		}
	}
	if r.crew != nil && len(r.Config.Callbacks) > 0 && e != End {
		first = r.crew.agree(first)
	}
	path := r.saveTo
	r.saveTo = ""
	if path != "" && (first == nil || e == End) {
		if err := r.save(path, e); first == nil {
			first = err
		}
	}
	return first
}

// NonFiniteError is how training ends when the loss is NaN or infinite, or a
// parameter after the last step.
type NonFiniteError struct {
	Epoch, Step int
	Loss        float64
	Param       string // the name of the parameter, "" if it is the loss
}

func (e *NonFiniteError) Error() string {
	if e.Param != "" {
		return fmt.Sprintf("train: parameter %q is not finite after step %d, the last (its loss was %v): look for infinities in the data and in the learning rate's schedule, or clip the gradient (optim.ClipByGlobalNorm)",
			e.Param, e.Step, e.Loss)
	}
	return fmt.Sprintf("train: the loss is %v at step %d (epoch %d): lower the learning rate, clip the gradient (optim.ClipByGlobalNorm), or look for bad values in the data",
		e.Loss, e.Step, e.Epoch)
}
