package elementwise

import (
	"math"

	"descent/mlkit/internal/kernel/cpu"
)

// Fused optimizer updates: one pass over parameter, gradient and state.

// AdamUpdate takes one step of Adam (Kingma & Ba, 2015):
//
//	m = beta1*m + (1-beta1)*g;  v = beta2*v + (1-beta2)*g*g
//	p = p*(1 - lr*decay) - lr/bias1 * m / (sqrt(v/bias2) + eps)
//
// bias1 = 1-beta1^t and bias2 = 1-beta2^t undo the start from zero. decay is
// the decoupled weight decay of AdamW (Loshchilov & Hutter, 2019); 0 gives
// plain Adam.
//
// The numbers are float64, because 1-beta2 of a rounded beta2 would be off by
// 1e-5.
func AdamUpdate(p, g, m, v []float32, lr, beta1, beta2, eps, bias1, bias2, decay float64) {
	cpu.CheckLen("AdamUpdate", "g", len(p), len(g))
	cpu.CheckLen("AdamUpdate", "m", len(p), len(m))
	cpu.CheckLen("AdamUpdate", "v", len(p), len(v))
	take1, take2 := float32(1-beta1), float32(1-beta2)
	step, root, keep := float32(lr/bias1), float32(1/math.Sqrt(bias2)), float32(1-lr*decay)
	if len(p) <= cpu.Grain/2 {
		adam(p, g, m, v, take1, float32(beta2), take2, step, root, float32(eps), keep)
		return
	}
	j := newElemJob(adamPart)
	j.X = [9][]float32{p, g, m, v}
	j.S, j.T, j.F = take1, float32(beta2), [5]float32{take2, step, root, float32(eps), keep}
	j.Parallel(len(p), cpu.Grain/2)
}

func adamPart(j *elemJob, lo, hi int) {
	adam(j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi), j.At(3, lo, hi), j.S, j.T, j.F[0], j.F[1], j.F[2],
		j.F[3], j.F[4])
}

// SGDUpdate computes p -= lr * g.
func SGDUpdate(p, g []float32, lr float32) { elem2("SGDUpdate", axpy, p, g, -lr, 0) }

// SGDOuterUpdate computes p -= lr * g for the gradient g = u·xᵀ of a matrix of
// len(u) rows, which it does not store. The bits are those of SGDUpdate.
func SGDOuterUpdate(p, u, x []float32, lr float32) {
	cpu.CheckLen("SGDOuterUpdate", "p", len(u)*len(x), len(p))
	if len(p) == 0 {
		return
	}
	j := newElemJob(sgdOuterPart)
	j.X[0], j.X[1], j.X[2], j.S, j.Cols = p, u, x, -lr, len(x)
	j.Parallel(len(u), max(1, cpu.Grain/len(x)))
}

func sgdOuterPart(j *elemJob, lo, hi int) {
	for i := lo; i < hi; i++ {
		axpyProduct(j.Rows(0, i, i+1), j.X[2], nil, j.S, j.X[1][i])
	}
}

// SGDMomentum takes one step of gradient descent with momentum, PyTorch's form:
//
//	buf = mu*buf + (1-dampening)*g;  p -= lr * (nesterov ? g + mu*buf : buf)
//
// PyTorch starts buf as the first gradient: call it with dampening 0 and a zero
// buf for the first step.
func SGDMomentum(p, g, buf []float32, lr, mu, dampening float32, nesterovStep bool) {
	cpu.CheckLen("SGDMomentum", "g", len(p), len(g))
	cpu.CheckLen("SGDMomentum", "buf", len(p), len(buf))
	if len(p) <= cpu.Grain {
		if nesterovStep {
			nesterov(p, g, buf, lr, mu, 1-dampening)
		} else {
			momentum(p, g, buf, lr, mu, 1-dampening)
		}
		return
	}
	part := momentumPart
	if nesterovStep {
		part = nesterovPart
	}
	j := newElemJob(part)
	j.X, j.S, j.T, j.F[0] = [9][]float32{p, g, buf}, lr, mu, 1-dampening
	j.Parallel(len(p), cpu.Grain)
}

func momentumPart(j *elemJob, lo, hi int) {
	momentum(j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi), j.S, j.T, j.F[0])
}

func nesterovPart(j *elemJob, lo, hi int) {
	nesterov(j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi), j.S, j.T, j.F[0])
}

// RMSProp takes one step of RMSProp (Tieleman & Hinton, 2012), PyTorch's form:
//
//	v = alpha*v + (1-alpha)*g*g;  p -= lr * g / (sqrt(v) + eps)
func RMSProp(p, g, v []float32, lr, alpha, eps float64) {
	cpu.CheckLen("RMSProp", "g", len(p), len(g))
	cpu.CheckLen("RMSProp", "v", len(p), len(v))
	if len(p) <= cpu.Grain/2 {
		rmsProp(p, g, v, float32(lr), float32(alpha), float32(1-alpha), float32(eps))
		return
	}
	j := newElemJob(rmsPropPart)
	j.X[0], j.X[1], j.X[2] = p, g, v
	j.S, j.T, j.F[0], j.F[1] = float32(lr), float32(alpha), float32(1-alpha), float32(eps)
	j.Parallel(len(p), cpu.Grain/2)
}

func rmsPropPart(j *elemJob, lo, hi int) {
	rmsProp(j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi), j.S, j.T, j.F[0], j.F[1])
}

// AdaGrad takes one step of AdaGrad (Duchi et al., 2011):
//
//	sum = sum + g*g;  p -= lr * g / (sqrt(sum) + eps)
func AdaGrad(p, g, sum []float32, lr, eps float64) {
	cpu.CheckLen("AdaGrad", "g", len(p), len(g))
	cpu.CheckLen("AdaGrad", "sum", len(p), len(sum))
	if len(p) <= cpu.Grain/2 {
		adaGrad(p, g, sum, float32(lr), float32(eps))
		return
	}
	j := newElemJob(adaGradPart)
	j.X[0], j.X[1], j.X[2], j.S, j.T = p, g, sum, float32(lr), float32(eps)
	j.Parallel(len(p), cpu.Grain/2)
}

func adaGradPart(j *elemJob, lo, hi int) {
	adaGrad(j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi), j.S, j.T)
}

// Lion takes one step of Lion (Chen et al., Symbolic Discovery of Optimization
// Algorithms, 2023):
//
//	p = p*(1 - lr*decay) - lr*sign(beta1*m + (1-beta1)*g);  m = beta2*m + (1-beta2)*g
func Lion(p, g, m []float32, lr, beta1, beta2, decay float64) {
	cpu.CheckLen("Lion", "g", len(p), len(g))
	cpu.CheckLen("Lion", "m", len(p), len(m))
	j := newElemJob(lionPart)
	j.X[0], j.X[1], j.X[2] = p, g, m
	j.S, j.T = float32(lr), float32(1-lr*decay)
	j.F = [5]float32{float32(beta1), float32(1 - beta1), float32(beta2), float32(1 - beta2)}
	j.Parallel(len(p), cpu.Grain)
}

func lionPart(j *elemJob, lo, hi int) {
	lion(j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi), j.S, j.F[0], j.F[1], j.F[2], j.F[3], j.T)
}
