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
func AdamUpdate(p, g, m, v []float32, lr, beta1, beta2, eps, bias1, bias2, decay float32) {
	checkLen("AdamUpdate", "g", len(p), len(g))
	checkLen("AdamUpdate", "m", len(p), len(m))
	checkLen("AdamUpdate", "v", len(p), len(v))
	step, root, keep := lr/bias1, float32(1/math.Sqrt(float64(bias2))), 1-lr*decay
	if len(p) <= elemGrain/2 {
		adam(p, g, m, v, 1-beta1, beta2, 1-beta2, step, root, eps, keep)
		return
	}
	j := getJob((*job).adamPart)
	j.x = [9][]float32{p, g, m, v}
	j.s, j.t, j.f = 1-beta1, beta2, [5]float32{1 - beta2, step, root, eps, keep}
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
func RMSProp(p, g, v []float32, lr, alpha, eps float32) {
	checkLen("RMSProp", "g", len(p), len(g))
	checkLen("RMSProp", "v", len(p), len(v))
	for i, d := range g {
		v[i] = alpha*v[i] + (1-alpha)*d*d
		p[i] -= lr * d / (float32(math.Sqrt(float64(v[i]))) + eps)
	}
}

// Lion takes one step of Lion (Chen et al., Symbolic Discovery of Optimization Algorithms, 2023):
//
//	p = p*(1 - lr*decay) - lr*sign(beta1*m + (1-beta1)*g);  m = beta2*m + (1-beta2)*g
func Lion(p, g, m []float32, lr, beta1, beta2, decay float32) {
	checkLen("Lion", "g", len(p), len(g))
	checkLen("Lion", "m", len(p), len(m))
	keep := 1 - lr*decay
	for i, d := range g {
		u := beta1*m[i] + (1-beta1)*d
		q := p[i] * keep
		if u > 0 {
			q -= lr
		} else if u < 0 {
			q += lr
		}
		p[i] = q
		m[i] = beta2*m[i] + (1-beta2)*d
	}
}
