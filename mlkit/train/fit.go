package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"
	"time"

	"descent/mlkit/internal/kernel/elementwise"
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
	// Validation measures the model after every epoch (see Validate).
	Validation Validation
	// Accumulate makes one step of this many batches (the last step of an epoch
	// of those that are left): the gradient of the mean over all their samples,
	// in the memory of one batch. 0 means 1.
	Accumulate int
	// MicroBatch computes every batch in pieces of about that many samples,
	// each forward and back on a tape of its own, which the processors share:
	// values and gradients of a piece may stay in a processor's cache, and
	// memory is needed for as many pieces as there are processors, not for a
	// batch. The step is that of the whole batch: gradients are added in the
	// order of the pieces, so bits depend on MicroBatch, not on processors. It
	// pays where a piece is some milliseconds of work, but for one processor
	// only in memory. The loss must be a mean (see Objective.Weight). Refused
	// for models with buffers: batch statistics need the whole batch. 0 means
	// no pieces.
	MicroBatch int
	// Group trains with other ranks, which run the same program: processes
	// (package mpi) or goroutines (LocalGroup). Each reads its part of every
	// batch, and all take the same steps. Batch is still the whole batch, and
	// rates, schedules, clipping, Accumulate, stopping and figures mean what
	// they mean to one process. A rank that fails ends the work of all.
	//
	// Validation runs on rank 0, whose figures all get; callbacks run on all,
	// but those of this package write and show on rank 0 only (see Run.Rank),
	// and where one of them stops, all do. Checkpoints, too, are rank 0's,
	// which hands them to the others on Resume, however many they are.
	//
	// Batch normalisation takes the statistics of each shard by itself (see
	// Shards), and running statistics move to the mean of the shards', unless
	// SyncBatchNorm is set. Not together with SAM or MicroBatch, whose work
	// Shards does.
	Group Group
	// Shards is how many parts a batch is cut into for Group: the number of
	// ranks times a power of two. Gradients of the parts are added in a tree
	// that the cut alone decides, so that with the same Shards one, two and
	// four ranks train to the same bits, on any number of processors. A rank
	// needs memory for as many of its parts as it has processors. 0 means the
	// number of ranks, doubled until it is at least 4.
	Shards int
	// SyncBatchNorm makes batch normalisation take the statistics of the whole
	// batch, forwards and backwards, as a training without Group does
	// (PyTorch's SyncBatchNorm, which counts the batch of all devices, too).
	// Sums over channels are added in the tree of the shards, so that ranks
	// make no difference to the bits. Each such layer exchanges three times in
	// a step, and all shards of a rank are in memory at once. Every shard needs
	// a sample.
	SyncBatchNorm bool
	// ShareState gives each rank of Group an equal share of the optimizer's
	// state to hold and to step by (see optim.NewShare), for an exchange of the
	// weights after each step. The bits are the same.
	ShareState bool
	// AnyOrder lets the library of Group add up the ranks' gradients in an
	// order of its own, which may be faster for more than two ranks; bits then
	// depend on their number.
	AnyOrder bool
	// SAM makes every step a sharpness-aware one, which evaluates the loss
	// twice; not together with Accumulate or MicroBatch.
	SAM *optim.SAM
	// Private makes every step a private one, in which no sample has more than
	// a bounded, noisy influence: a *privacy.SGD. The losses in the History,
	// and metrics of the training data, are not private. The batch is computed
	// in pieces of MicroBatch samples, if that is set, one after the other. The
	// loss of a sample is that of a batch that holds only it, in which weights
	// of classes have no effect. Not together with SAM or Accumulate; models
	// with batch normalisation are refused.
	Private Privatizer
	// Resume is a file of Checkpoint to resume from. If there is none, training
	// starts from scratch. A damaged file is an error, and so is one of a
	// training with other settings, another optimizer, schedule or loader, or
	// other data (as far as the first batches tell): a [*ChangedError] names
	// the difference. More Epochs are no difference, unless the schedule
	// depends on them.
	Resume string
	// AllowChanged goes on from Resume in spite of such differences, with the
	// current settings and data: a smaller learning rate, more samples.
	AllowChanged bool
	// KeepSteps records the loss of every step in the History.
	KeepSteps bool
	// AllowNonFinite goes on when the loss is NaN or infinite; else that ends
	// the run with a [*NonFiniteError], as do such weights after the last step.
	AllowNonFinite bool
}

// pieces is how many pieces MicroBatch makes of some samples.
func (c *Config) pieces(samples int) int {
	if c.MicroBatch == 0 {
		return 1
	}
	return max(1, (samples+c.MicroBatch-1)/c.MicroBatch)
}

var nan = math.NaN()

// Fit trains the objective's model in place on the batches of source. Whatever
// ends it, the History holds what was done: a cancelled context returns its
// error, a NaN loss a [*NonFiniteError], data their error, wrong shapes and
// singular matrices a [*StepError].
func Fit[B any](ctx context.Context, o Objective[B], source Source[B], c Config) (h History, err error) {
	f, err := newFitter(ctx, o, source, &c, &h)
	if err == nil && c.Group != nil {
		err = f.meet()
	}
	if err != nil {
		if c.Group != nil {
			err = (&crew{Group: c.Group}).fail(err)
		}
		return h, err
	}
	if c.Resume != "" || len(c.Callbacks) > 0 { // there may be checkpoints
		f.print = f.fingerprint()
		f.noting = f.priv == nil // its batches are secret, and drawn anew
	}
	if c.Resume != "" {
		if err := f.resume(); err != nil {
			return h, err
		}
	}
	before := h.Time
	f.start = time.Now()
	defer func() { h.Time = before + time.Since(f.start) }()

	if f.priv != nil {
		err = f.priv.keep()
	}
	if err == nil {
		err = f.notify(Begin)
	}
	if f.resumed != nil {
		f.resumed.file.Close()
	}
	if f.copied != "" {
		os.Remove(f.copied)
	}
	watched := ctx
	if f.team != nil {
		watched = context.WithoutCancel(ctx) // all ranks end after the same step
	}
	if !f.watch.run(watched, func() {
		for err == nil && f.Epoch < c.Epochs {
			if f.deal(); !f.watch.arrived() {
				return
			}
			if err = f.finish(); err == nil {
				f.Epoch++
			}
		}
	}) {
		f.broken = f.interruption()
		err = f.finish()
	}
	if f.team != nil && f.team.release != nil {
		f.team.release()
	}
	f.Optimizer.Average(true)
	f.Err = err
	if stopped := f.notify(End); err == nil {
		err = stopped
	}
	if (err == nil || errors.Is(err, ErrStop)) && !c.AllowNonFinite {
		if bad := f.nonFinite(); bad != nil {
			if err = bad; f.team != nil {
				err = sharedError{bad}
			}
		}
	}
	if errors.Is(err, ErrStop) {
		h.Stopped, err = err.Error(), nil
	} else if err != nil {
		h.Stopped = err.Error()
		if f.team != nil {
			if !errors.Is(err, context.Canceled) {
				err = f.team.fail(err)
			} else if shared := (sharedError{}); errors.As(err, &shared) {
				err = shared.error
			}
		}
	}
	return h, err
}

// meet finds out whether all ranks train the same.
func (f *fitter[B]) meet() (err error) {
	f.crew = &crew{Group: f.Config.Group}
	if err := f.crew.same(f.outline()); err != nil {
		return err
	}
	f.team, err = newTeam(f, f.crew)
	return err
}

// resume goes on from Config.Resume, if there is such a file.
func (f *fitter[B]) resume() (err error) {
	path := f.Config.Resume
	if f.crew != nil {
		path, err = f.crew.fetch(path)
		if f.Rank() != 0 {
			f.copied = path
		}
	}
	if err == nil {
		err = f.Run.resume(path, f.unchanged)
	}
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("train: resume: %w", err)
	}
	if f.crew != nil {
		if err = f.crew.agree(err); err != nil {
			if f.copied != "" {
				os.Remove(f.copied)
			}
			err = f.crew.fail(err)
		}
	}
	return err
}

// fitter is a Run that knows the type of its batches.
type fitter[B any] struct {
	*Run
	ctx    context.Context
	o      Objective[B]
	source Source[B]
	from   func(ctx context.Context, epoch, batch int) Batches[B]
	pieces *pieces[B]      // nil without Config.MicroBatch
	priv   *private[B]     // nil without Config.Private
	sum    *tensor.GradSum // nil where each step is of one batch and one tape
	share  share           // of the parts in sum
	team   *team[B]        // nil without Config.Group
	copied string          // a copy of Config.Resume, of another rank
	noting bool            // checksums are taken, see note
	grads  tensor.Grads    // of the step, where sum is nil

	watch  watch
	each   func(batch B, err error) bool // take
	start  time.Time
	began  time.Duration // since start: the epoch, or what is left of it
	group  int           // batches of the step so far
	broken error         // what ended the epoch early

	batch       B // for SAM, which wants a function of the tape alone
	measured    measure
	lossOfBatch func(t *tensor.Tape) tensor.Tensor
}

func newFitter[B any](ctx context.Context, o Objective[B], source Source[B], c *Config,
	h *History) (*fitter[B], error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	switch {
	case c.Epochs < 0:
		return nil, fmt.Errorf("train: %d epochs", c.Epochs)
	case c.MicroBatch < 0:
		return nil, fmt.Errorf("train: pieces of %d samples", c.MicroBatch)
	case c.Epochs == 0:
		c.Epochs = 1
	}
	if c.Group == nil && (c.Shards != 0 || c.SyncBatchNorm || c.ShareState || c.AnyOrder) {
		return nil, errors.New("train: Shards, SyncBatchNorm, ShareState and AnyOrder are settings of a training with a Group")
	}
	if c.Group != nil && (c.SAM != nil || c.MicroBatch > 0) {
		return nil, errors.New("train: Group not with SAM, which needs two passes, nor with MicroBatch: raise Shards for smaller pieces")
	}
	if c.Optimizer == nil {
		c.Optimizer = optim.SGD(0.01)
	}
	if c.Accumulate < 0 {
		return nil, fmt.Errorf("train: steps of %d batches (Accumulate)", c.Accumulate)
	}
	c.Accumulate = max(c.Accumulate, 1)
	cut := c.MicroBatch > 0
	params := nn.Params(o.Model)
	if len(params) == 0 {
		return nil, fmt.Errorf("train: the model %T has no parameters: fields must be exported to be found", o.Model)
	}
	if source.Len() == 0 {
		return nil, errEmpty
	}
	if c.SAM != nil && (c.Accumulate > 1 || cut) {
		return nil, errors.New("train: SAM takes a step of one batch on one tape: not with Accumulate or MicroBatch")
	}
	var opt *optim.Optimizer
	if c.ShareState {
		var err error
		if opt, err = optim.NewShare(params, c.Optimizer, c.Group.Rank(), c.Group.Ranks()); err != nil {
			return nil, fmt.Errorf("train: ShareState: %w", err)
		}
	} else {
		opt = optim.New(params, c.Optimizer)
	}
	opt.Schedule = c.Schedule
	r := &Run{Model: o.Model, Optimizer: opt, Tape: tensor.NewTape(c.Seed), Config: c, History: h,
		StepsPerEpoch: (source.Len() + c.Accumulate - 1) / c.Accumulate}
	if c.KeepSteps {
		// Room for all, so that steps allocate nothing; a bound for a number of
		// epochs that early stopping is meant to cut.
		h.StepLoss = make([]float64, 0, min(c.Epochs, 1<<20/r.StepsPerEpoch+1)*r.StepsPerEpoch)
	}
	f := &fitter[B]{Run: r, ctx: ctx, o: o, source: source, from: from(source)}
	f.each = f.take
	f.lossOfBatch = func(t *tensor.Tape) tensor.Tensor {
		l := f.o.Loss(t, f.batch)
		f.measured = f.o.measured(l, &f.batch, f.measured)
		return l
	}
	if c.Accumulate > 1 || cut || c.Group != nil || c.Private != nil {
		f.sum = tensor.NewGradSum()
	}
	var err error
	switch {
	case c.Private != nil:
		if f.priv, err = newPrivate(f); err != nil {
			return nil, err
		}
	case cut:
		if f.pieces, err = newPieces(o, c, r.Tape, f.sum, &f.share); err != nil {
			return nil, fmt.Errorf("train: MicroBatch %w", err)
		}
	}
	return f, nil
}

// deal runs the batches of one epoch, or of what is left of it after a resume.
func (f *fitter[B]) deal() {
	f.began, f.group, f.broken = time.Since(f.start), 0, nil
	if f.team != nil {
		f.team.deal()
		return
	}
	batches, each := f.from(f.ctx, f.Epoch, f.StepInEpoch*f.Config.Accumulate), f.each
	f.watch.reading()
	batches(each)
}

// finish takes the last step of an epoch and appends the epoch to the History,
// also when it ends early with at least one step done.
func (f *fitter[B]) finish() (err error) {
	if err = f.broken; err == nil && f.group > 0 {
		f.group = 0
		err = f.step()
	}
	f.midStep = f.group > 0
	if f.epochMean.none() {
		if err == nil {
			err = fmt.Errorf("train: nothing in epoch %d counts: every label is ignored, or every weight is 0", f.Epoch)
		}
		return err
	}
	f.Optimizer.Average(true)
	defer f.Optimizer.Average(false)
	record := Epoch{Number: f.Epoch, Loss: f.epochMean.value(), LearningRate: f.Optimizer.LearningRate(),
		Metrics: map[string]float64{}}
	if err == nil && f.Config.Validation != nil {
		err = f.crew.measured(record.Metrics, func() error { return f.Config.Validation(f.ctx, record.Metrics) })
	}
	record.Time = time.Since(f.start) - f.began
	epochs := f.History.Epochs
	if len(epochs) == cap(epochs) {
		epochs = slices.Grow(epochs, min(f.Config.Epochs-f.Epoch, 1<<10))
	}
	f.History.Epochs = append(epochs, record)
	if err != nil {
		return err
	}
	err = f.notify(EpochEnd)
	f.StepInEpoch, f.epochMean = 0, mean{}
	return err
}

func (f *fitter[B]) interruption() error {
	return fmt.Errorf("train: interrupted at step %d: %w", f.Step, f.ctx.Err())
}

// take does with a batch what deal does with all, and reports whether to go
// on. It is a method, not the body of a loop, whose variables would be
// allocated anew for every epoch: those of small models take microseconds.
func (f *fitter[B]) take(batch B, err error) bool {
	if !f.watch.arrived() {
		return false
	}
	if f.broken == nil { // else the source does not listen
		f.broken = f.use(&batch, err) // by its address: a batch is some hundred bytes, which a small model feels
	}
	more := f.broken == nil
	f.watch.reading()
	return more
}

func (f *fitter[B]) use(batch *B, err error) error {
	if ended := f.ctx.Err(); ended != nil && (err == ended || err == nil && f.group == 0) { // never between the batches of a step
		return f.interruption()
	}
	if err != nil {
		return err
	}
	if f.noting {
		f.note(batch)
	}
	if err = f.add(batch); err != nil {
		return err
	}
	if f.group++; f.group == f.Config.Accumulate {
		f.group = 0
		return f.step()
	}
	return nil
}

// add computes loss and gradients of one batch, and the loss of the step up to
// this batch.
func (f *fitter[B]) add(batch *B) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = stepError(f.Step, p)
		}
	}()
	var m measure
	if f.o.Weight != nil {
		if m, err = f.o.given(batch); err != nil {
			return err
		}
	}
	if f.sum != nil && f.group == 0 {
		f.share.begin(f.wholeOf(batch, m), f.o.Weight != nil)
	}
	if m.empty {
		return nil
	}
	var part mean
	switch {
	case f.priv != nil: // adds its gradients to the sum, too
		part, err = f.priv.add(batch)
	case f.pieces != nil: // adds its gradients to the sum, too
		part, err = f.pieces.run(f.Step, *batch, f.Config.pieces(f.o.Size(*batch)))
	case f.Config.SAM != nil: // takes the optimizer's step, too
		f.Tape.Reset()
		f.batch, f.measured = *batch, m
		loss := f.Config.SAM.Step(f.Optimizer, f.Tape, f.lossOfBatch)
		f.measured.loss = loss
		part.add(f.measured)
	default:
		f.Tape.Reset()
		l := f.o.Loss(f.Tape, *batch)
		m = f.o.measured(l, batch, m)
		if part.add(m); !m.empty {
			f.grads = l.Backward()
		}
	}
	if err != nil || part.none() {
		return err
	}
	if loss := part.value(); loss-loss != 0 && !f.Config.AllowNonFinite { // NaN−NaN and Inf−Inf are NaN
		f.Loss = loss
		return &NonFiniteError{Epoch: f.Epoch, Step: f.Step, Loss: loss}
	}
	if f.sum != nil && f.pieces == nil && f.priv == nil {
		if err := f.sumUp(batch, m); err != nil {
			return err
		}
	}
	f.stepMean.merge(part)
	return nil
}

// nonFinite is the error of weights that the last step made NaN or infinite,
// which no loss has shown.
func (f *fitter[B]) nonFinite() error {
	for _, n := range nn.State(f.o.Model) {
		for _, v := range values(n) {
			if v-v != 0 {
				return &NonFiniteError{Epoch: f.Epoch, Step: f.Step, Loss: f.Loss, Param: n.Name}
			}
		}
	}
	return nil
}

// wholeOf is what share.begin wants to know of the step that a batch begins.
func (f *fitter[B]) wholeOf(batch *B, given measure) float64 {
	switch {
	case f.Config.Accumulate > 1:
		return 0
	case f.o.Weight != nil:
		return given.weight
	}
	return f.o.samples(batch)
}

// sumUp adds the gradients of a batch to those of the step.
func (f *fitter[B]) sumUp(batch *B, m measure) error {
	if f.o.Weight == nil {
		if err := f.share.compatible(f.Tape.Means()); err != nil {
			return err
		}
	}
	f.sum.Add(f.grads, f.share.of(m, f.o.samples(batch)))
	return nil
}

// step changes the parameters by the gradients of the batches added. Where
// none counted there is no gradient and no step.
func (f *fitter[B]) step() error {
	f.StepInEpoch++
	if f.stepMean.none() && f.priv == nil {
		return nil
	}
	grads := f.grads
	switch {
	case f.priv != nil: // a step without a sample is one of noise
		grads = f.priv.noised()
	case f.sum != nil:
		grads = f.sum.Grads()
		if k := f.share.correction(); k != 1 {
			for _, p := range f.Optimizer.Params() {
				if g := grads.Of(p); g != nil {
					elementwise.Scale(g, g, float32(k))
				}
			}
		}
	}
	if f.Config.SAM == nil {
		f.Optimizer.Step(grads)
	}
	if f.Config.ShareState {
		if err := f.crew.gatherWeights(f.Optimizer); err != nil {
			return err
		}
	}
	if f.sum != nil {
		f.sum.Clear()
	}
	if !f.stepMean.none() {
		f.Loss = f.stepMean.value()
	}
	f.epochMean.merge(f.stepMean)
	f.stepMean = mean{}
	f.Step++
	f.History.Steps = f.Step
	if f.Config.KeepSteps {
		f.History.StepLoss = append(f.History.StepLoss, f.Loss)
	}
	return f.notify(StepEnd)
}

// from gives the function that yields the batches of an epoch but the first
// ones. A source that can begin anywhere (data.Loader) does; others are read up
// to there.
func from[B any](source Source[B]) func(ctx context.Context, epoch, batch int) Batches[B] {
	if s, ok := source.(interface {
		EpochFrom(ctx context.Context, epoch, batch int) Batches[B]
	}); ok {
		return s.EpochFrom
	}
	return func(_ context.Context, epoch, batch int) Batches[B] {
		return func(yield func(B, error) bool) {
			i := 0
			for b, err := range source.Epoch(epoch) {
				if i++; i <= batch && err == nil {
					continue
				}
				if !yield(b, err) {
					return
				}
			}
		}
	}
}
