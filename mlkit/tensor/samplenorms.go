package tensor

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// SampleNorms computes, for each sample of a batch, the Euclidean norm of its
// loss's gradient with respect to all parameters: x holds the losses, [batch],
// of samples that the model has read side by side, along the first axis. It
// takes one pass back, in which no gradient of a parameter is made: a layer's
// norm follows from its inputs and its results' gradients (Goodfellow 2015; Lee
// & Kifer 2020, for convolutions and sequences). It is the tape's one Backward
// until Reset.
//
// Parameters may be used, once each, in Linear and what is fused with it, in
// convolutions, Rows and Embed, LayerNorm, RMSNorm and GroupNorm, and in LSTM,
// GRU and RNN. Between them may stand whatever does not mix samples:
// activations, arithmetic of operands that agree in their first axis,
// operations along other axes, pooling, attention, softmax and losses. Anything
// else, batch normalisation above all, is an [*UnsupportedError] that names it;
// package train's PerSample computes any network, sample by sample.
func (x Tensor) SampleNorms() ([]float32, error) {
	if n := x.node("SampleNorms"); n.n != 1 {
		shapePanic("SampleNorms", 0, "needs the losses of the samples, [batch]: Mean over the other axes, and ReduceNone as the reduction", x)
	}
	norms, err := x.sampleNorms("SampleNorms", x.Dim(0))
	return slices.Clone(norms), err
}

// BackwardSamples is Backward in which each of n samples counts by a factor of
// its own, which follows from its gradient's norm (see [Tensor.SampleNorms],
// also for what it can do): factors gets the norms and puts the factors in
// their place. The result is Σ factor·gradient; where factors clips, the sum of
// clipped gradients. x holds the losses of the samples, [n], or is their mean:
// a Mean over all axes of losses of sample after sample, or MeanSquaredError.
//
// There is no second pass: the gradients of the layers' results, kept from the
// one pass, are scaled and then meet the layers' inputs (book-keeping; Bu,
// Wang, Zha & Karypis 2023). A convolution of large images keeps its samples'
// gradients instead, where they take no more memory. No other gradient of one
// sample is in memory for longer than its norm takes.
func (x Tensor) BackwardSamples(n int, factors func(norms []float32)) (Grads, error) {
	const op = "BackwardSamples"
	norms, err := x.sampleNorms(op, n)
	if err != nil {
		return Grads{}, err
	}
	factors(norms)
	t := x.t
	w := &t.samples
	for _, i := range w.layers {
		n := &t.nodes[i]
		switch k := n.kept.(type) {
		case *recurrence:
			k.weigh(t, n, norms)
			continue
		case *convolution:
			if k.samples.kept {
				k.weigh(t, n, norms)
				continue
			}
		}
		if n.grad == nil {
			continue
		}
		size := len(n.grad) / len(norms)
		for b, f := range norms {
			own := rows(n.grad, b, 1, size)
			elementwise.Scale(own, own, f)
		}
		w.inputs = w.inputs[:0]
		for k := range len(n.in) + len(n.more) { // their gradients have been
			if j := n.operand(k); j >= 0 && t.nodes[j].needs && !w.used[j] {
				t.nodes[j].needs = false
				w.inputs = append(w.inputs, j)
			}
		}
		n.back(t, n)
		for _, j := range w.inputs {
			t.nodes[j].needs = true
		}
		if n.grad != nil {
			t.floats.recycle(n.grad)
			n.grad = nil
		}
	}
	return Grads{tape: t, gen: t.gen}, nil
}

// sampleWork is a tape's working memory for the gradients of samples.
type sampleWork struct {
	layers  []int32        // the operations with parameters
	used    map[int32]bool // the parameters
	inputs  []int32        // of one operation, whose gradients have been
	params  []int32        // of one operation
	on      bool           // the pass for norms is under way
	tape    *Tape
	batch   int
	squares []float64
}

// sampleNorms makes the pass for norms. The norms are on the tape; the layers'
// gradients stay with them.
func (x Tensor) sampleNorms(op string, batch int) ([]float32, error) {
	root := x.node(op)
	t := x.t
	if t.noGrad {
		return nil, fmt.Errorf("tensor: %s on a tape that records no gradients", op)
	}
	if batch == 0 {
		return nil, nil
	}
	seed, first := float32(1), x.i // where the losses of samples are
	switch {
	case root.n == 1 && root.d[0] == batch:
	case root.n == 0 && (root.op == "Mean" || root.op == "MeanSquaredError") && t.nodes[root.in[0]].size()%batch == 0:
		seed, first = float32(batch), root.in[0]
		for _, i := range root.in {
			if i >= 0 && t.nodes[i].param != nil {
				return nil, &UnsupportedError{root.op, "a parameter is used in a way that has no rule for norms"}
			}
		}
	default:
		return nil, &UnsupportedError{root.op, fmt.Sprintf("the loss must hold one number for each of %d samples, or be the mean of their losses, unweighted", batch)}
	}
	w := &t.samples
	w.layers = w.layers[:0]
	if w.used == nil {
		w.used = map[int32]bool{}
	}
	clear(w.used)
	for i := int32(0); i <= first; i++ {
		n := &t.nodes[i]
		if !n.needs || n.back == nil {
			continue
		}
		at, why := t.apart(n, batch)
		for _, k := range at {
			if w.used[k] && why == "" {
				why = fmt.Sprintf("parameter %q is used a second time, and the norm of a sum is no sum of norms", t.nodes[k].param.Name)
			}
			w.used[k] = true
		}
		if why != "" {
			return nil, &UnsupportedError{n.op, why + "; train.PerSample takes a tape for each sample"}
		}
		if len(at) > 0 {
			w.layers = append(w.layers, i)
			if k, ok := n.kept.(*convolution); ok {
				k.forSamples(t, n, batch)
			} else if n.stays = !n.keep && idempotent(n); !n.stays {
				n.keep = true
			}
		}
	}
	for i := range w.used { // no gradients of parameters
		t.nodes[i].needs = false
	}
	ones := t.floats.take(len(root.data))
	elementwise.Fill(ones, seed)
	w.tape, w.batch, w.squares = t, batch, t.doubles.zeroed(batch)
	w.on = true
	x.backward(ones)
	w.on = false
	for i := range w.used {
		t.nodes[i].needs = true
	}
	cpu.Parallel(batch, w)
	norms := t.floats.take(batch)
	for b, s := range w.squares {
		norms[b] = float32(math.Sqrt(s))
	}
	return norms, nil
}

// Part implements cpu.Task: the square of a sample's norm.
func (w *sampleWork) Part(b int) {
	t := w.tape
	memory := cpu.GetWorkspace()
	for _, i := range w.layers {
		if n := &t.nodes[i]; n.grad != nil {
			w.squares[b] += t.sampleSquare(n, b, w.batch, memory)
		}
	}
	memory.Release()
}

// apart gives the parameters that an operation uses, and why it may not be in
// between, "" if it may: the data of what needs a gradient lie sample after
// sample, so no operation may compute across the parts of its memory that are a
// sample's each.
func (t *Tape) apart(n *node, batch int) (params []int32, why string) {
	in := &t.nodes[max(n.in[0], 0)]
	t.samples.params = t.samples.params[:0]
	var weights []int // the operands that may be parameters
	ok := true
	for k := range len(n.in) + len(n.more) {
		if i := n.operand(k); i >= 0 && t.nodes[i].needs && t.timeFirst(i) {
			switch n.kept.(type) {
			case *recurrence, *final, *directions, *dropout:
			default:
				return nil, "its operand has time first, and samples second"
			}
		}
	}
	first := n.n > 0 && n.d[0]%batch == 0 && in.n > 0 && in.d[0]%batch == 0
	switch k := n.kept.(type) {
	case *batchNorm:
		return nil, "batch normalisation mixes the samples of a batch"
	case *pointwise:
	case *binary:
		for _, i := range n.in[:2] {
			m := &t.nodes[i]
			ok = ok && (!m.needs || m.shape == n.shape || first && m.n == n.n && m.d[0] == n.d[0])
		}
	case *reduced:
		ok = first && k.axes&1 == 0
	case *convolution:
		ok = first
		weights = []int{1, 2}
		if strings.HasPrefix(n.op, "ConvTranspose") {
			weights = nil
		}
	case *viewed:
		ok = first && k.d[0] == in.d[0] && n.d[0] == in.d[0] && k.s[0] > 0
	case *permutation:
		ok = first && k.from[0] == 0
	case *joined:
		ok = k.outer%batch == 0
	case *product:
		first := n.d[0]%batch == 0
		for j, i := range n.in[:2] {
			m := &t.nodes[i]
			ok = ok && (!m.needs || first && m.n == n.n && m.d[0] == n.d[0] && (j == 0 || n.n > 2))
		}
	case *attention: // a bias may be the same for all samples
		ok = first && (n.in[3] < 0 || !t.nodes[n.in[3]].needs)
		for _, i := range n.more {
			ok = ok && (i < 0 || !t.nodes[i].needs)
		}
	case *pooling, *resampling:
		ok = first
	case *recurrence:
		ok = n.d[1] == batch && (!in.needs || t.timeFirst(n.in[0]))
		weights = []int{1, 2, 3, 4 + moreBiasHH}
	case *final: // of what a recurrence has put out
	case *directions:
		ok = n.op == "JoinDirections" || in.d[0] == batch
	case *dropout:
	case *taken:
		ok = n.n > 0 && n.d[0]%batch == 0 && k.outer == 1 && k.from == nil && in.param != nil
		weights = []int{0}
	case *normalised:
		ok = len(n.data)/max(k.cols, n.last())%max(batch, 1) == 0
		weights = []int{1, 2}
	default:
		switch n.op {
		case "Linear", "LinearReLU", "LinearGELU", "LinearAdd", "LinearRows":
			ok = n.size()/max(n.last(), 1)%batch == 0
			weights = []int{1, 2}
		case "ReLU", "LeakyReLU", "ELU", "Softplus", "Clamp", "HardTanh", "ReLU6", "PowScalar", "AddScalar", "Scale",
			"Where", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "SigmoidCrossEntropy":
		case "SoftmaxCrossEntropy":
			ok = n.size()%batch == 0
		case "Softmax", "LogSoftmax":
			ok = first && n.n > 1
		case "Expand":
			ok = first && in.n == n.n && in.d[0] == n.d[0]
		case "AdaptiveAvgPool2D":
			ok = first
		default:
			ok = false
		}
	}
	for j := range len(n.in) + len(n.more) {
		i := n.operand(j)
		if i < 0 || !t.nodes[i].needs || t.nodes[i].param == nil && !slices.Contains(weights, j) {
			continue
		}
		if t.nodes[i].param == nil || !slices.Contains(weights, j) {
			return nil, "a parameter, or what is made of parameters, is used in a way that has no rule for norms"
		}
		t.samples.params = append(t.samples.params, i)
	}
	if !ok {
		return nil, "it may mix the samples of a batch"
	}
	return t.samples.params, ""
}

// idempotent reports whether the backward function of a dense layer may run
// twice on one gradient: it overwrites it by itself, or masked.
func idempotent(n *node) bool {
	switch k := n.kept.(type) {
	case nil:
		return n.op == "Linear"
	case *dense:
		return n.in[3] < 0 && k.act != actGELU
	}
	return false
}

// timeFirst reports whether a tensor's axes are time, batch and features: the
// layout in which recurrent layers compute.
func (t *Tape) timeFirst(i int32) bool {
	n := &t.nodes[i]
	switch k := n.kept.(type) {
	case *recurrence:
		return true
	case *directions:
		return n.op == "TimeMajor" || k.stepRow == k.batch && k.batchRow == 1
	case *dropout:
		return t.timeFirst(n.in[0])
	}
	return false
}

// sampleSquare is the squared norm of sample b's part of the gradients of an
// operation's parameters.
func (t *Tape) sampleSquare(n *node, b, batch int, memory *cpu.Workspace) (s float64) {
	wants := func(k int) bool { i := n.operand(k); return i >= 0 && t.nodes[i].needs }
	own := func(x []float32) []float32 { return rows(x, b, 1, len(x)/batch) }
	dy, x := own(n.grad), t.operand(n, 0)
	switch k := n.kept.(type) {
	case *recurrence:
		return k.sampleSquare(b, wants, memory)
	case *convolution: // backConvSamples has done it
	case *taken: // Σ dyᵢ·dyⱼ over the pairs of places with one id
		ids := k.ids[b*len(k.ids)/batch : (b+1)*len(k.ids)/batch]
		for i, id := range ids {
			if int(id) == k.padding {
				continue
			}
			a := rows(dy, i, 1, k.inner)
			s += float64(rowwise.SumSquares(a))
			for j, other := range ids[:i] {
				if id == other {
					s += 2 * float64(rowwise.Dot(a, rows(dy, j, 1, k.inner)))
				}
			}
		}
	case *normalised:
		s = t.normSquare(n, k, dy, b, batch, wants(1), wants(2))
	default:
		return t.linearSquare(n, dy, own(x), own(n.data), b, batch, wants(1), wants(2), memory)
	}
	return s
}

func (t *Tape) linearSquare(n *node, dy, x, y []float32, b, batch int, weight, bias bool,
	memory *cpu.Workspace) (s float64) {
	out, in := n.last(), t.nodes[n.in[1]].d[1]
	if k, ok := n.kept.(*dense); ok && k.act != actNone {
		d := cpu.Floats(&memory.A, len(dy))
		if k.act == actReLU {
			elementwise.ReLUMask(d, dy, y)
		} else {
			elementwise.Mul(d, dy, rows(k.slope, b, 1, len(dy)))
		}
		dy = d
	}
	count := len(dy) / max(out, 1)
	if weight {
		s += productSquare(dy, x, count, out, in, out, in, memory)
	}
	if bias && count == 1 {
		s += float64(rowwise.SumSquares(dy))
	} else if bias {
		db := cpu.Floats(&memory.B, out)
		clear(db)
		rowwise.AddRows(db, dy, out)
		s += float64(rowwise.SumSquares(db))
	}
	return s
}

// productSquare is ‖dyᵀ·x‖² of count rows of dy and x, which are ldy and ldx
// apart: as the norm of the product, or as Σ (xᵢ·xⱼ)(dyᵢ·dyⱼ) where that is
// less work.
func productSquare(dy, x []float32, count, out, in, ldy, ldx int, memory *cpu.Workspace) float64 {
	switch {
	case count == 1:
		return float64(rowwise.SumSquares(dy[:out])) * float64(rowwise.SumSquares(x[:in]))
	case count*(in+out) < in*out:
		both := cpu.Floats(&memory.B, 2*count*count)
		xx, dd := both[:count*count], both[count*count:]
		gemm.Gemm{M: count, N: count, K: in, TransB: true, LDA: ldx, LDB: ldx}.Run(xx, x, x)
		gemm.Gemm{M: count, N: count, K: out, TransB: true, LDA: ldy, LDB: ldy}.Run(dd, dy, dy)
		return float64(rowwise.Dot(xx, dd))
	}
	dw := cpu.Floats(&memory.B, in*out)
	gemm.Gemm{M: out, N: in, K: count, TransA: true, LDA: ldy, LDB: ldx}.Run(dw, dy, x)
	return float64(rowwise.SumSquares(dw))
}

// normSquare is sampleSquare for what is normalised, x̂, by weight and bias:
// dw = Σ dy·x̂, db = Σ dy.
func (t *Tape) normSquare(n *node, k *normalised, dy []float32, b, batch int, weight, bias bool) float64 {
	x := t.operand(n, 0)
	size := len(x) / batch
	cols := k.cols
	if n.op == "RMSNorm" {
		cols = n.last()
	}
	width, run := cols, 1 // of the weight, and elements in turn that share one
	if n.op == "GroupNorm" {
		width, run = n.d[1], k.size
	}
	dw, db := make([]float64, width), make([]float64, width)
	for i, d := range dy {
		at, row := b*size+i, (b*size+i)/cols
		mean := float32(0)
		if k.mean != nil {
			mean = k.mean[row]
		}
		c := i / run % width
		dw[c] += float64(d * (x[at] - mean) * k.rstd[row])
		db[c] += float64(d)
	}
	s := 0.0
	for c := range dw {
		if weight {
			s += dw[c] * dw[c]
		}
		if bias {
			s += db[c] * db[c]
		}
	}
	return s
}
