package tensor

import (
	"math"
	"slices"
	"strings"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/random"
)

// rule records the gradients of the operands of n, node i of the tape, given
// that of its result. It reports whether there is one.
func (d *twice) rule(n *node, i int32, dy Tensor) bool {
	y := d.tensor(i)
	switch k := n.kept.(type) {
	case *binary:
		return d.binary(n, k, y, dy)
	case *pointwise:
		return d.pointwise(n, y, dy)
	case *reduced:
		return d.reduction(n, k, y, dy)
	case *convolution:
		return d.convolution(n, k, y, dy)
	case *linearMap:
		d.add(n, 0, func() Tensor { return dy.linearMap(n.op, d.shape(n, 0), linearMap{k.transposed, k.forward}) })
		return true
	case *batchNorm, *normalised:
		return d.norm(n, dy)
	case *recurrence:
		return d.recurrent(n, i, k, dy)
	case *directions:
		d.turn(n, k, dy)
		return true
	}
	switch n.op {
	case "AddScalar":
		d.add(n, 0, func() Tensor { return dy })
	case "Scale":
		d.add(n, 0, func() Tensor { return dy.Scale(n.kept.(*scaling).by) })
	case "ReLU":
		d.add(n, 0, func() Tensor { return dy.masked(y.Greater(d.t.Scalar(0))) })
	case "LeakyReLU":
		x := d.operand(n, 0)
		d.add(n, 0, func() Tensor { return Where(x.Greater(d.t.Scalar(0)), dy, dy.Scale(n.kept.(*leak).slope)) })
	case "ELU": // eˣ is (y + α)/α, but not at α = 0
		x, alpha := d.operand(n, 0), n.kept.(*elu).alpha
		zero := d.t.Scalar(0)
		d.add(n, 0, func() Tensor { return Where(x.Greater(zero), dy, dy.Mul(x.Minimum(zero).Exp()).Scale(alpha)) })
	case "Softplus":
		d.add(n, 0, func() Tensor { return dy.Mul(d.operand(n, 0).Scale(n.kept.(*softplus).beta).Sigmoid()) })
	case "Clamp", "HardTanh", "ReLU6":
		x, l := d.operand(n, 0), n.kept.(*limit)
		d.add(n, 0, func() Tensor {
			return dy.masked(x.GreaterEqual(d.t.Scalar(l.low)).Mul(x.LessEqual(d.t.Scalar(l.high))))
		})
	case "PowScalar":
		p := n.kept.(*power).exponent
		d.add(n, 0, func() Tensor {
			if p == 0 {
				return dy.Scale(0)
			}
			return dy.Mul(d.operand(n, 0).PowScalar(p - 1)).Scale(p)
		})
	case "Dropout":
		k := n.kept.(*dropout)
		mask := d.t.Full(1, n.dims()...)
		m := mask.node(n.op).data
		random.Dropout(m, nil, m, k.keep, k.seed, k.step, k.op)
		d.add(n, 0, func() Tensor { return dy.Mul(mask) })
	case "Softmax":
		d.add(n, 0, func() Tensor { return dy.Sub(dy.Mul(y).Sum(-1).Unsqueeze(-1)).Mul(y) })
	case "LogSoftmax":
		d.add(n, 0, func() Tensor { return dy.Sub(y.Exp().Mul(dy.Sum(-1).Unsqueeze(-1))) })
	case "MatMul", "MatMulT":
		d.matmul(n, dy)
	case "final state":
		d.finalState(n, dy)
	case "final cell":
		d.finalCell(n, dy)
	case "Solve", "Cholesky", "QR":
		d.decomposition(n, y, dy)
	case "Rotary":
		k := n.kept.(*rotation)
		d.add(n, 0, func() Tensor { return dy.rotary(k.Rotary, !k.back) })
	case "Where":
		mask := d.t.Input(n.kept.(*choice).mask, n.dims()...)
		zero := d.t.Scalar(0)
		d.add(n, 0, func() Tensor { return Where(mask, dy, zero) })
		d.add(n, 1, func() Tensor { return Where(mask, zero, dy) })
	case "Reshape", "Flatten", "Squeeze", "Unsqueeze":
		d.add(n, 0, func() Tensor { return dy.reshaped("Reshape", d.shape(n, 0)) })
	case "Transpose", "Permute":
		var inverse [MaxRank]int
		for k, from := range n.kept.(*permutation).from[:n.n] {
			inverse[from] = k
		}
		d.add(n, 0, func() Tensor { return dy.permute("Permute", inverse) })
	case "Expand":
		d.add(n, 0, func() Tensor { return dy.sumTo(d.shape(n, 0)) })
	case "Concat", "Stack":
		j, off := n.kept.(*joined), 0
		flat := dy.Reshape(j.outer, j.row)
		for _, i := range n.more {
			s := d.t.nodes[i].shape
			run := s.size() / max(j.outer, 1)
			d.addAt(i, func() Tensor { return flat.Slice(1, off, off+run).reshaped("Reshape", s) })
			off += run
		}
	case "Slice", "Select", "Flip", "Pad":
		d.add(n, 0, func() Tensor {
			v := n.kept.(*viewed).view
			m := linearMap{v.spread, func(dst, src []float32) {
				tmp := make([]float32, len(dst))
				v.pick(tmp, src)
				elementwise.Add(dst, dst, tmp)
			}}
			if n.op == "Pad" {
				m.forward, m.transposed = m.transposed, m.forward
			}
			return dy.linearMap(n.op, d.shape(n, 0), m)
		})
	case "Tril", "Triu":
		k := n.kept.(*triangle)
		d.add(n, 0, func() Tensor { return dy.triangle(n.op, k.diagonal, k.upper) })
	case "CumSum":
		sum := func(backwards bool) func(dst, src []float32) {
			return func(dst, src []float32) {
				n.kept.(*scanned).lines(func(at, length, step int) {
					if backwards {
						at, step = at+(length-1)*step, -step
					}
					total := float32(0)
					for range length {
						total += src[at]
						dst[at] += total
						at += step
					}
				})
			}
		}
		d.add(n, 0, func() Tensor { return dy.linearMap(n.op, d.shape(n, 0), linearMap{sum(true), sum(false)}) })
	case "Unfold", "Fold":
		c := n.kept.(*patchwork)
		m := linearMap{
			func(planes, patches []float32) { c.put(planes, patches, len(patches)/max(len(c.from), 1)) },
			func(patches, planes []float32) { c.pick(patches, planes, len(patches)/max(len(c.from), 1), true) },
		}
		if n.op == "Fold" {
			m.forward, m.transposed = m.transposed, m.forward
		}
		d.add(n, 0, func() Tensor { return dy.linearMap(n.op, d.shape(n, 0), m) })
	case "Rows", "IndexSelect", "Embed", "Roll", "Tile", "PadWith":
		k := n.kept.(*taken)
		d.add(n, 0, func() Tensor { return dy.linearMap(n.op, d.shape(n, 0), linearMap{k.putBack, k.pick}) })
	case "Gather", "ScatterAdd":
		from := n.kept.(*places).from
		put := func(dst, src []float32) {
			for i, o := range from {
				dst[o] += src[i]
			}
		}
		pick := func(dst, src []float32) {
			for i, o := range from {
				dst[i] += src[o]
			}
		}
		if n.op == "Gather" {
			d.add(n, 0, func() Tensor { return dy.linearMap(n.op, d.shape(n, 0), linearMap{put, pick}) })
			break
		}
		d.add(n, 0, func() Tensor { return dy })
		d.add(n, 1, func() Tensor { return dy.linearMap(n.op, d.shape(n, 1), linearMap{pick, put}) })
	case "MaxPool2D", "MaxPool1D", "MaxPool2DIndices":
		d.add(n, 0, func() Tensor { return dy.linearMap(n.op, d.shape(n, 0), n.kept.(*pooling).largest()) })
	case "AvgPool2D", "AvgPool1D":
		p := n.kept.(*pooling)
		d.add(n, 0, func() Tensor {
			return dy.linearMap(n.op, d.shape(n, 0), linearMap{
				func(dst, src []float32) { p.AvgBackward(dst, src, true) },
				func(dst, src []float32) {
					tmp := make([]float32, len(dst))
					p.AvgForward(tmp, src)
					elementwise.Add(dst, dst, tmp)
				}})
		})
	default:
		return d.fused(n, dy)
	}
	return true
}

// shape is that of operand k.
func (d *twice) shape(n *node, k int) shape { return d.t.nodes[n.in[k]].shape }

func (d *twice) binary(n *node, op *binary, y, dy Tensor) bool {
	a, b := d.operand(n, 0), d.operand(n, 1)
	var da, db func() Tensor
	switch op.name {
	case "Add":
		da, db = func() Tensor { return dy }, func() Tensor { return dy }
	case "Sub":
		da, db = func() Tensor { return dy }, dy.Neg
	case "Mul":
		da, db = func() Tensor { return dy.Mul(b) }, func() Tensor { return dy.Mul(a) }
	case "Div":
		da, db = func() Tensor { return dy.Div(b) }, func() Tensor { return dy.Mul(y).Div(b).Neg() }
	case "Maximum", "Minimum":
		if op.name == "Minimum" {
			a, b = b, a
		}
		share := func(a, b Tensor) Tensor { return dy.Mul(a.Greater(b).Add(a.Equal(b).Scale(0.5))) }
		da, db = func() Tensor { return share(a, b) }, func() Tensor { return share(b, a) }
	case "Pow": // where a slope is taken as 0, so is its slope
		zero := d.t.Scalar(0)
		da = func() Tensor { return dy.Mul(b).Mul(a.Pow(b.AddScalar(-1))).masked(b.NotEqual(zero)) }
		db = func() Tensor {
			flat := a.Equal(zero).Mul(b.GreaterEqual(zero))
			return dy.Mul(y).Mul(a.Add(flat).Log()).masked(flat.Equal(zero))
		}
	default:
		return false
	}
	d.add(n, 0, func() Tensor { return da().sumTo(d.shape(n, 0)) })
	d.add(n, 1, func() Tensor { return db().sumTo(d.shape(n, 1)) })
	return true
}

func (d *twice) pointwise(n *node, y, dy Tensor) bool {
	x := d.operand(n, 0)
	from := len(d.t.nodes)
	var slope Tensor
	switch n.op {
	case "Exp":
		slope = y
	case "Expm1":
		slope = y.AddScalar(1)
	case "Log":
		slope = x.Reciprocal()
	case "Log1p":
		slope = x.AddScalar(1).Reciprocal()
	case "Sqrt":
		slope = y.Reciprocal().Scale(0.5)
	case "Rsqrt":
		slope = y.PowScalar(3).Scale(-0.5)
	case "Reciprocal":
		slope = y.Square().Neg()
	case "Square":
		slope = x.Scale(2)
	case "Abs":
		slope = x.Sign()
	case "Sin":
		slope = x.Cos()
	case "Cos":
		slope = x.Sin().Neg()
	case "Erf":
		slope = x.Square().Neg().Exp().Scale(float32(2 / math.Sqrt(math.Pi)))
	case "Tanh":
		slope = y.Square().Neg().AddScalar(1)
	case "Sigmoid":
		slope = y.Sub(y.Square())
	case "GELU":
		return d.replace(from, x.Mul(x.Scale(math.Sqrt2/2).Erf().AddScalar(1)).Scale(0.5), dy)
	case "GELUTanh":
		inner := x.PowScalar(3).Scale(0.044715).Add(x).Scale(float32(math.Sqrt(2 / math.Pi)))
		return d.replace(from, x.Mul(inner.Tanh().AddScalar(1)).Scale(0.5), dy)
	case "SiLU":
		return d.replace(from, x.Mul(x.Sigmoid()), dy)
	case "Mish":
		return d.replace(from, x.Mul(x.Softplus(1).Tanh()), dy)
	case "HardSigmoid":
		slope = x.Abs().Less(d.t.Scalar(3)).Scale(1.0 / 6)
	case "HardSwish":
		return d.replace(from, x.Mul(x.HardSigmoid()), dy)
	case "Softsign":
		return d.replace(from, x.Div(x.Abs().AddScalar(1)), dy)
	case "SELU":
		const scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
		return d.replace(from, x.ELU(alpha).Scale(scale), dy)
	default:
		return false
	}
	d.add(n, 0, func() Tensor { return dy.Mul(slope) })
	return true
}

func (d *twice) reduction(n *node, k *reduced, y, dy Tensor) bool {
	x, s := d.operand(n, 0), d.shape(n, 0)
	var axes []int
	back := s // with what was reduced at length 1
	for a := range s.n {
		if k.axes>>a&1 == 1 {
			axes = append(axes, a)
			back.d[a] = 1
		}
	}
	wide := func(v Tensor) Tensor { return v.reshaped("Reshape", back) }
	var g Tensor
	switch n.op {
	case "Sum":
		g = wide(dy).expandTo(s)
	case "Mean":
		g = wide(dy).Scale(1 / k.divisor).expandTo(s)
	case "Var":
		g = x.Sub(wide(x.Mean(axes...))).Scale(2 / k.divisor).Mul(wide(dy))
	case "Norm": // at the zero vector the gradient is taken as 0
		g = x.Mul(wide(dy.Div(y.Add(y.Equal(d.t.Scalar(0))))))
	case "Max", "Min":
		largest := x.Equal(wide(y))
		g = largest.Mul(wide(dy.Div(largest.Sum(axes...))))
	case "LogSumExp":
		g = x.Sub(wide(y)).Exp().Mul(wide(dy))
	default:
		return false
	}
	d.add(n, 0, func() Tensor { return g })
	return true
}

func (d *twice) matmul(n *node, dy Tensor) {
	a, b, trans := d.operand(n, 0), d.operand(n, 1), n.kept.(*product).trans
	d.add(n, 0, func() Tensor { // dy·bᵀ, b being the transposed one already if trans is set
		if trans {
			return dy.MatMul(b).sumTo(d.shape(n, 0))
		}
		return dy.MatMulT(b).sumTo(d.shape(n, 0))
	})
	d.add(n, 1, func() Tensor {
		if trans {
			return dy.Transpose(-2, -1).MatMul(a).sumTo(d.shape(n, 1))
		}
		return a.Transpose(-2, -1).MatMul(dy).sumTo(d.shape(n, 1))
	})
}

// decomposition records what the backward functions of Solve, Cholesky and QR
// compute.
func (d *twice) decomposition(n *node, y, dy Tensor) {
	across := func(x Tensor) Tensor { return x.Transpose(-2, -1) }
	switch n.op {
	case "Solve":
		db := across(d.operand(n, 0)).Solve(dy)
		d.add(n, 1, func() Tensor { return db })
		d.add(n, 0, func() Tensor { return db.MatMulT(y).Neg() })
	case "Cholesky":
		d.add(n, 0, func() Tensor {
			p := across(y).MatMul(dy)
			p = p.Tril(0).Add(p.Tril(-1)).Scale(0.5)
			g := across(across(y).Solve(across(across(y).Solve(p))))
			return g.Add(across(g)).Scale(0.5)
		})
	case "QR":
		d.add(n, 0, func() Tensor {
			m := d.shape(n, 0).d[n.n-2]
			q, r := y.Slice(-2, 0, m), y.Slice(-2, m, End)
			dq, dr := dy.Slice(-2, 0, m), dy.Slice(-2, m, End)
			s := r.MatMulT(dr).Sub(across(dq).MatMul(q))
			s = s.Tril(0).Add(across(s.Tril(-1)))
			return across(r.Solve(across(dq.Add(q.MatMul(s)))))
		})
	}
}

// pick adds the rows that a look-up reads to dst; the row padding, which gets
// no gradient, is left out.
func (k *taken) pick(dst, src []float32) {
	size := len(k.ids) * k.inner
	for o := range k.outer {
		for i, id := range k.ids {
			if int(id) != k.padding {
				row := rows(dst[o*size:], i, 1, k.inner)
				elementwise.Add(row, row, rows(src[o*k.length*k.inner:], int(id), 1, k.inner))
			}
		}
	}
}

// putBack is its transpose.
func (k *taken) putBack(dst, src []float32) {
	size := len(k.ids) * k.inner
	for o := range k.outer {
		for i, id := range k.ids {
			if int(id) != k.padding {
				row := rows(dst[o*k.length*k.inner:], int(id), 1, k.inner)
				elementwise.Add(row, row, rows(src[o*size:], i, 1, k.inner))
			}
		}
	}
}

// largest is the backward pass of maximum pooling as a linear map.
func (p *pooling) largest() linearMap {
	return linearMap{
		func(dst, src []float32) { p.MaxBackward(dst, src, p.places, true) },
		func(dst, src []float32) {
			out, in := p.OutH()*p.OutW(), p.H*p.W
			for i := range dst {
				dst[i] += src[i/out*in+int(p.places[i])]
			}
		},
	}
}

// A convolution y = F(x, w), its transpose x = D(y, w) and its gradient w =
// W(y, x) are three linear maps of either operand, each other's gradients.
func (d *twice) convolution(n *node, k *convolution, y, dy Tensor) bool {
	a, b := d.operand(n, 0), d.operand(n, 1)
	switch {
	case n.op == "Conv2DMaxPool":
		from := len(d.t.nodes)
		c := Conv{Stride: [2]int{k.StrideH, k.StrideW}, Padding: [2]int{k.PadH, k.PadW},
			More: [2]int{k.MoreH, k.MoreW}, Dilation: [2]int{k.DilH, k.DilW}, Groups: k.Groups}
		return d.replace(from, a.conv("Conv2D", b, d.operand(n, 2), c, k.act).MaxPool2D(Pool{Kernel: [2]int{2, 2}}), dy)
	case n.op == "ConvWeightGrad":
		d.add(n, 0, func() Tensor { return b.convForward(k, dy, d.shape(n, 0)) })
		d.add(n, 1, func() Tensor { return a.convData(k, dy, d.shape(n, 1)) })
		return true
	case strings.HasPrefix(n.op, "ConvTranspose"):
		d.add(n, 0, func() Tensor { return dy.convForward(k, b, d.shape(n, 0)) })
		d.add(n, 1, func() Tensor { return a.convWeight(k, dy, d.shape(n, 1)) })
	default:
		if k.act == gemm.ReLUAct {
			dy = dy.masked(y.Greater(d.t.Scalar(0)))
		}
		d.add(n, 0, func() Tensor { return dy.convData(k, b, d.shape(n, 0)) })
		d.add(n, 1, func() Tensor { return dy.convWeight(k, a, d.shape(n, 1)) })
	}
	d.add(n, 2, func() Tensor { return dy.Reshape(dy.Dim(0), dy.Dim(1), -1).Sum(0, 2) })
	return true
}

func (x Tensor) convForward(k *convolution, w Tensor, s shape) Tensor {
	y := x.t.floats.take(s.size())
	k.Forward(y, x.Data(), w.Data(), nil, gemm.None)
	return x.t.convOp("Conv2D", backConv, k, y, s, x, w)
}

func (x Tensor) convData(k *convolution, w Tensor, s shape) Tensor {
	y := x.t.floats.take(s.size())
	k.BackwardData(y, x.Data(), w.Data(), false)
	return x.t.convOp("ConvTranspose2D", backConvTranspose, k, y, s, x, w)
}

func (x Tensor) convWeight(k *convolution, of Tensor, s shape) Tensor {
	y := x.t.floats.take(s.size())
	k.BackwardWeight(y, x.Data(), of.Data(), false)
	return x.t.convOp("ConvWeightGrad", backConvWeight, k, y, s, x, of)
}

func (t *Tape) convOp(op string, back func(*Tape, *node), k *convolution, y []float32, s shape, a, b Tensor) Tensor {
	res, n := t.push(op)
	n.data, n.shape = y, s
	*convolutions.lend(t, n) = convolution{Conv: k.Conv}
	n.record(t, back, a.i, b.i)
	return res
}

func backConvWeight(t *Tape, n *node) {
	k := n.kept.(*convolution)
	if g := t.gradOf(n, 0); g != nil {
		tmp := t.floats.reuse(len(g))
		k.Forward(tmp, t.operand(n, 1), n.grad, nil, gemm.None)
		elementwise.Add(g, g, tmp)
		t.floats.recycle(tmp)
	}
	if g, acc := t.gradBuffer(n, 1); g != nil {
		k.BackwardData(g, t.operand(n, 0), n.grad, acc)
	}
}

// norm is normalisation by simpler operations.
func (d *twice) norm(n *node, dy Tensor) bool {
	from := len(d.t.nodes)
	x, w, b := d.operand(n, 0), d.operand(n, 1), d.operand(n, 2)
	s := n.shape
	channels := shape{n: s.n} // of a weight for each channel
	for k := range s.n {
		channels.d[k] = 1
	}
	affine := func(y Tensor, fit func(Tensor) Tensor) Tensor {
		if w.t != nil {
			y = y.Mul(fit(w))
		}
		if b.t != nil {
			y = y.Add(fit(b))
		}
		return y
	}
	same := func(p Tensor) Tensor { return p }
	byChannel := func(p Tensor) Tensor { return p.reshaped("Reshape", channels) }
	standard := func(x Tensor, eps float32, axes ...int) Tensor {
		x = x.Sub(x.Mean(axes...).Unsqueeze(axes...))
		return x.Mul(x.Square().Mean(axes...).AddScalar(eps).Rsqrt().Unsqueeze(axes...))
	}
	if k, ok := n.kept.(*batchNorm); ok {
		if k.join != nil { // the statistics are not of what lies here
			return false
		}
		channels.d[1] = s.d[1]
		axes := []int{0}
		for a := 2; a < s.n; a++ {
			axes = append(axes, a)
		}
		var y Tensor
		if k.ofBatch {
			y = standard(x, k.eps, axes...)
		} else {
			y = x.Sub(byChannel(d.t.Input(k.Mean, s.d[1]))).Mul(byChannel(d.t.Input(k.RStd, s.d[1])))
		}
		y = affine(y, byChannel)
		if k.ReLU {
			y = y.ReLU()
		}
		return d.replace(from, y, dy)
	}
	k := n.kept.(*normalised)
	var y Tensor
	switch n.op {
	case "LayerNorm":
		axes := []int{s.n - 1}
		if w.t != nil {
			for r := 2; r <= w.Rank(); r++ {
				axes = append(axes, s.n-r)
			}
		}
		slices.Sort(axes)
		y = affine(standard(x, k.eps, axes...), same)
	case "RMSNorm":
		y = affine(x.Mul(x.Square().Mean(-1).AddScalar(k.eps).Rsqrt().Unsqueeze(-1)), same)
	case "GroupNorm":
		channels.d[1] = s.d[1]
		y = affine(standard(x.Reshape(-1, k.cols), k.eps, -1).reshaped("Reshape", s), byChannel)
	default:
		return false
	}
	return d.replace(from, y, dy)
}

// fused has the operations that are computed once more by simpler ones.
func (d *twice) fused(n *node, dy Tensor) bool {
	from := len(d.t.nodes)
	x := d.operand(n, 0)
	var y Tensor
	switch n.op {
	case "Linear", "LinearReLU", "LinearGELU", "LinearAdd", "LinearRows":
		w, b, k := d.operand(n, 1), d.operand(n, 2), dense{out: d.shape(n, 1).d[0]}
		if kept, ok := n.kept.(*dense); ok {
			k = *kept
		}
		if k.out != w.Dim(0) {
			w = w.Slice(0, k.lo, k.lo+k.out)
			if b.t != nil {
				b = b.Slice(0, k.lo, k.lo+k.out)
			}
		}
		y = x.Reshape(-1, w.Dim(1)).MatMulT(w)
		if b.t != nil {
			y = y.Add(b)
		}
		switch k.act {
		case actReLU:
			y = y.ReLU()
		case actGELU:
			y = y.GELU()
		}
		y = y.reshaped("Reshape", n.shape)
		if n.in[3] >= 0 {
			y = y.Add(d.operand(n, 3))
		}
	case "FeedForward":
		f, w1, b1 := n.kept.(*feedForward), d.operand(n, 1), d.tensor(n.more[moreBias1])
		if f.gelu {
			y = x.LinearGELU(w1, b1)
		} else {
			y = x.LinearReLU(w1, b1)
		}
		y = y.Linear(d.operand(n, 2), d.tensor(n.more[moreBias2]))
		if n.in[3] >= 0 {
			y = y.Add(d.operand(n, 3))
		}
	case "MeanSquaredError":
		y = x.Sub(d.operand(n, 1)).Square().Mean()
	case "SoftmaxCrossEntropy":
		onehot := d.t.OneHot(Ints{n.kept.(*classified).labels, n.shape}, x.Dim(-1))
		y = x.LogSoftmax(-1).Mul(onehot).Sum(-1).Neg()
	case "SigmoidCrossEntropy":
		target := d.operand(n, 1)
		y = target.Mul(x.Neg().Softplus(1))
		if w := n.kept.(*surety).posWeight; len(w) > 0 {
			y = y.Mul(d.t.Input(w, len(w)))
		}
		y = y.Add(target.Neg().AddScalar(1).Mul(x.Softplus(1)))
		y = y.reshaped("Reshape", n.shape) // a weight may have made a scalar a vector
	case "LinearCrossEntropy":
		y = d.classHead(n.kept.(*classHead), x, d.operand(n, 1), d.operand(n, 2)).reshaped("Reshape", n.shape)
	case "Attention", "SelfAttention", "CrossAttention":
		a := n.kept.(*attention)
		if d.err = a.twice(n.op, n.in[3], n.more[0]); d.err != nil {
			return true
		}
		part := func(k int) Tensor { return d.operand(n, k).Slice(-1, a.off[k], a.off[k]+a.width) }
		y = d.attention(a, part(0), part(1), part(2))
	case "SelfAttentionLayer":
		s := n.kept.(*selfAttention)
		if d.err = s.twice(n.op, n.more[moreBias], n.more[moreRelative]); d.err != nil {
			return true
		}
		qkv := x.Linear(d.operand(n, 1), d.tensor(n.more[moreInBias]))
		part := func(k int) Tensor { return qkv.Slice(-1, k*s.width, (k+1)*s.width) }
		y = d.attention(&s.attention, part(0), part(1), part(2)).Linear(d.operand(n, 2), d.tensor(n.more[moreOutBias]))
		if n.in[3] >= 0 {
			y = y.Add(d.operand(n, 3))
		}
	case "AdaptiveAvgPool2D":
		if n.d[2] != 1 || n.d[3] != 1 {
			return false
		}
		y = x.Mean(2, 3).Unsqueeze(2, 3)
	default:
		return false
	}
	return d.replace(from, y, dy)
}

// classHead is LinearCrossEntropy by its logits: each row's loss is a fixed sum
// of log-probabilities.
func (d *twice) classHead(h *classHead, x, w, b Tensor) Tensor {
	share := d.t.Scratch(h.count * h.classes)
	for r, label := range h.labels {
		if label < 0 {
			continue
		}
		row := rows(share, r, 1, h.classes)
		of := float32(1)
		if h.known {
			of = h.rowWeight[r]
		}
		for k := range row {
			c := float32(1)
			if h.classWeight != nil {
				c = h.classWeight[k]
			}
			row[k] = -of * c * h.smoothing / float32(h.classes)
			if k == int(label) {
				row[k] -= of * c * (1 - h.smoothing)
			}
		}
	}
	l := x.Reshape(-1, h.in).Linear(w, b).LogSoftmax(-1).Mul(d.t.Input(share, h.count, h.classes))
	if h.known {
		return l.Sum()
	}
	return l.Sum(-1)
}

// twice is why there is no second derivative, nil if there is one.
func (a *attention) twice(op string, bias, relative int32) error {
	switch {
	case a.keep != 1:
		return &UnsupportedError{op, "no second derivative through attention with dropout: set Dropout to 0, or the tape to evaluation"}
	case bias >= 0 || relative >= 0:
		return &UnsupportedError{op, "no second derivative through attention with a bias"}
	case a.shared > 1:
		return &UnsupportedError{op, "no second derivative through attention with grouped queries"}
	}
	return nil
}

// attention is softmax(q·kᵀ/√width)·v, head by head.
func (d *twice) attention(a *attention, q, k, v Tensor) Tensor {
	batch, width := q.Dim(0), a.width/a.heads
	heads := func(x Tensor) Tensor {
		return x.Reshape(batch, x.Dim(1), a.heads, width).Permute(0, 2, 1, 3)
	}
	scores := heads(q).MatMulT(heads(k)).Scale(a.scale())
	if a.causal || len(a.padding) > 0 {
		seen := d.t.Scratch(batch * a.tq * a.tk)
		for r := range batch * a.tq {
			row := rows(seen, r, 1, a.tk)
			elementwise.Fill(row[:a.seen(r/a.tq, r%a.tq)], 1)
			for j := range row {
				if len(a.padding) > 0 && a.padding[r/a.tq*a.tk+j] != 0 {
					row[j] = 0
				}
			}
		}
		mask := d.t.Input(seen, batch, 1, a.tq, a.tk)
		// A query that sees nothing gets zeros: no infinity, but a second mask.
		scores = Where(mask, scores, d.t.Scalar(-1e30)).Softmax(-1).Mul(mask)
	} else {
		scores = scores.Softmax(-1)
	}
	return scores.MatMul(heads(v)).Permute(0, 2, 1, 3).Reshape(batch, a.tq, a.width)
}
