package tensor

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"descent/mlkit/internal/kernel/conv"
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
// With the norms, a second forward pass and BackwardFrom(factors) give the sum
// of gradients clipped sample by sample, without a gradient per sample in
// memory (ghost clipping; Li et al. 2022).
//
// Parameters may be used, once each, in Linear and what is fused with it, in
// convolutions, Rows and Embed, LayerNorm, RMSNorm and GroupNorm. In between
// may be what does not mix samples: activations, arithmetic of operands that
// agree in their first axis, operations along other axes, pooling, attention,
// softmax and losses. Anything else, batch normalisation above all, is an
// [*UnsupportedError] that names it; package train's PerSample computes any
// network, sample by sample.
func (x Tensor) SampleNorms() ([]float32, error) {
	n := x.node("SampleNorms")
	if n.n != 1 {
		shapePanic("SampleNorms", 0, "needs the losses of the samples, [batch]: Mean over the other axes, and ReduceNone as the reduction", x)
	}
	t, batch := x.t, n.d[0]
	if t.noGrad {
		return nil, fmt.Errorf("tensor: SampleNorms on a tape that records no gradients")
	}
	if batch == 0 {
		return nil, nil
	}
	var layers []int32
	used := map[int32]bool{}
	for i := int32(0); i <= x.i; i++ {
		n := &t.nodes[i]
		if !n.needs || n.back == nil {
			continue
		}
		at, why := t.apart(n, batch)
		for _, k := range at {
			if used[k] && why == "" {
				why = fmt.Sprintf("parameter %q is used a second time, and the norm of a sum is no sum of norms", t.nodes[k].param.Name)
			}
			used[k] = true
		}
		if why != "" {
			return nil, &UnsupportedError{n.op, why + "; train.PerSample takes a tape for each sample"}
		}
		if len(at) > 0 {
			layers = append(layers, i)
			n.keep = true
		}
	}
	for i := range used { // no gradients of parameters
		t.nodes[i].needs = false
	}
	ones := make([]float32, batch)
	elementwise.Fill(ones, 1)
	x.BackwardFrom(ones)
	for i := range used {
		t.nodes[i].needs = true
	}
	squares := make([]float64, batch)
	for _, i := range layers {
		if t.nodes[i].grad == nil {
			continue
		}
		n := t.nodes[i]
		cpu.Parallel(batch, partFunc(func(b int) { squares[b] += t.sampleSquare(&n, b, batch) }))
	}
	norms := make([]float32, batch)
	for b, s := range squares {
		norms[b] = float32(math.Sqrt(s))
	}
	return norms, nil
}

type partFunc func(i int)

// Part implements cpu.Task.
func (f partFunc) Part(i int) { f(i) }

// apart gives the parameters that an operation uses, and why it may not be in
// between, "" if it may: the data of what needs a gradient lie sample after
// sample, so no operation may compute across the parts of its memory that are a
// sample's each.
func (t *Tape) apart(n *node, batch int) (params []int32, why string) {
	in := &t.nodes[max(n.in[0], 0)]
	var weights []int // the operands that may be parameters
	ok := true
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
		case "ReLU", "LeakyReLU", "ELU", "Softplus", "Clamp", "HardTanh", "ReLU6", "HardSigmoid", "PowScalar", "AddScalar", "Scale",
			"Dropout", "Where", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "SigmoidCrossEntropy":
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
	operands := append(append([]int32{}, n.in[:]...), n.more...)
	for j, i := range operands {
		if i < 0 || !t.nodes[i].needs || t.nodes[i].param == nil && !slices.Contains(weights, j) {
			continue
		}
		if t.nodes[i].param == nil || !slices.Contains(weights, j) {
			return nil, "a parameter, or what is made of parameters, is used in a way that has no rule for norms"
		}
		params = append(params, i)
	}
	if !ok {
		return nil, "it may mix the samples of a batch"
	}
	return params, ""
}

// sampleSquare is the squared norm of sample b's part of the gradients of an
// operation's parameters.
func (t *Tape) sampleSquare(n *node, b, batch int) (s float64) {
	wants := func(k int) bool { return n.in[k] >= 0 && t.nodes[n.in[k]].needs }
	own := func(x []float32) []float32 { return rows(x, b, 1, len(x)/batch) }
	square := func(x []float32) { s += float64(rowwise.SumSquares(x)) }
	dy, x := own(n.grad), t.operand(n, 0)
	switch k := n.kept.(type) {
	case *convolution:
		x := own(x)
		one := k.Conv
		one.N = 1
		if k.act == gemm.ReLUAct {
			d := make([]float32, len(dy))
			elementwise.ReLUMask(d, dy, own(n.data))
			dy = d
		}
		if n.op == "Conv2DMaxPool" { // back through the pooling
			y := make([]float32, one.OutC*one.OutH()*one.OutW())
			one.Forward(y, x, t.operand(n, 1), nil, gemm.None)
			dy = unpooled(y, dy, one.OutC, one.OutH(), one.OutW())
		}
		if wants(1) {
			dw := make([]float32, len(t.operand(n, 1)))
			one.BackwardWeight(dw, dy, x, false)
			square(dw)
		}
		if wants(2) {
			sums := make([]float32, one.OutC)
			rowwise.SumRows(sums, dy, len(dy)/one.OutC)
			square(sums)
		}
	case *taken: // Σ dyᵢ·dyⱼ over the pairs of places with one id
		ids := k.ids[b*len(k.ids)/batch : (b+1)*len(k.ids)/batch]
		for i, id := range ids {
			if int(id) == k.padding {
				continue
			}
			a := rows(dy, i, 1, k.inner)
			square(a)
			for j, other := range ids[:i] {
				if id == other {
					s += 2 * float64(rowwise.Dot(a, rows(dy, j, 1, k.inner)))
				}
			}
		}
	case *normalised:
		s = t.normSquare(n, k, dy, b, batch, wants(1), wants(2))
	default:
		return t.linearSquare(n, dy, own(x), own(n.data), b, batch, wants(1), wants(2))
	}
	return s
}

// unpooled gives each gradient of a pooling of 2×2 to the first largest element
// of its window.
func unpooled(y, dy []float32, channels, h, w int) []float32 {
	p := conv.Pool{N: 1, C: channels, H: h, W: w, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1}
	ids, pooled, dx := make([]int32, len(dy)), make([]float32, len(dy)), make([]float32, len(y))
	p.MaxForward(pooled, ids, y)
	p.MaxBackward(dx, dy, ids, false)
	return dx
}

func (t *Tape) linearSquare(n *node, dy, x, y []float32, b, batch int, weight, bias bool) (s float64) {
	out, in := n.last(), t.nodes[n.in[1]].d[1]
	if k, ok := n.kept.(*dense); ok && k.act != actNone {
		d := make([]float32, len(dy))
		if k.act == actReLU {
			elementwise.ReLUMask(d, dy, y)
		} else {
			elementwise.Mul(d, dy, rows(k.slope, b, 1, len(dy)))
		}
		dy = d
	}
	count := len(dy) / max(out, 1)
	switch {
	case !weight:
	case count == 1:
		s += float64(rowwise.SumSquares(dy)) * float64(rowwise.SumSquares(x))
	case count*(in+out) < in*out: // Σ (xᵢ·xⱼ)(dyᵢ·dyⱼ)
		xx, dd := make([]float32, count*count), make([]float32, count*count)
		gemm.Gemm{M: count, N: count, K: in, TransB: true}.Run(xx, x, x)
		gemm.Gemm{M: count, N: count, K: out, TransB: true}.Run(dd, dy, dy)
		s += float64(rowwise.Dot(xx, dd))
	default:
		dw := make([]float32, in*out)
		gemm.Gemm{M: out, N: in, K: count, TransA: true}.Run(dw, dy, x)
		s += float64(rowwise.SumSquares(dw))
	}
	if bias {
		db := make([]float32, out)
		rowwise.AddRows(db, dy, out)
		s += float64(rowwise.SumSquares(db))
	}
	return s
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
