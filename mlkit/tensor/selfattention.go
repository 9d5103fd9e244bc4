package tensor

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// SelfAttentionLayer is what [Tensor.SelfAttentionLayer] works with.
type SelfAttentionLayer struct {
	InWeight, InBias   Tensor // [d+2·dkv, in] and [d+2·dkv]: for queries, keys, values; a bias may be the zero Tensor
	OutWeight, OutBias Tensor // [out, d] and [out]
	Add                Tensor // of the result's shape, or the zero Tensor: a residual
	Attend
}

// SelfAttentionLayer projects x, [batch, T, in], to queries, keys and values,
// lets every position attend ([Tensor.Attention]), projects the results and
// adds a residual, as one operation: [batch, T, out], and the weights for
// drawing, [batch, heads, T, T]. Where the weights are small, a few sequences
// at a time go all the way, so that what is in between stays in the cache. It
// panics with a [*ShapeError] when an operand does not fit.
func (x Tensor) SelfAttentionLayer(w SelfAttentionLayer) (y, weights Tensor) {
	const op = "SelfAttentionLayer"
	nx, nw, no := x.node(op), w.InWeight.node(op), w.OutWeight.node(op)
	sameTape(op, x, w.InWeight)
	sameTape(op, x, w.OutWeight)
	w.checkHeads(op)
	if nx.n != 3 || nw.n != 2 || nw.d[1] != nx.d[2] || no.n != 2 || nw.d[0]*w.Heads != no.d[1]*(w.Heads+2*w.KVHeads) {
		shapePanic(op, -1, "input and weights must be [batch, T, in], [3·d, in] and [out, d]"+w.grouped(), x, w.InWeight, w.OutWeight)
	}
	batch, time, in, wide, d, out := nx.d[0], nx.d[1], nx.d[2], nw.d[0], no.d[1], no.d[0]
	x.operandShape(op, "InBias", w.InBias, wide)
	x.operandShape(op, "OutBias", w.OutBias, out)
	x.operandShape(op, "Add", w.Add, batch, time, out)
	w.check(op, x, batch, batch, time, time, d)

	t := x.t
	more := t.ints.take(4)
	more[moreInBias], more[moreOutBias], more[moreBias], more[moreRelative] =
		optional(w.InBias), optional(w.OutBias), optional(w.Bias), optional(w.Relative)
	y, n := t.push(op)
	n.record(t, backSelfAttentionLayer, x.i, w.InWeight.i, w.OutWeight.i, optional(w.Add), more[moreInBias],
		more[moreOutBias], more[moreBias], more[moreRelative])
	n.more = more
	n.shape = shape{n: 3, d: [MaxRank]int{batch, time, out}}
	n.data = t.floats.take(batch * time * out)

	s := selfAttentions.lend(t, n)
	*s = selfAttention{attention: w.start(t, batch, time, time, d, n.needs), in: in, wide: wide, out: out, end: batch}
	s.input, s.result, s.add = t.operand(n, 0), n.data, t.dataAt(n.in[3])
	s.wi, s.wo = t.operand(n, 1), t.operand(n, 2)
	s.bi, s.bo = t.dataAt(more[moreInBias]), t.dataAt(more[moreOutBias])
	s.qkv, s.y = t.floats.take(batch*time*wide), t.floats.take(batch*time*d)
	s.sources()
	if s.together() && !w.learns() {
		// The weights, transposed once: see recurrent.
		s.ldi, s.ldo, s.across = rowStride(wide), rowStride(out), true
		wi, wo := s.wi, s.wo
		s.wi, s.wo = t.floats.reuse(in*s.ldi), t.floats.reuse(d*s.ldo)
		gemm.TransposeWide(s.wi, wi, wide, in, s.ldi)
		gemm.TransposeWide(s.wo, wo, out, d, s.ldo)
		s.run()
		t.floats.recycle(s.wi)
		t.floats.recycle(s.wo)
	} else if time > 0 {
		s.project(0, batch*time)
		cpu.Parallel(s.parts(batch), &s.attention)
		s.finish(0, batch*time)
	}
	return y, t.attentionWeights(&s.attention, batch)
}

// The operands beyond the node's four.
const (
	moreInBias = iota
	moreOutBias
	moreBias
	moreRelative
)

// selfAttention is the work of one operation, divided into groups of
// sequences.
type selfAttention struct {
	attention
	in, out            int
	wide               int // of queries, keys and values side by side
	input, result, add []float32
	wi, bi, wo, bo     []float32
	across             bool // wi and wo are transposed, rows ldi and ldo apart
	ldi, ldo           int
	qkv                []float32 // [batch, T, wide]

	// backward: the samples base…end−1 of a chunk
	end        int
	dresult    []float32
	dinput     []float32
	accumulate bool
	dqkv       []float32 // of the chunk, rows ldi apart
}

var selfAttentions = newKeeper[selfAttention]()

// sources says where queries, keys and values lie.
func (s *selfAttention) sources() {
	for k := range 3 {
		if k > 0 {
			s.off[k] = s.width + (k-1)*s.width/s.shared
		}
		s.ld[k], s.sample[k] = s.wide, s.tq*s.wide
		s.x[k] = s.qkv[min(s.off[k], len(s.qkv)):]
	}
}

// group is how many sequences go together: enough rows for fast products.
func (s *selfAttention) group() int { return (blockRows + s.tq - 1) / max(s.tq, 1) }

func (s *selfAttention) run() {
	if s.tq > 0 {
		cpu.Parallel((s.end-s.base+s.group()-1)/s.group(), s)
	}
}

// smallWeights is up to how many weights of a layer are used best by a few rows
// after the other, from the cache: a quarter of a megabyte.
const smallWeights = 1 << 16

// together reports whether sequences go all the way by groups. Large weights
// are better used by all rows in one product, and one long sequence is no work
// for two.
func (s *selfAttention) together() bool {
	return s.tq > 0 && s.wide*s.in <= smallWeights && !s.partial() && s.end >= 8*s.group()
}

// project computes queries, keys and values of n rows from lo on.
func (s *selfAttention) project(lo, n int) {
	gemm.Gemm{M: n, N: s.wide, K: s.in, TransB: !s.across, LDB: s.ldi, Bias: s.bi}.Run(rows(s.qkv, lo, n, s.wide),
		rows(s.input, lo, n, s.in), s.wi)
}

// finish is the last projection.
func (s *selfAttention) finish(lo, n int) {
	y := rows(s.result, lo, n, s.out)
	if s.add != nil {
		copy(y, rows(s.add, lo, n, s.out))
	}
	gemm.Gemm{M: n, N: s.out, K: s.width, TransB: !s.across, LDB: s.ldo, Bias: s.bo,
		Accumulate: s.add != nil}.Run(y, rows(s.y, lo, n, s.width), s.wo)
}

// backFinish is the backward pass of finish, and backProject that of project.
func (s *selfAttention) backFinish(lo, n int) {
	gemm.Gemm{M: n, N: s.width, K: s.out}.Run(rows(s.dy, lo-s.base*s.tq, n, s.width),
		rows(s.dresult, lo, n, s.out), s.wo)
}

func (s *selfAttention) backProject(lo, n int) {
	if s.dinput != nil {
		gemm.Gemm{M: n, N: s.in, K: s.wide, LDA: s.ldi, Accumulate: s.accumulate}.Run(rows(s.dinput, lo, n, s.in),
			rows(s.dqkv, lo-s.base*s.tq, n, s.ldi), s.wi)
	}
}

// Part implements cpu.Task.
func (s *selfAttention) Part(i int) {
	first := s.base + i*s.group()
	last := min(first+s.group(), s.end)
	lo, n := first*s.tq, (last-first)*s.tq
	if s.dresult == nil {
		s.project(lo, n)
	} else {
		s.backFinish(lo, n)
	}
	for b := first; b < last; b++ {
		for h := range s.heads {
			if s.dresult == nil {
				s.forward(b, h, 0)
			} else {
				s.backward(b, h, 0)
			}
		}
	}
	if s.dresult == nil {
		s.finish(lo, n)
	} else {
		s.backProject(lo, n)
	}
}

func backSelfAttentionLayer(t *Tape, n *node) {
	batch, time, out := n.d[0], n.d[1], n.d[2]
	s := n.kept.(*selfAttention)
	in, d, together := s.in, s.width, s.across
	s.wi, s.wo, s.dresult, s.across, s.ldi = t.operand(n, 1), t.operand(n, 2), n.grad, false, rowStride(s.wide)
	if len(n.grad) == 0 { // nothing to write: zeros
		for k := range 3 {
			t.gradOf(n, k)
		}
	}
	s.dinput, s.accumulate = t.gradBuffer(n, 0)
	gi, accI := t.gradBuffer(n, 1)
	gwo, accO := t.gradBuffer(n, 2)
	dwi, dwo := t.paramSum(gi, accI, batch*time), t.paramSum(gwo, accO, batch*time)
	dbi, gbo := t.paramSum(t.gradMore(n, moreInBias), true, batch*time), t.gradMore(n, moreOutBias)

	chunk := chunkSize / max(s.wide*time, 1)
	if !together { // enough rows to be worth their products
		chunk = max(chunk, (wideRows+time-1)/max(time, 1))
	}
	chunk = min(batch, max(s.group(), chunk/max(s.group(), 1)*s.group()))
	s.bias.startBack(t)
	s.dy, s.dqkv = t.floats.reuse(chunk*time*d), t.floats.reuse(chunk*time*s.ldi)
	for k := range 3 {
		s.dx[k], s.ldd[k] = s.dqkv[min(s.off[k], len(s.dqkv)):], s.ldi
	}
	for ; s.base < batch && time > 0; s.base = s.end {
		s.end = min(s.base+chunk, batch)
		lo, k := s.base*time, (s.end-s.base)*time
		if together {
			s.run()
		} else {
			s.backFinish(lo, k)
			s.attention.dy = s.dy
			s.backAll(t, s.end-s.base)
			s.backProject(lo, k)
		}
		dbi.rows(s.dqkv, k, s.ldi)
		dwi.product(&gemm.Gemm{M: s.wide, N: in, K: k, LDA: s.ldi}, s.dqkv, rows(s.input, lo, k, in))
		dwo.product(&gemm.Gemm{M: out, N: d, K: k}, rows(s.dresult, lo, k, out), rows(s.y, lo, k, d))
	}
	dbi.done(t)
	dwi.done(t)
	dwo.done(t)
	if gbo != nil {
		rowwise.AddRows(gbo, n.grad, out)
	}
	t.floats.recycle(s.dy)
	t.floats.recycle(s.dqkv)
	if n.in[3] >= 0 {
		t.handOn(n, 3)
	}
}
