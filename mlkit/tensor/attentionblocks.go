package tensor

import (
	"math"

	"descent/mlkit/internal/kernel/blocks"
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/random"
	"descent/mlkit/internal/kernel/rowwise"
)

// attention is the work of one operation, forward or backward. Its parts are a
// head of a sample each, or, where those are few, a group of blocks of a head's
// queries, taken at equal distances. The node keeps it from one way to the
// other.
type attention struct {
	heads, tq, tk, width int
	shared               int // heads of queries for each of keys and values
	causal               bool
	padding              []int32
	ends                 []int32 // of each row of padding: the keys up to the last that is not hidden
	bias                 scoreBias
	keep                 float32 // 1 without dropout
	seed, step, op       uint64

	block, blocks int // queries of a block; blocks of a head
	groups        int // parts of a head
	ldp           int // from a row of scores to the next

	x       [3][]float32 // queries, keys, values, from their first column on
	off, ld [3]int
	sample  [3]int     // from a sample to the next
	from    []int      // whose keys and values each sample reads; nil: its own
	narrow  *KeyValues // keys and values of 16 bits; nil: x has them
	probs   []float32  // [batch, heads, tq, ldp], before dropout; nil: computed again
	y       []float32  // forward: the result

	// backward; dy and dx begin with the sample base
	base     int
	dy       []float32
	dx       [3][]float32 // nil: not wanted
	ldd      [3]int       // as ld, of dx
	acc      [3]bool
	partials []float32 // [parts, 2, tk, width/heads]: gradients of keys and values that add up, see partial
}

var attentions = newKeeper[attention]()

const (
	// scoresBlock is about how many scores are worked on at a time: a quarter
	// of the second-level cache of most processors.
	scoresBlock = 1 << 15
	// fewParts is how many parts there should be at least. It must not follow
	// from the number of workers: a part's sums are added to the others'.
	fewParts = 16
)

// divide chooses blocks and groups.
func (a *attention) divide(batch int) {
	a.ldp = rowStride(a.tk)
	a.block = min(max(scoresBlock/max(a.ldp, 1), 16), 64)
	if a.causal {
		a.block = min(a.block, 32) // skips more of what nobody sees
	}
	a.block = min(a.block, max(a.tq, 1))
	a.blocks = (a.tq + a.block - 1) / a.block
	a.groups = max(1, min(a.blocks, fewParts/max(batch*a.heads, 1)))
}

func (a *attention) parts(batch int) int {
	if a.tq == 0 {
		return 0
	}
	return batch * a.heads * a.groups
}

// small reports whether the probabilities take no more memory than half of
// queries, keys, values and results: then they are kept.
func (a *attention) small() bool { return a.tk <= 2*(a.width/a.heads) }

// Part implements cpu.Task.
func (a *attention) Part(i int) {
	if a.narrow != nil {
		a.narrowPart(i)
		return
	}
	head, group := i/a.groups, i%a.groups
	b, h := a.base+head/a.heads, head%a.heads
	if a.dy == nil {
		a.forward(b, h, group)
	} else {
		a.backward(b, h, group)
	}
}

// head cuts out what one head of one sample sees of queries, keys or values.
func (a *attention) head(k, b, h int) []float32 {
	if k > 0 {
		b, h = a.reads(b), h/a.shared
	}
	return a.x[k][b*a.sample[k]+h*(a.width/a.heads):]
}

func (a *attention) reads(b int) int {
	if a.from == nil {
		return b
	}
	return a.from[b]
}

// headGrad is head for their gradients.
func (a *attention) headGrad(k, b, h int) []float32 {
	if k > 0 {
		h /= a.shared
	}
	return a.dx[k][(b-a.base)*a.rows(k)*a.ldd[k]+h*(a.width/a.heads):]
}

func (a *attention) rows(k int) int {
	if k == 0 {
		return a.tq
	}
	return a.tk
}

func (a *attention) scale() float32 {
	return float32(1 / math.Sqrt(float64(a.width/a.heads)))
}

// seen is how many keys query i of sample b may look at, as far as Causal and
// the padding at the end decide: nothing is computed for what comes after.
func (a *attention) seen(b, i int) int {
	n := a.tk
	if a.ends != nil {
		n = int(a.ends[a.reads(b)])
	}
	if a.causal {
		n = min(n, max(0, i+1+a.tk-a.tq))
	}
	return n
}

// end finds the ends of the padding.
func (a *attention) end(t *Tape) {
	if len(a.padding) == 0 {
		return
	}
	a.ends = t.ints.take(len(a.padding) / a.tk)
	for b := range a.ends {
		n := a.tk
		for n > 0 && a.padding[b*a.tk+n-1] != 0 {
			n--
		}
		a.ends[b] = int32(n)
	}
}

// kept is where the probabilities of queries from i on are kept.
func (a *attention) kept(b, h, i int) []float32 { return a.probs[((b*a.heads+h)*a.tq+i)*a.ldp:] }

// columns transposes keys or values of one head, [tk, width/heads], if there
// are enough queries to use them often; else it returns nil.
func (a *attention) columns(dst []float32, k, b, h int) []float32 {
	if a.tq < 4 {
		return nil
	}
	gemm.TransposeStrided(dst, a.head(k, b, h), a.ld[k], a.tk, a.width/a.heads, a.ldp)
	return dst
}

// times multiplies rows rows of queries (or of gradients of results), ld apart,
// with n keys (or values) of one head, which columns has transposed.
func (a *attention) times(dst []float32, lddst int, x []float32, ld, rows, n int, alpha float32,
	transposed []float32, k, b, h int) {
	g := gemm.Gemm{M: rows, N: n, K: a.width / a.heads, LDA: ld, LDB: a.ldp, LDC: lddst, Alpha: alpha}
	if transposed == nil {
		g.LDB, g.TransB = a.ld[k], true
		transposed = a.head(k, b, h)
	}
	g.Run(dst, x, transposed)
}

// probabilities computes rows rows of a head's weights, from query i on, for as
// many keys as the last of them sees; what a row does not see is 0.
func (a *attention) probabilities(dst []float32, ld, i, rows int, keys []float32, b, h int) {
	n := a.seen(b, i+rows-1)
	if n == 0 {
		return
	}
	a.times(dst, ld, a.head(0, b, h)[i*a.ld[0]:], a.ld[0], rows, n, a.scale(), keys, 1, b, h)
	for r := range rows {
		row := dst[r*ld:][:n]
		seen := a.seen(b, i+r)
		clear(row[seen:])
		a.normalize(row[:seen], b, h, i+r)
	}
}

// normalize makes weights of the scores of query i with the keys that it sees.
func (a *attention) normalize(row []float32, b, h, i int) {
	bias, relative := a.bias.rows(b, h, i, len(row))
	var padding []int32
	if bias != nil {
		elementwise.Add(row, row, bias)
	}
	if relative != nil {
		elementwise.Add(row, row, relative)
	}
	if a.padding != nil {
		padding = a.padding[a.reads(b)*a.tk:][:len(row)]
		for j, p := range padding {
			if p != 0 {
				row[j] = minusInf
			}
		}
	}
	visible := false // until a key is found; a NaN is no reason to hide anything
	for j := 0; j < len(row) && !visible; j++ {
		visible = !(padding != nil && padding[j] != 0 || bias != nil && bias[j] == minusInf ||
			relative != nil && relative[j] == minusInf)
	}
	switch {
	case !visible:
		clear(row)
	case a.narrow != nil:
		blocks.Softmax(row)
	default:
		rowwise.SoftmaxRow(row)
	}
}

var minusInf = float32(math.Inf(-1))

// weights fills one head's weights, [tq, tk], for those who look at them.
func (a *attention) weights(dst []float32, b, h int) {
	clear(dst) // of keys that no query sees, nothing is computed
	a.probabilities(dst, a.tk, 0, a.tq, nil, b, h)
}

// mask draws the dropout of rows queries from i on, [rows, tk], and returns it.
// A weight's number in the random stream is its place in [heads, tq, tk]; every
// sample has a stream of its own.
func (a *attention) mask(dst []float32, i, rows, b, h int) []float32 {
	dst = dst[:rows*a.tk]
	random.DropoutMask(dst, a.keep, a.seed, a.step, a.op<<32|uint64(b), uint64((h*a.tq+i)*a.tk))
	return dst
}

// drop multiplies n columns of a block with its dropout; dst may be x.
func (a *attention) drop(dst, x, mask []float32, rows, n int) {
	for r := range rows {
		elementwise.Mul(dst[r*a.ldp:][:n], x[r*a.ldp:][:n], mask[r*a.tk:][:n])
	}
}

// carve cuts pieces off working memory.
type carve []float32

func (c *carve) take(n int) []float32 {
	s := (*c)[:n:n]
	*c = (*c)[n:]
	return s
}

func (a *attention) forward(b, h, group int) {
	dh, size := a.width/a.heads, a.block*a.ldp
	drops := a.keep < 1
	w := workspace(dh*a.ldp + 3*size)
	defer workspaces.Put(w)
	free := carve(*w)
	keys := a.columns(free.take(dh*a.ldp), 1, b, h)
	block, dropped, mask := free.take(size), free.take(size), free.take(size)
	for k := group; k < a.blocks; k += a.groups {
		i := k * a.block
		rows := min(a.block, a.tq-i)
		n := a.seen(b, i+rows-1)
		p := block
		if a.probs != nil {
			p = a.kept(b, h, i)
		}
		a.probabilities(p, a.ldp, i, rows, keys, b, h)
		if drops {
			a.drop(dropped, p, a.mask(mask, i, rows, b, h), rows, n)
			p = dropped
		}
		gemm.Gemm{M: rows, N: dh, K: n, LDA: a.ldp, LDB: a.ld[2], LDC: a.width}.Run(
			a.y[(b*a.tq+i)*a.width+h*dh:], p, a.head(2, b, h))
	}
}

// backAll runs the backward pass for batch samples from base on.
func (a *attention) backAll(t *Tape, batch int) {
	partial := a.partial() && a.tq > 0
	if partial {
		a.partials = t.floats.reuse(a.parts(batch) * 2 * a.tk * (a.width / a.heads))
	}
	a.bias.reserve(t, a, batch)
	cpu.Parallel(a.parts(batch), a)
	if partial {
		cpu.Parallel(batch*a.heads/a.shared, (*partialSums)(a))
		t.floats.recycle(a.partials)
	}
	a.bias.finish(t, a, batch)
}

// partial reports whether several parts have gradients for the same keys and
// values: groups of queries, or heads that share them.
func (a *attention) partial() bool { return a.groups > 1 || a.shared > 1 }

// part is the number of a head's group among the parts.
func (a *attention) part(b, h, group int) int {
	return ((b-a.base)*a.heads+h)*a.groups + group
}

// keyGrads says where a part's gradients of keys (1) or values (2) go, how far
// apart its rows are, and whether there is something to add to.
func (a *attention) keyGrads(k, b, h, group int) (g []float32, ld int, add bool) {
	dh := a.width / a.heads
	switch {
	case a.dx[k] == nil:
		return nil, 0, false
	case a.partial():
		part := a.part(b, h, group)
		return a.partials[(2*part+k-1)*a.tk*dh:][:a.tk*dh], dh, false
	}
	return a.headGrad(k, b, h), a.ldd[k], a.acc[k]
}

func (a *attention) backward(b, h, group int) {
	dh, size := a.width/a.heads, a.block*a.ldp
	drops := a.keep < 1
	w := workspace(2*dh*a.ldp + 4*size)
	defer workspaces.Put(w)
	free := carve(*w)
	var keys, values []float32
	if a.probs == nil {
		keys = a.columns(free.take(dh*a.ldp), 1, b, h)
	}
	relative := a.bias.partial(a, b, h, group)
	scores := a.dx[0] != nil || a.dx[1] != nil || relative != nil
	if scores {
		values = a.columns(free.take(dh*a.ldp), 2, b, h)
	}
	block, dropped, mask, dp := free.take(size), free.take(size), free.take(size), free.take(size)
	dk, ldk, addK := a.keyGrads(1, b, h, group)
	dv, ldv, addV := a.keyGrads(2, b, h, group)
	// The last block sees the most keys: it writes what the others add to.
	// Nobody sees those after it.
	unseen := a.seen(b, a.tq-1)
	if dv != nil && !addV && !a.partial() {
		clearRows(dv, ldv, unseen, a.tk, dh)
	}
	if dk != nil && !addK && !a.partial() {
		clearRows(dk, ldk, unseen, a.tk, dh)
	}
	last := group + (a.blocks-1-group)/a.groups*a.groups
	for k := last; k >= 0; k -= a.groups {
		i := k * a.block
		rows := min(a.block, a.tq-i)
		n := a.seen(b, i+rows-1)
		p := block
		if a.probs != nil {
			p = a.kept(b, h, i)
		} else {
			a.probabilities(p, a.ldp, i, rows, keys, b, h)
		}
		dy := a.dy[((b-a.base)*a.tq+i)*a.width+h*dh:]
		pd := p
		if drops {
			mask = a.mask(mask[:size], i, rows, b, h)
			if dv != nil {
				a.drop(dropped, p, mask, rows, n)
				pd = dropped
			}
		}
		if dv != nil { // dV = Pᵀ·dY
			gemm.Gemm{M: n, N: dh, K: rows, TransA: true, LDA: a.ldp, LDB: a.width, LDC: ldv,
				Accumulate: addV || k < last}.Run(dv, pd, dy)
		}
		if !scores {
			continue
		}
		// dS = P∘(dP − Σ P∘dP), dP = dY·Vᵀ, back through dropout and softmax
		a.times(dp, a.ldp, dy, a.width, rows, n, a.scale(), values, 2, b, h)
		if drops {
			a.drop(dp, dp, mask, rows, n)
		}
		for r := range rows {
			seen := a.seen(b, i+r)
			rowwise.SoftmaxGradRow(dp[r*a.ldp:][:seen], p[r*a.ldp:][:seen])
			clear(dp[r*a.ldp+seen:][:n-seen])
			if relative != nil {
				elementwise.Axpy(relative[a.tq-1-i-r:][:seen], 1/a.scale(), dp[r*a.ldp:][:seen])
			}
		}
		if a.dx[0] != nil {
			gemm.Gemm{M: rows, N: dh, K: n, LDA: a.ldp, LDB: a.ld[1], LDC: a.ldd[0], Accumulate: a.acc[0]}.Run(
				a.headGrad(0, b, h)[i*a.ldd[0]:], dp, a.head(1, b, h))
		}
		if dk != nil {
			gemm.Gemm{M: n, N: dh, K: rows, TransA: true, LDA: a.ldp, LDB: a.ld[0], LDC: ldk,
				Accumulate: addK || k < last}.Run(
				dk, dp, a.head(0, b, h)[i*a.ld[0]:])
		}
	}
}

// clearRows clears rows from…to of x, n wide and ld apart.
func clearRows(x []float32, ld, from, to, n int) {
	for i := from; i < to; i++ {
		clear(x[i*ld:][:n])
	}
}

// partialSums is an attention whose parts' gradients are added up, in their
// order. A part is a head of keys and values.
type partialSums attention

func (s *partialSums) Part(i int) {
	a := (*attention)(s)
	heads, dh := a.heads/a.shared, a.width/a.heads
	b, h := a.base+i/heads, i%heads*a.shared
	for k := 1; k <= 2; k++ {
		if a.dx[k] == nil {
			continue
		}
		// First the group with the last block, which saw all keys.
		to, first := a.headGrad(k, b, h), (a.blocks-1)%a.groups
		for j := range a.shared * a.groups {
			g := (first + j) % a.groups
			fresh := j == 0 && !a.acc[k]
			if fresh {
				clearRows(to, a.ldd[k], a.seen(b, a.tq-1), a.tk, dh)
			}
			from, _, _ := a.keyGrads(k, b, h+j/a.groups, g)
			last := g + (a.blocks-1-g)/a.groups*a.groups
			for j := range a.seen(b, min((last+1)*a.block, a.tq)-1) {
				row := to[j*a.ldd[k]:][:dh]
				if fresh {
					copy(row, from[j*dh:])
				} else {
					elementwise.Add(row, row, from[j*dh:][:dh])
				}
			}
		}
	}
}
