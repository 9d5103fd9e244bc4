package kernel

import "math"

// Fused optimizer updates: one pass over parameter, gradient and state.

// AdamUpdate takes one step of Adam (Kingma & Ba, 2015):
//
//	m = beta1*m + (1-beta1)*g;  v = beta2*v + (1-beta2)*g*g
//	p = p*(1 - lr*decay) - lr/bias1 * m / (sqrt(v/bias2) + eps)
//
// bias1 = 1-beta1^t and bias2 = 1-beta2^t undo the start from zero. decay is the decoupled weight
// decay of AdamW (Loshchilov & Hutter, 2019); 0 gives plain Adam.
//
// The numbers are float64, because 1-beta2 of a rounded beta2 would be off by 1e-5.
func AdamUpdate(p, g, m, v []float32, lr, beta1, beta2, eps, bias1, bias2, decay float64) {
	checkLen("AdamUpdate", "g", len(p), len(g))
	checkLen("AdamUpdate", "m", len(p), len(m))
	checkLen("AdamUpdate", "v", len(p), len(v))
	take1, take2 := float32(1-beta1), float32(1-beta2)
	step, root, keep := float32(lr/bias1), float32(1/math.Sqrt(bias2)), float32(1-lr*decay)
	if len(p) <= elemGrain/2 {
		adam(p, g, m, v, take1, float32(beta2), take2, step, root, float32(eps), keep)
		return
	}
	j := getJob((*job).adamPart)
	j.x = [9][]float32{p, g, m, v}
	j.s, j.t, j.f = take1, float32(beta2), [5]float32{take2, step, root, float32(eps), keep}
	j.parallel(len(p), elemGrain/2)
}

func (j *job) adamPart(lo, hi int) {
	adam(j.at(0, lo, hi), j.at(1, lo, hi), j.at(2, lo, hi), j.at(3, lo, hi), j.s, j.t, j.f[0], j.f[1], j.f[2], j.f[3], j.f[4])
}

// SGDUpdate computes p -= lr * g.
func SGDUpdate(p, g []float32, lr float32) { Axpy(p, -lr, g) }

// SGDMomentum takes one step of gradient descent with momentum, PyTorch's form:
//
//	buf = mu*buf + (1-dampening)*g;  p -= lr * (nesterov ? g + mu*buf : buf)
//
// PyTorch starts buf as the first gradient: call it with dampening 0 and a zero buf for the first step.
func SGDMomentum(p, g, buf []float32, lr, mu, dampening float32, nesterov bool) {
	checkLen("SGDMomentum", "g", len(p), len(g))
	checkLen("SGDMomentum", "buf", len(p), len(buf))
	if len(p) <= elemGrain {
		momentum(p, g, buf, lr, mu, 1-dampening, nesterov)
		return
	}
	j := getJob((*job).momentumPart)
	if nesterov {
		j.run = (*job).nesterovPart
	}
	j.x, j.s, j.t, j.f[0] = [9][]float32{p, g, buf}, lr, mu, 1-dampening
	j.parallel(len(p), elemGrain)
}

func (j *job) momentumPart(lo, hi int) {
	momentum(j.at(0, lo, hi), j.at(1, lo, hi), j.at(2, lo, hi), j.s, j.t, j.f[0], false)
}

func (j *job) nesterovPart(lo, hi int) {
	momentum(j.at(0, lo, hi), j.at(1, lo, hi), j.at(2, lo, hi), j.s, j.t, j.f[0], true)
}

// RMSProp takes one step of RMSProp (Tieleman & Hinton, 2012), PyTorch's form:
//
//	v = alpha*v + (1-alpha)*g*g;  p -= lr * g / (sqrt(v) + eps)
func RMSProp(p, g, v []float32, lr, alpha, eps float64) {
	checkLen("RMSProp", "g", len(p), len(g))
	checkLen("RMSProp", "v", len(p), len(v))
	if len(p) <= elemGrain/2 {
		rmsProp(p, g, v, float32(lr), float32(alpha), float32(1-alpha), float32(eps))
		return
	}
	j := getJob((*job).rmsPropPart)
	j.x[0], j.x[1], j.x[2] = p, g, v
	j.s, j.t, j.f[0], j.f[1] = float32(lr), float32(alpha), float32(1-alpha), float32(eps)
	j.parallel(len(p), elemGrain/2)
}

func (j *job) rmsPropPart(lo, hi int) {
	rmsProp(j.at(0, lo, hi), j.at(1, lo, hi), j.at(2, lo, hi), j.s, j.t, j.f[0], j.f[1])
}

// Lion takes one step of Lion (Chen et al., Symbolic Discovery of Optimization Algorithms, 2023):
//
//	p = p*(1 - lr*decay) - lr*sign(beta1*m + (1-beta1)*g);  m = beta2*m + (1-beta2)*g
func Lion(p, g, m []float32, lr, beta1, beta2, decay float64) {
	checkLen("Lion", "g", len(p), len(g))
	checkLen("Lion", "m", len(p), len(m))
	j := getJob((*job).lionPart)
	j.x[0], j.x[1], j.x[2] = p, g, m
	j.s, j.t = float32(lr), float32(1-lr*decay)
	j.f = [5]float32{float32(beta1), float32(1 - beta1), float32(beta2), float32(1 - beta2)}
	j.parallel(len(p), elemGrain)
}

func (j *job) lionPart(lo, hi int) {
	lion(j.at(0, lo, hi), j.at(1, lo, hi), j.at(2, lo, hi), j.s, j.f[0], j.f[1], j.f[2], j.f[3], j.t)
}
