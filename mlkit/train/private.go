package train

import (
	"errors"
	"fmt"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// A Privatizer makes the steps of a training private: the gradient of each
// sample by itself is clipped, and noise is added to their sum (Abadi et al.
// 2016). A *privacy.SGD is one.
type Privatizer interface {
	// Begin is asked before the first step. It refuses a source whose batches
	// do not have the guarantee that it would compute.
	Begin(source any) error
	// Factors puts factors in the place of the norms of samples' gradients.
	Factors(norms []float32) error
	// AddNoise makes the step's gradient of the sum of the gradients times
	// their factors, one slice a parameter. Steps count from 0.
	AddNoise(step int, sums [][]float32)
	// String names the settings, for checkpoints; no secrets.
	String() string
}

// A Ledger is a Privatizer that counts what its steps have spent. Checkpoints
// hold it, so that a training that goes on does not begin to count anew.
type Ledger interface {
	// Ledger points to the count, of which JSON must leave nothing out.
	Ledger() any
	// Resume is called where a training goes on after that many steps, with the
	// count of its checkpoint, if that had one.
	Resume(steps int) error
}

// private computes the steps of a private training.
type private[B any] struct {
	f       *fitter[B]
	by      Privatizer
	factors func(norms []float32)
	err     error      // of factors
	slow    *pieces[B] // a tape for each sample, once SampleNorms refuses
	piece   B
	part    mean
	norm    [1]float32
	sums    [][]float32
	params  []*tensor.Param // those that are trained
}

func newPrivate[B any](f *fitter[B]) (*private[B], error) {
	c := f.Config
	switch {
	case c.SAM != nil || c.Accumulate > 1:
		return nil, errors.New("train: Private takes steps of one batch each: not with SAM or Accumulate (MicroBatch saves memory)")
	case c.Group != nil:
		return nil, errors.New("train: Private not with Group: the ranks would have to draw their batches and their noise together")
	case f.o.Size == nil || f.o.Split == nil:
		return nil, errors.New("train: Private needs an Objective with Size and Split")
	case f.o.Weight != nil:
		return nil, errors.New("train: Private counts every sample alike: not with Objective.Weight")
	}
	for _, n := range nn.State(f.o.Model) {
		if n.Buffer != nil {
			return nil, fmt.Errorf("train: Private cannot train this model: %q is a statistic of whole batches, through which each sample changes what is computed of the others, "+
				"so no clipping bounds its influence: use GroupNorm or LayerNorm in place of batch normalisation", n.Name)
		}
	}
	p := &private[B]{f: f, by: c.Private}
	p.factors = func(norms []float32) {
		if err := p.by.Factors(norms); err != nil {
			p.err = err
		}
	}
	for _, q := range f.Optimizer.Params() {
		if !q.Frozen {
			p.params = append(p.params, q)
		}
	}
	if err := p.by.Begin(f.source); err != nil {
		return nil, fmt.Errorf("train: Private: %w", err)
	}
	return p, nil
}

// keep makes what has been spent part of checkpoints, and goes on from that of
// the one that the run resumes from.
func (p *private[B]) keep() error {
	l, ok := p.by.(Ledger)
	if !ok {
		return nil
	}
	if err := p.f.Keep("privacy", l.Ledger()); err != nil || p.f.resumed == nil {
		return err
	}
	if err := l.Resume(p.f.Step); err != nil {
		return fmt.Errorf("train: resume: Private: %w", err)
	}
	return nil
}

// add adds the gradients of the batch's samples, each times its factor, to the
// sum of the step. Their losses make its loss, which is not private.
func (p *private[B]) add(batch *B) (mean, error) {
	f := p.f
	p.part = mean{}
	pieces := f.Config.pieces(f.o.Size(*batch))
	for k := range pieces {
		if pieces > 1 {
			f.o.Split(*batch, &p.piece, k, pieces)
		} else {
			p.piece = *batch
		}
		if f.o.Size(p.piece) == 0 {
			continue
		}
		if err := p.addPiece(); err != nil {
			return p.part, err
		}
	}
	return p.part, nil
}

func (p *private[B]) addPiece() error {
	f := p.f
	size := f.o.Size(p.piece)
	if p.slow == nil {
		f.Tape.Reset()
		l := f.o.Loss(f.Tape, p.piece)
		g, err := l.BackwardSamples(size, p.factors)
		if err == nil && p.err == nil {
			p.part.add(measure{weight: float64(size), divisor: float64(size), loss: meanOf(l.Data())})
			f.sum.Add(g, 1)
			return nil
		}
		if err = p.giveUp(errors.Join(err, p.err)); err != nil {
			return err
		}
	}
	part, err := p.slow.run(f.Step, p.piece, size)
	p.part.merge(part)
	return errors.Join(err, p.err)
}

// giveUp goes on with a tape for each sample where an operation has no rule for
// the norms of samples.
func (p *private[B]) giveUp(err error) error {
	var unsupported *tensor.UnsupportedError
	if !errors.As(err, &unsupported) {
		return err
	}
	p.slow, err = newPieces(p.f.o, p.f.Config, p.f.Tape, nil, nil)
	if err == nil {
		p.slow.each = p.visit
	}
	return err
}

// visit is given the gradient of one sample.
func (p *private[B]) visit(_ int, _ float64, g tensor.Grads) {
	p.sums = p.sums[:0]
	for _, q := range p.params {
		p.sums = append(p.sums, g.Of(q))
	}
	n := optim.GlobalNorm(p.sums)
	if n == 0 { // nothing of it counts
		return
	}
	p.norm[0] = float32(n)
	p.factors(p.norm[:])
	p.f.sum.Add(g, p.norm[0])
}

func meanOf(losses []float32) float64 {
	sum := 0.0
	for _, v := range losses {
		sum += float64(v)
	}
	return sum / float64(len(losses))
}

// noised is the step's gradient: of every parameter, also of one that no sample
// of the batch has reached, for that would tell about the samples.
func (p *private[B]) noised() tensor.Grads {
	p.sums = p.sums[:0]
	for _, q := range p.params {
		p.sums = append(p.sums, p.f.sum.Full(q))
	}
	p.by.AddNoise(p.f.Step, p.sums)
	return p.f.sum.Grads()
}
