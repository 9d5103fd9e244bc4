package privacy

import (
	cryptorand "crypto/rand"
	"fmt"
	"math"
	"slices"

	"descent/mlkit/internal/kernel/cpu"
)

// SGD makes a training differentially private (Abadi et al. 2016), whatever the
// optimizer: as train.Config.Private. Of every step's samples, which a
// [Poisson] loader draws, each one's gradient is clipped to the norm Clip; to
// every element of their sum Gaussian noise of standard deviation Noise·Clip is
// added; and the sum is divided by the expected number of samples. What the
// optimizer makes of it costs nothing more.
//
// Gradients are clipped from their norms alone (ghost clipping; Li, Tramèr,
// Liang & Hashimoto 2022), which tensor.Tensor.BackwardSamples computes in the
// one backward pass; a model with other operations takes a tape for each
// sample. The noise is drawn in float64 from ChaCha8 with a key of the
// operating system's, and rounded to float32 only in the sum with the
// gradients, so its low bits do not tell the two apart.
type SGD struct {
	// Clip is what the norm of a sample's gradient is clipped to.
	Clip float64
	// Noise is the noise multiplier; 0 clips only, and ε is infinite.
	Noise float64
	// InsecureSeed, if not 0, draws noise that can be computed by anyone who
	// knows it, so it protects nothing: for books and tests, which must come
	// out the same again.
	InsecureSeed uint64

	rate, samples float64
	key           key
	ledger, past  ledger // past: before this training began
	noise         noising
}

// ledger is what checkpoints keep.
type ledger struct {
	ID    string  // of this training
	Use   uint64  // its number, of which its noise depends with a seed
	First int     // of Taken, that is this training's
	Taken []Steps // of all trainings
}

// Begin implements train.Privatizer.
func (p *SGD) Begin(source any) error {
	switch {
	case !(p.Clip > 0) || math.IsInf(p.Clip, 1):
		return fmt.Errorf("privacy: SGD.Clip is %v, must be positive and finite", p.Clip)
	case !(p.Noise >= 0) || math.IsInf(p.Noise, 1):
		return fmt.Errorf("privacy: SGD.Noise is %v, must be at least 0 and finite", p.Noise)
	}
	s, ok := source.(Sampled)
	if !ok {
		return fmt.Errorf("privacy: a %T does not sample at random, each sample independently of the others, which is what ε is computed for "+
			"(shuffled batches do not have that guarantee): use a *privacy.Poisson", source)
	}
	rate, n, err := s.Sampling()
	if err != nil {
		return err
	}
	p.rate, p.samples = rate, float64(n)
	l := &p.ledger
	p.past = *l
	p.past.Taken = slices.Clone(l.Taken)
	l.ID, l.Use, l.First = cryptorand.Text(), 1+uint64(len(l.Taken)), len(l.Taken)
	l.Taken = append(l.Taken, Steps{Rate: rate, Noise: p.Noise})
	p.key = newKey(p.InsecureSeed, l.Use)
	return nil
}

// Ledger implements train.Ledger.
func (p *SGD) Ledger() any { return &p.ledger }

// Resume implements train.Ledger: the steps of the checkpoint count with the
// rate and the noise that they had, as do those of the trainings before it.
func (p *SGD) Resume(steps int) error {
	l := &p.ledger
	if l.First < 0 || l.First >= len(l.Taken) {
		return fmt.Errorf("privacy: the checkpoint has the steps of %d trainings, and none of its own", len(l.Taken))
	}
	if _, _, err := check(l.Taken); err != nil {
		return err
	}
	for _, s := range l.Taken[l.First:] {
		steps -= s.Count
	}
	last := &l.Taken[len(l.Taken)-1]
	if steps < 0 {
		return fmt.Errorf("privacy: the checkpoint has %d more steps in its account than in its history", -steps)
	}
	last.Count += steps // of a checkpoint without an account
	// Trainings of this process that the checkpoint's one did not know of.
	before := p.past.Taken
	if p.past.ID == l.ID {
		before = before[:p.past.First]
	}
	if n := len(before); n > l.First || !slices.Equal(before, l.Taken[:n]) {
		l.Taken = slices.Insert(l.Taken, l.First, before...)
		l.First += n
		last = &l.Taken[len(l.Taken)-1]
	}
	if last.Rate != p.rate || last.Noise != p.Noise {
		l.Taken = append(l.Taken, Steps{Rate: p.rate, Noise: p.Noise})
	}
	p.key = newKey(p.InsecureSeed, l.Use)
	return nil
}

// Factors implements train.Privatizer: min(1, Clip/norm).
func (p *SGD) Factors(norms []float32) error {
	for i, n := range norms {
		if !(n <= math.MaxFloat32) {
			return fmt.Errorf("privacy: the norm of a sample's gradient is %v, which no factor clips: a smaller learning rate, or data without NaN, may help", n)
		}
		norms[i] = 1
		if float64(n) > p.Clip {
			// Rounded down: the product must not be longer than Clip, up to
			// its own rounding.
			norms[i] = math.Nextafter32(float32(p.Clip/float64(n)), 0)
		}
	}
	return nil
}

// AddNoise implements train.Privatizer.
func (p *SGD) AddNoise(step int, sums [][]float32) {
	p.noise.p, p.noise.step, p.noise.sums = p, step, sums
	p.noise.blocks = p.noise.blocks[:0]
	for k, s := range sums {
		for at := 0; at < len(s); at += noiseBlock {
			p.noise.blocks = append(p.noise.blocks, [2]int{k, at})
		}
	}
	cpu.Parallel(len(p.noise.blocks), &p.noise)
	p.ledger.Taken[len(p.ledger.Taken)-1].Count++
}

// Spent are the steps taken so far, in all trainings that this SGD was used
// for, as accountants take them. A resumed training has those of its
// checkpoint, each with the rate and noise that it was taken with; steps after
// the checkpoint, which are lost, have told nobody anything.
func (p *SGD) Spent() []Steps { return append([]Steps(nil), p.ledger.Taken...) }

// Epsilon is the ε of the steps taken so far, by privacy-loss distributions,
// for a δ: 0 before any step. It is that of the released model, not of what
// else was looked at: losses, metrics of training data, other trainings for
// choosing settings. A δ of 1/samples or more is an error, for a training that
// publishes one sample of all would have it, with ε = 0; PLD computes that,
// too.
func (p *SGD) Epsilon(delta float64) (float64, error) {
	if p.samples > 0 && delta*p.samples >= 1 && delta < 1 {
		return 0, fmt.Errorf("privacy: δ is %v for %v samples, must be below 1/samples, %.2g: "+
			"publishing one of them as it is would be as private", delta, p.samples, 1/p.samples)
	}
	return PLD{}.Epsilon(delta, p.ledger.Taken...)
}

// String names the settings.
func (p *SGD) String() string {
	s := fmt.Sprintf("clip %v, noise %v", p.Clip, p.Noise)
	if p.InsecureSeed != 0 {
		s += ", INSECURE: noise from a seed that is known"
	}
	return s
}

// noiseBlock is how many elements have a stream of random numbers together.
const noiseBlock = 1 << 12

// noising adds noise to blocks of sums, on any goroutine: each block's follows
// from the key, the step and its place.
type noising struct {
	p      *SGD
	step   int
	sums   [][]float32
	blocks [][2]int // the sum and its first element
}

var streams cpu.FreeList[stream]

// Part implements cpu.Task.
func (n *noising) Part(i int) {
	k, at := n.blocks[i][0], n.blocks[i][1]
	sum := n.sums[k][at:min(at+noiseBlock, len(n.sums[k]))]
	scale, sd := 1/(n.p.rate*n.p.samples), n.p.Noise*n.p.Clip
	if sd == 0 {
		for j, v := range sum {
			sum[j] = float32(scale * float64(v))
		}
		return
	}
	r := streams.Get()
	r.begin(&n.p.key, uint64(n.step), uint64(k), uint64(at))
	for j, v := range sum {
		sum[j] = float32(scale * float64(float32(float64(v)+sd*r.normal())))
	}
	streams.Put(r)
}
