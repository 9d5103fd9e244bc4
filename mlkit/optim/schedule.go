package optim

import (
	"fmt"
	"math"
	"slices"
)

// A Schedule gives the factor by which learning rates are multiplied at a
// step, counted from 0. It is a plain function of the step, so resuming needs
// the number of steps only.
type Schedule func(step int) float64

// PerEpoch turns a schedule by epochs into one by steps, with the given number
// of steps per epoch: what PyTorch's schedulers do when they are stepped once
// an epoch.
func PerEpoch(s Schedule, steps int) Schedule {
	needSteps("PerEpoch", steps)
	return func(step int) float64 { return s(step / steps) }
}

// Constant is the same factor at every step.
func Constant(factor float64) Schedule { return func(int) float64 { return factor } }

// StepDecay multiplies the learning rate by gamma once in every
// given number of steps.
func StepDecay(every int, gamma float64) Schedule {
	needSteps("StepDecay", every)
	return func(step int) float64 { return math.Pow(gamma, float64(step/every)) }
}

// MultiStep multiplies by gamma at each of the milestones.
func MultiStep(gamma float64, milestones ...int) Schedule {
	if !slices.IsSorted(milestones) {
		panic(fmt.Sprintf("optim: MultiStep: the milestones %v are not in order", milestones))
	}
	return func(step int) float64 {
		passed, _ := slices.BinarySearch(milestones, step+1)
		return math.Pow(gamma, float64(passed))
	}
}

// Exponential is gammaˢᵗᵉᵖ.
func Exponential(gamma float64) Schedule {
	return func(step int) float64 { return math.Pow(gamma, float64(step)) }
}

// Linear goes from one factor to the other over the given number of steps and
// stays there.
func Linear(from, to float64, steps int) Schedule {
	return func(step int) float64 { return from + (to-from)*progress(step, steps) }
}

// Polynomial goes from 1 to end as end + (1−end)·(1 − step/total)^power and
// stays there.
func Polynomial(total int, power, end float64) Schedule {
	return func(step int) float64 { return end + (1-end)*math.Pow(1-progress(step, total), power) }
}

// Cosine goes from 1 to end along half a cosine in total steps and stays there
// (Loshchilov & Hutter, SGDR, 2017; PyTorch's CosineAnnealingLR comes up again
// afterwards).
func Cosine(total int, end float64) Schedule {
	return func(step int) float64 { return cosine(1, end, progress(step, total)) }
}

// CosineRestarts repeats Cosine with a warm restart after first steps, then
// after each period mult times as long as the one before (SGDR; mult 1 or 2).
func CosineRestarts(first, mult int, end float64) Schedule {
	needSteps("CosineRestarts", min(first, mult))
	return func(step int) float64 {
		period := first
		if mult == 1 {
			step %= period
		}
		for step >= period {
			step -= period
			period *= mult
		}
		return cosine(1, end, progress(step, period))
	}
}

// OneCycle rises from 1/div to 1 in the first warm·total steps and falls to
// 1/(div·finalDiv) in the rest, both along half a cosine (Smith & Topin,
// Super-Convergence, 2018). PyTorch's values are warm 0.3, div 25, finalDiv
// 1e4; the rule's learning rate is its max_lr. For a momentum that falls and
// rises meanwhile, as theirs does, see [Opposite].
func OneCycle(total int, warm, div, finalDiv float64) Schedule {
	if !(total > 1 && warm >= 0 && warm <= 1 && div > 0 && finalDiv > 0) {
		panic(fmt.Sprintf("optim: OneCycle(%d, %v, %v, %v): need more than one step, 0 ≤ warm ≤ 1 and positive divisors", total, warm, div, finalDiv))
	}
	peak, last := warm*float64(total)-1, float64(total-1)
	return func(step int) float64 {
		x := float64(step)
		if x <= peak && peak > 0 {
			return cosine(1/div, 1, x/peak)
		}
		if last <= peak {
			return 1
		}
		return cosine(1, 1/(div*finalDiv), min((x-max(peak, 0))/(last-max(peak, 0)), 1))
	}
}

// OneCycleThreePhase rises from 1/div to 1 in the first warm·total steps, falls
// back to 1/div in as many, and to 1/(div·finalDiv) in the rest, each along
// half a cosine (PyTorch's OneCycleLR with three_phase; the form of the paper
// that OneCycle names).
func OneCycleThreePhase(total int, warm, div, finalDiv float64) Schedule {
	if !(total > 1 && warm > 0 && warm < 0.5 && warm*float64(total) > 1 && div > 0 && finalDiv > 0) {
		panic(fmt.Sprintf("optim: OneCycleThreePhase(%d, %v, %v, %v): need 0 < warm < 0.5, of more than one step, and positive divisors", total, warm, div, finalDiv))
	}
	peak, back, last := warm*float64(total)-1, 2*warm*float64(total)-2, float64(total-1)
	return func(step int) float64 {
		switch x := float64(step); {
		case x <= peak:
			return cosine(1/div, 1, x/peak)
		case x <= back:
			return cosine(1, 1/div, (x-peak)/(back-peak))
		default:
			return cosine(1/div, 1/(div*finalDiv), min((x-back)/(last-back), 1))
		}
	}
}

// Cyclic rises linearly from low to 1 in up steps and falls back in down steps,
// again and again (Smith, Cyclical Learning Rates for Training Neural Networks,
// 2017). shrink multiplies the height above low after each cycle: 1 is the
// paper's "triangular", 0.5 its "triangular2". The rule's learning rate is
// PyTorch's max_lr, low its base_lr over max_lr.
func Cyclic(low float64, up, down int, shrink float64) Schedule {
	return cyclic("Cyclic", low, up, down, shrink, func(_, cycle int) int { return cycle })
}

// CyclicDecay is Cyclic whose height above low is multiplied by gamma at every
// step: the paper's "exp_range".
func CyclicDecay(low float64, up, down int, gamma float64) Schedule {
	return cyclic("CyclicDecay", low, up, down, gamma, func(step, _ int) int { return step })
}

func cyclic(name string, low float64, up, down int, factor float64, times func(step, cycle int) int) Schedule {
	needSteps(name, min(up, down))
	if !(factor > 0 && factor <= 1) {
		panic(fmt.Sprintf("optim: %s: a factor of %v, must be above 0 and at most 1", name, factor))
	}
	return func(step int) float64 {
		in, height := step%(up+down), float64(0)
		if in <= up {
			height = float64(in) / float64(up)
		} else {
			height = float64(up+down-in) / float64(down)
		}
		return low + (1-low)*height*math.Pow(factor, float64(times(step, step/(up+down))))
	}
}

// Opposite is a momentum for [MomentumSchedule] that falls from high to low
// while a cycle rises from 0 to 1, and back: PyTorch's cycle_momentum of
// OneCycleLR and CyclicLR. The cycle is that of the learning rate, from 0: an
// infinite div of OneCycle and OneCycleThreePhase, a low of 0 in Cyclic and
// CyclicDecay.
//
//	rate, cycle := optim.OneCycle(n, 0.3, 25, 1e4), optim.OneCycle(n, 0.3, math.Inf(1), 1)
//	opt := optim.New(params, optim.Momentum(0.1, 0.9, optim.MomentumSchedule(optim.Opposite(0.85, 0.95, cycle))))
//	opt.Schedule = rate
//
// PyTorch's low and high are 0.85 and 0.95 for OneCycleLR, 0.8 and 0.9 for
// CyclicLR.
func Opposite(low, high float64, cycle Schedule) Schedule {
	if !(low >= 0 && low <= high && high < 1) {
		panic(fmt.Sprintf("optim: Opposite(%v, %v): need 0 ≤ low ≤ high < 1", low, high))
	}
	return func(step int) float64 { return high - (high-low)*cycle(step) }
}

// WarmUp rises linearly through 1/steps, 2/steps, …, 1 in the first steps
// (Goyal et al. 2017), then follows the next schedule from its step 0; nil
// stays at 1.
func WarmUp(steps int, next Schedule) Schedule {
	if next == nil {
		next = Constant(1)
	}
	return Sequence(func(step int) float64 { return float64(step+1) / float64(steps) }, steps, next)
}

// Sequence follows first for the given number of steps, then next, counted from
// its own step 0.
func Sequence(first Schedule, steps int, next Schedule) Schedule {
	return func(step int) float64 {
		if step < steps {
			return first(step)
		}
		return next(step - steps)
	}
}

// Product multiplies schedules.
func Product(schedules ...Schedule) Schedule {
	return func(step int) float64 {
		f := 1.0
		for _, s := range schedules {
			f *= s(step)
		}
		return f
	}
}

// InverseSqrt rises linearly to 1 in warm steps and then falls with the root
// of the step (Vaswani et al., Attention Is All You Need, 2017, eq. 3, divided
// by its largest value).
func InverseSqrt(warm int) Schedule {
	needSteps("InverseSqrt", warm)
	return func(step int) float64 {
		t, w := float64(step+1), float64(warm)
		return min(t/w, math.Sqrt(w/t))
	}
}

func needSteps(schedule string, n int) {
	if n < 1 {
		panic(fmt.Sprintf("optim: %s: %d is not a positive number of steps", schedule, n))
	}
}

// progress is how much of total is over, 0 to 1.
func progress(step, total int) float64 {
	if step >= total {
		return 1
	}
	return float64(step) / float64(total)
}

// cosine goes from a at x = 0 to b at x = 1.
func cosine(a, b, x float64) float64 { return b + (a-b)*(1+math.Cos(math.Pi*x))/2 }
