package tensor

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// CTCTargets are what [Tensor.CTC] compares with.
type CTCTargets struct {
	// Labels is [batch, S]: each row a sequence of classes, padded at its end
	// with anything.
	Labels Ints
	// LabelLengths [batch] are the labels' true lengths, 0…S; empty: all S.
	LabelLengths Ints
	// InputLengths [batch] are the inputs' true lengths, 0…time; empty: all.
	InputLengths Ints
	Blank        int // the class that stands for no label
	// ZeroInfinity makes the loss of what is impossible (an input too short
	// for its labels) 0, with zero gradient, instead of +Inf.
	ZeroInfinity bool
}

// CTC is the connectionist temporal classification loss (Graves et al. 2006,
// eqs. 5–16): −log of the probability that softmax(x), read step by step, with
// repetitions merged and then blanks removed, spells the labels. x holds
// logits, [batch, time, classes] (logarithms of probabilities are logits, too:
// the softmax leaves them as they are); the result is [batch]. Forward and
// backward variables are kept as logarithms. Steps beyond an input's length
// get no gradient. A label outside of the classes, or equal to the blank,
// panics.
func (x Tensor) CTC(targets CTCTargets) Tensor {
	const op = "CTC"
	n := x.node(op)
	labels := targets.Labels
	if n.n != 3 || labels.dims.n != 2 || labels.dims.d[0] != n.d[0] {
		shapePanic(op, 0, fmt.Sprintf("logits must be [batch, time, classes], and labels [batch, S], not %v", append([]int{}, labels.Dims()...)), x)
	}
	batch, time, classes, s := n.d[0], n.d[1], n.d[2], labels.dims.d[1]
	if targets.Blank < 0 || targets.Blank >= classes {
		panic(fmt.Sprintf("tensor: %s: blank %d is outside of 0…%d", op, targets.Blank, classes-1))
	}
	t := x.t
	y, m := t.push(op)
	n = &t.nodes[x.i] // push may have moved it
	c := ctcs.lend(t, m)
	*c = ctc{time: time, classes: classes, s: s, blank: int32(targets.Blank), labels: labels.Data,
		labelLengths: checkLengths(op+" labels", targets.LabelLengths, batch, s),
		inputLengths: checkLengths(op+" inputs", targets.InputLengths, batch, time), zeroInf: targets.ZeroInfinity}
	for b := range batch {
		for i, l := range c.labels[b*s:][:end(c.labelLengths, b, s)] {
			if l < 0 || int(l) >= classes || l == c.blank {
				panic(fmt.Sprintf("tensor: %s: label %d at position %d of row %d must be one of the classes 0…%d and not the blank, %d", op, l, i, b, classes-1, c.blank))
			}
		}
	}
	loss := t.floats.take(batch)
	c.x, c.logp, c.logSum = n.data, t.floats.take(len(n.data)), t.doubles.take(batch*time)
	rowwise.LogSoftmax(c.logp, n.data, max(classes, 1))
	// The gradient with respect to the logits falls off on the way: it is
	// computed now, while the forward variables are at hand.
	if n.needs {
		c.grad = t.floats.take(len(n.data))
	}
	c.alpha = t.doubles.take(batch * time * (2*s + 1))
	c.loss = loss
	m.data, m.shape = loss, shape{n: 1, d: [MaxRank]int{batch}}
	m.record(t, backCTC, x.i)
	cpu.Parallel(batch, c)
	return y
}

func backCTC(t *Tape, n *node) {
	g, grad := t.gradOf(n, 0), n.kept.(*ctc).grad
	per := len(g) / max(len(n.grad), 1)
	for b, d := range n.grad {
		if d != 0 { // an infinite loss has no gradient to scale by 0
			elementwise.Axpy(g[b*per:(b+1)*per], d, grad[b*per:(b+1)*per])
		}
	}
}

// ctc is the work of one operation, divided by samples; the node keeps it for
// its gradient.
type ctc struct {
	time, classes, s           int
	blank                      int32
	labels                     []int32
	labelLengths, inputLengths []int32
	zeroInf                    bool
	x, logp, loss, grad        []float32
	logSum, alpha              []float64 // log Σeˣ of each step; see below
}

var ctcs = newKeeper[ctc]()

// at is the class at a position of the labels with blanks around each.
func (c *ctc) at(labels []int32, u int) int32 {
	if u%2 == 0 {
		return c.blank
	}
	return labels[u/2]
}

// skips reports whether the path may come to u from u−2: past a blank, between
// two labels that differ.
func (c *ctc) skips(labels []int32, u int) bool {
	return u >= 2 && u%2 == 1 && labels[u/2] != labels[u/2-1]
}

// Part implements cpu.Task: one sample.
func (c *ctc) Part(b int) {
	k := c.classes
	logp := c.logp[b*c.time*k:][:c.time*k]
	time := end(c.inputLengths, b, c.time)
	labels := c.labels[b*c.s:][:end(c.labelLengths, b, c.s)]
	width := 2*len(labels) + 1
	alpha := c.alpha[b*c.time*(2*c.s+1):]
	x, logSum := c.x[b*c.time*k:][:c.time*k], c.logSum[b*c.time:][:c.time]
	// Probabilities of paths are products over all steps: their logarithms, in
	// the thousands, and what they are made of need more digits than logp has.
	for t := range time {
		row := x[t*k:][:k]
		most := rowwise.ArgMax(row)
		logSum[t] = float64(row[most]) - float64(logp[t*k+most])
	}
	p := func(t, u int) float64 { return float64(x[t*k+int(c.at(labels, u))]) - logSum[t] }

	total := math.Inf(-1) // log p(labels | x)
	if time == 0 && len(labels) == 0 {
		total = 0
	}
	for t := range time {
		row := alpha[t*width:][:width]
		for u := range row {
			a := math.Inf(-1)
			switch {
			case t > 0:
				before := alpha[(t-1)*width:]
				a = before[u]
				if u > 0 {
					a = logAdd(a, before[u-1])
				}
				if c.skips(labels, u) {
					a = logAdd(a, before[u-2])
				}
			case u < 2:
				a = 0
			}
			row[u] = a + p(t, u)
		}
	}
	if time > 0 {
		last := alpha[(time-1)*width:][:width]
		total = last[width-1]
		if width > 1 {
			total = logAdd(total, last[width-2])
		}
	}
	total = min(total, 0) // a probability above 1 is a rounding error
	c.loss[b] = float32(-total)
	impossible := math.IsInf(total, -1)
	if impossible && c.zeroInf {
		c.loss[b] = 0
	}
	if c.grad == nil {
		return
	}
	// dL/dx = softmax(x) − the share of the paths through each class (eq. 16)
	g := c.grad[b*c.time*k:][:c.time*k]
	clear(g[time*k:])
	if impossible {
		fill := float32(math.NaN())
		if c.zeroInf {
			fill = 0
		}
		elementwise.Fill(g[:time*k], fill)
		return
	}
	for i, v := range logp[:time*k] {
		g[i] = float32(math.Exp(float64(v)))
	}
	// The backward variables take the place of the forward ones: beta[t][u],
	// without the class at t itself, so that alpha·beta is a share of p.
	for t := time - 1; t >= 0; t-- {
		row := alpha[t*width:][:width]
		for u := range row {
			beta := math.Inf(-1)
			if t == time-1 {
				if u >= width-2 {
					beta = 0
				}
			} else {
				after := alpha[(t+1)*width:][:width]
				beta = after[u] + p(t+1, u)
				if u+1 < width {
					beta = logAdd(beta, after[u+1]+p(t+1, u+1))
				}
				if u+2 < width && c.skips(labels, u+2) {
					beta = logAdd(beta, after[u+2]+p(t+1, u+2))
				}
			}
			g[t*k+int(c.at(labels, u))] -= float32(math.Exp(row[u] + beta - total))
			row[u] = beta
		}
	}
}

// logAdd is log(eᵃ + eᵇ).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(a, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}
