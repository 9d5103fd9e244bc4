package optim

import (
	"fmt"
	"slices"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// ScheduleFreeSGD is gradient descent that needs no falling learning rate
// (Defazio et al., The Road Less Scheduled, 2024). It steps from z, averages
// the steps in x, and takes the gradient in between, at y, which is what the
// model holds in training:
//
//	z ← z − lr·g(y)
//	x ← x + c·(z − x)       c = lr²/Σlr², 1/t for a constant rate
//	y = x + (1−mu)·(z − x)
//
// The weights to be used are x: [Optimizer.Average] puts them into the model
// and takes them out again. train.Fit does so for the validation, for the
// callbacks at the end of an epoch, for checkpoints and when it ends. The
// running statistics of batch normalisation are those of y; the authors compute
// them again, on some batches, at x.
//
// Options: Mu (0.9), WeightDecay (0; its gradient is taken at y). The usual
// learning rate is several times that of SGD with momentum and a schedule; warm
// it up (WarmUp with nil after it). Settings and values are those of the
// authors' schedulefree package.
func ScheduleFreeSGD(lr float64, opts ...Option) Rule {
	s := configure("ScheduleFreeSGD", "Mu WeightDecay", settings{momentum: 0.9}, opts)
	return scheduleFree("ScheduleFreeSGD", lr, s, func(l *perParam) direction {
		return func(int, float64, []float32, int, int, []float32) {}
	})
}

// ScheduleFreeAdamW is [ScheduleFreeSGD] with Adam's denominator: z ← z −
// lr·(g/(√(v/(1−β₂ᵗ)) + eps) + lambda·y), with β₁ in place of mu.
//
// Options: Betas (0.9, 0.999), Eps (1e-8), WeightDecay (0). The usual learning
// rate is 2.5e-3, up to ten times that of AdamW with a schedule.
func ScheduleFreeAdamW(lr float64, opts ...Option) Rule {
	s := configure("ScheduleFreeAdamW", "Betas Eps WeightDecay", adamDefaults, opts)
	s.momentum = s.beta1
	return scheduleFree("ScheduleFreeAdamW", lr, s, func(l *perParam) direction {
		v := l.buffers("exp_avg_sq")
		return func(i int, t float64, g []float32, lo, hi int, tmp []float32) {
			meanSquare(v[i][lo:hi], g, tmp, s.beta2)
			elementwise.Scale(tmp, v[i][lo:hi], float32(1/unbias(s.beta2, t)))
			divideByRoot(g, tmp, tmp, 1, float32(s.eps))
		}
	})
}

// A direction makes a step's direction of elements lo to hi of the gradient of
// parameter i, at step t.
type direction func(i int, t float64, g []float32, lo, hi int, tmp []float32)

func scheduleFree(rule string, lr float64, s settings, of func(*perParam) direction) Rule {
	checkRate(rule, lr)
	return tell(func(ps []*tensor.Param) Link {
		l := &freely{perParam: perParam{params: ps}, lr: lr, toZ: float32(1 - s.momentum), decay: s.decays(ps)}
		l.z, l.x = l.buffers("z"), l.buffers("x")
		l.to = of(&l.perParam)
		l.sums = make([]float32, 4)
		l.slots = append(l.slots, Slot{Name: averagingSlot, Param: -1, Data: l.sums})
		return l
	}, rule, lr, s)
}

const averagingSlot = "averaging"

type freely struct {
	perParam
	lr    float64
	toZ   float32 // how far y is from x towards z
	decay []float64
	z, x  [][]float32
	to    direction
	// sums are the steps taken, the largest learning rate, and the sum of the
	// squares of the largest rates: a float64 in two parts.
	sums     []float32
	averaged bool
}

func (l *freely) Update(s *Step) {
	if l.averaged {
		panic("optim: a step while the averaged weights are in the model: call Optimizer.Average(false) before training on")
	}
	if l.sums[0] == 0 { // not at New: the model may be loaded after it
		for i, p := range s.Params {
			copy(l.z[i], p.Data)
			copy(l.x[i], p.Data)
		}
	}
	l.sums[0]++
	t, rate := float64(l.sums[0]), l.lr*s.Factor
	l.sums[1] = max(l.sums[1], float32(rate))
	weight := float64(l.sums[1]) * float64(l.sums[1])
	sum := float64(l.sums[2]) + float64(l.sums[3]) + weight
	l.sums[2] = float32(sum)
	l.sums[3] = float32(sum - float64(l.sums[2]))
	c := float32(0)
	if sum > 0 {
		c = float32(weight / sum)
	}
	for i, u := range s.Updates {
		if u == nil {
			continue
		}
		l.blocks(len(u), func(lo, hi int, tmp []float32) {
			g, y, z, x := u[lo:hi], s.Params[i].Data[lo:hi], l.z[i][lo:hi], l.x[i][lo:hi]
			l.to(i, t, g, lo, hi, tmp)
			if l.decay[i] != 0 {
				elementwise.Axpy(g, float32(l.decay[i]), y)
			}
			elementwise.Axpy(z, float32(-rate), g)
			mix(x, z, c)
			copy(y, x)
			mix(y, z, l.toZ)
		})
	}
	s.Applied = true
}

// Average implements [Averager].
func (l *freely) Average(on bool) {
	if l.averaged == on || l.sums[0] == 0 {
		return
	}
	l.averaged = on
	for i, p := range l.params {
		copy(p.Data, l.x[i])
		if !on {
			mix(p.Data, l.z[i], l.toZ)
		}
	}
}

// An Averager is a [Link] that trains at other weights than those to be used.
type Averager interface {
	// Average puts the weights to be used into the model, or those at which the
	// training goes on, bit by bit those of before. Before the first step both
	// are the model's.
	Average(on bool)
}

// Average puts the weights to be used into the model, where the rule trains at
// others ([ScheduleFreeSGD], [ScheduleFreeAdamW]), and, with false, takes them
// out again; with other rules it does nothing. A step while they are in
// panics. train.Fit calls it where it is due.
func (o *Optimizer) Average(on bool) {
	for _, a := range o.others {
		a.Average(on)
	}
}

// AverageLink is [Optimizer.Average] for a link: for one that wraps another.
func AverageLink(l Link, on bool) { eachAverager(l, func(a Averager) { a.Average(on) }) }

// eachAverager calls do for the link, or those that it is made of.
func eachAverager(l Link, do func(Averager)) {
	switch l := l.(type) {
	case Averager:
		do(l)
	case told:
		eachAverager(l.Link, do)
	case applying:
		eachAverager(l.Link, do)
	case *skipping:
		eachAverager(l.Link, do)
	case chain:
		for _, m := range l {
			eachAverager(m, do)
		}
	case *grouped:
		for _, m := range l.parts {
			eachAverager(m.link, do)
		}
	}
}

// noAverages refuses a schedule-free rule, however wrapped, inside of one that
// changes or averages the weights after it.
func noAverages(outer string, l Link) Link {
	if slices.ContainsFunc(l.State(), func(s Slot) bool { return s.Name == averagingSlot }) {
		panic(fmt.Sprintf("optim: %s around a schedule-free rule, which computes the weights anew from averages in each step", outer))
	}
	return l
}
