package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"runtime"
	"slices"
	"sync/atomic"

	"descent/mlkit/data"
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// team computes the shards of every batch that are this rank's and adds up the
// gradients of all shards with the other ranks.
//
// The sum is a tree whose leaves are the shards: neighbours are added in pairs,
// then the sums of pairs, and so on. A rank has as many neighbouring shards as
// make one branch, so where the branches are put together changes no bit. The
// ranks finish the tree by exchanging parts: each adds up its part of all
// branches (AllToAll), then all collect the sums (AllGather), which moves as
// much as an all-reduce of the library's own. Of two ranks there is one sum of
// two numbers, and the library may do it.
//
// All gradients lie one after the other in one slice, in the order in which the
// backward pass completes them, that is, from the last parameter to the first.
// The slice is cut into buckets; each is sent as soon as it is complete.
//
// Ranks that share memory (SharedMemory) send nothing: a rank's branch lies
// where the others read it, and each adds up all branches. There are two places
// for a branch, which take turns: a rank that writes the one may find others
// still reading the other. What is told of a batch (tell) keeps them together:
// it is over when all have written, and where it is over a second time all have
// read.
type team[B any] struct {
	*crew
	f              *fitter[B]
	shards, lo, hi int // lo to hi are this rank's
	batches        func(ctx context.Context, epoch, batch, lo, hi int) iter.Seq2[[]B, error]
	whole          float64 // samples in a full batch; 0 if that is not known
	each           func(parts []B, err error) bool
	stop           bool // a rank has been interrupted

	params  []*tensor.Param
	index   map[*tensor.Param]int
	buffers []*tensor.Buffer
	at      []int // where each parameter's gradient begins; −1 of a frozen one
	atBuf   []int // and each buffer's statistics
	buckets []bucket
	bucket  []int // of each parameter
	branch  [][]float32
	recv    []float32
	shared  [][]float32 // the two places of all ranks; nil where they are sent
	release func()
	turn    int       // which of the two
	result  []float32 // the sum, of shared branches
	total   []float32 // of several batches; nil where a step is of one
	seen    []bool    // parameters whose gradient of the last shard is in
	used    []bool    // parameters with a gradient, this batch
	usedAny []bool    // this step
	sent    int       // buckets on their way

	joint    *joint // nil without SyncBatchNorm
	starts   []func()
	parts    []B
	leaves   []leaf
	tapes    []*tensor.Tape
	next     atomic.Int64 // the shard to be added
	complete func(p *tensor.Param, g []float32)
	memory   func(p *tensor.Param) []float32
	collect  func(b *tensor.Buffer, value []float32, momentum float32)
	shard    int            // whose statistics collect adds
	twice    *tensor.Buffer // it has collected more than once
	hasStats []bool
	stats    []float32

	mine, theirs []float32 // what is told of a batch beside gradients
	gathers      []Pending
}

// bucket is a part of the gradients that is sent at once.
type bucket struct {
	lo, hi  int
	waits   int // for parameters
	params  int
	pending Pending
}

// bucketLen is the usual length of a bucket, in numbers: 0.5 MB.
const bucketLen = 1 << 17

// line is a line of the cache, in numbers: gradients begin where one does.
const line = 16

// fewRanks is how many may read all of each other's gradients. More move less
// if each adds up a part for all.
const fewRanks = 4

// leaf is what a shard has come to.
type leaf struct {
	measure
	means  int
	ratios [maxMeans]float64
	err    error
	panic  cpu.Panic
}

// maxMeans is how many means over different weights a loss may add.
const maxMeans = 4

// shardsOf is how many shards a batch is cut into.
func shardsOf(c *Config) (int, error) {
	ranks, n := c.Group.Ranks(), c.Shards
	if n == 0 {
		for n = ranks; n < 4; n *= 2 {
		}
	}
	if n < 0 || n%ranks != 0 || ranks > 1 && bits.OnesCount(uint(n/ranks)) != 1 {
		return 0, fmt.Errorf("train: %d shards for %d ranks: want the number of ranks times a power of two", n, ranks)
	}
	return n, nil
}

func newTeam[B any](f *fitter[B], crew *crew) (*team[B], error) {
	c := f.Config
	n, err := shardsOf(c)
	if err != nil {
		return nil, err
	}
	each := n / crew.Ranks()
	m := &team[B]{crew: crew, f: f, shards: n, lo: crew.Rank() * each, hi: (crew.Rank() + 1) * each,
		params: f.Optimizer.Params(), index: map[*tensor.Param]int{},
		leaves: make([]leaf, each), tapes: []*tensor.Tape{tensor.NewTape(0)}}
	switch s := any(f.source).(type) {
	case interface {
		EpochParts(ctx context.Context, epoch, batch, n, lo, hi int) iter.Seq2[[]B, error]
	}:
		m.batches = func(ctx context.Context, epoch, batch, lo, hi int) iter.Seq2[[]B, error] {
			return s.EpochParts(ctx, epoch, batch, n, lo, hi)
		}
	default:
		if f.o.Split == nil {
			return nil, errors.New("train: Group needs an Objective with Split, or a source with EpochParts as data.Loader is one, to give each rank its part of a batch")
		}
		m.batches = m.split
	}
	if l, ok := any(f.source).(*data.Loader); ok && f.o.Size != nil {
		m.whole = float64(l.BatchSize)
		if c.Accumulate > 1 {
			m.whole = 0
		}
	}
	m.each = m.take
	for i, p := range m.params {
		m.index[p] = i
	}
	for _, s := range nn.State(f.Model) {
		if s.Buffer != nil {
			m.buffers = append(m.buffers, s.Buffer)
		}
	}
	m.hasStats = make([]bool, len(m.buffers))
	m.complete = func(p *tensor.Param, g []float32) {
		if i, ok := m.index[p]; ok && m.at[i] >= 0 {
			m.put(len(m.leaves)-1, i, g)
			m.send()
		}
	}
	m.memory = func(p *tensor.Param) []float32 {
		if i, ok := m.index[p]; ok && m.at[i] >= 0 {
			return m.branch[0][m.at[i] : m.at[i]+p.Size()]
		}
		return nil
	}
	m.collect = m.statistics
	if c.SyncBatchNorm {
		m.joint = newJoint(crew, each)
		for k := range each {
			m.addTapes(k + 1)
			m.tapes[k].JoinStatistics(m.joint.sum[k])
			m.starts = append(m.starts, func() {
				defer m.joint.computing.Done()
				m.Part(k)
			})
		}
	}
	if s, ok := crew.Group.(SharedMemory); ok && 1 < s.Ranks() && s.Ranks() <= fewRanks {
		n := s.Ranks()
		for _, p := range m.params {
			n += p.Size() + line + s.Ranks() // where a bucket ends
		}
		for _, b := range m.buffers {
			n += len(b.Data) + 2
		}
		if m.shared, m.release, err = s.Shared(2 * (n + line)); err != nil {
			return nil, err
		}
	}
	m.layout()
	return m, nil
}

// place is a rank's, of those whose turn it is.
func (m *team[B]) place(rank int) []float32 {
	x := m.shared[rank]
	return x[m.turn*(len(x)/2&^(line-1)):][:len(m.result)]
}

// split is batches for a source that knows no parts: every rank reads all.
func (m *team[B]) split(ctx context.Context, epoch, batch, lo, hi int) iter.Seq2[[]B, error] {
	return func(yield func([]B, error) bool) {
		parts := make([]B, hi-lo)
		for b, err := range m.f.from(ctx, epoch, batch) {
			if err == nil {
				for k := range parts {
					m.f.o.Split(b, &parts[k], lo+k, m.shards)
				}
			}
			if !yield(parts, err) {
				return
			}
		}
	}
}

// layout gives the gradients of all parameters that are not frozen, and the
// statistics of all buffers, their places.
func (m *team[B]) layout() {
	ranks := m.Ranks()
	m.at, m.bucket, m.buckets = make([]int, len(m.params)), make([]int, len(m.params)), []bucket{{}}
	m.seen, m.used, m.usedAny = make([]bool, len(m.params)), make([]bool, len(m.params)), make([]bool, len(m.params))
	end := 0
	for i := len(m.params) - 1; i >= 0; i-- {
		p := m.params[i]
		if m.at[i] = -1; p.Frozen {
			continue
		}
		b := &m.buckets[len(m.buckets)-1]
		if b.params > 0 && end-b.lo+p.Size() > bucketLen && end-b.lo >= bucketLen/4 {
			end = (end + ranks - 1) / ranks * ranks
			b.hi = end
			m.buckets = append(m.buckets, bucket{lo: end})
			b = &m.buckets[len(m.buckets)-1]
		}
		end = (end + line - 1) &^ (line - 1)
		m.at[i], m.bucket[i] = end, len(m.buckets)-1
		b.params++
		end += p.Size()
	}
	m.atBuf = m.atBuf[:0]
	for _, b := range m.buffers {
		m.atBuf = append(m.atBuf, end)
		end += len(b.Data) + 2 // and how many shards had any, and the sum of momentums
	}
	end = (end + ranks - 1) / ranks * ranks
	m.buckets[len(m.buckets)-1].hi = end
	m.branch = make([][]float32, max(1, bits.Len(uint(len(m.leaves)-1))))
	for k := range m.branch {
		if k > 0 || m.shared == nil {
			m.branch[k] = make([]float32, end)
		}
	}
	if m.shared != nil {
		m.result = make([]float32, end)
		m.branch[0] = m.place(m.Rank())
	}
	m.total = nil
	if m.f.Config.Accumulate > 1 {
		m.total = make([]float32, end)
	}
	if m.shared == nil && m.exact() || m.shared != nil && ranks == 4 {
		m.recv = make([]float32, end)
	}
	m.gathers = make([]Pending, len(m.buckets))
	m.mine = make([]float32, 2*m.wordsOf(len(m.leaves)))
	m.theirs = make([]float32, len(m.mine)*ranks)
}

// exact reports whether sums over ranks are made here, in the order of the
// tree.
func (m *team[B]) exact() bool { return m.Ranks() > 2 && !m.f.Config.AnyOrder }

// deal runs the batches of an epoch, as fitter.deal does.
func (m *team[B]) deal() {
	f := m.f
	batches, each := m.batches(context.WithoutCancel(f.ctx), f.Epoch, f.StepInEpoch*f.Config.Accumulate, m.lo,
		m.hi), m.each
	f.watch.reading()
	batches(each)
}

func (m *team[B]) take(parts []B, err error) bool {
	f := m.f
	if !f.watch.arrived() {
		return false
	}
	if f.broken == nil {
		f.broken = m.use(parts, err)
	}
	more := f.broken == nil
	f.watch.reading()
	return more
}

func (m *team[B]) use(parts []B, err error) error {
	f := m.f
	if err != nil {
		return err
	}
	if f.noting && m.Rank() == 0 {
		f.note(&parts[0])
	}
	if err = m.add(parts); err != nil {
		return err
	}
	if f.group++; f.group < f.Config.Accumulate {
		return nil
	}
	f.group = 0
	if err := f.step(); err != nil {
		return err
	}
	if m.stop {
		return sharedError{fmt.Errorf("train: interrupted at step %d: %w", f.Step, context.Canceled)}
	}
	return nil
}

// add computes loss and gradients of one batch, with the other ranks.
func (m *team[B]) add(parts []B) error {
	f := m.f
	if f.group == 0 {
		f.share.begin(m.whole, true)
		clear(m.usedAny)
		for i, p := range m.params {
			if p.Frozen != (m.at[i] < 0) { // a callback has frozen or freed it
				m.layout()
				break
			}
		}
	}
	if m.shared != nil {
		m.turn = 1 - m.turn
		m.branch[0] = m.place(m.Rank())
	}
	f.Tape.Reset() // counts
	m.parts, m.sent = parts, 0
	m.next.Store(0)
	clear(m.seen)
	clear(m.used)
	for k := range m.buckets {
		m.buckets[k].waits = m.buckets[k].params
	}
	if err := m.compute(); err != nil {
		return err
	}
	for i, at := range m.at {
		if at >= 0 && !m.seen[i] {
			m.put(len(m.leaves)-1, i, nil)
		}
	}
	for m.sent < len(m.buckets) {
		m.sendNext()
	}
	part, err := m.tell()
	if err != nil {
		return err
	}
	if err := m.collectSums(); err != nil {
		return err
	}
	m.commit()
	if part.none() {
		return nil
	}
	if loss := part.value(); notFinite(loss) && !f.Config.AllowNonFinite {
		f.Loss = loss
		return sharedError{&NonFiniteError{Epoch: f.Epoch, Step: f.Step, Loss: loss}}
	}
	m.keep()
	f.stepMean.merge(part)
	return nil
}

// addTapes makes as many tapes.
func (m *team[B]) addTapes(n int) {
	for len(m.tapes) < n {
		m.tapes = append(m.tapes, tensor.NewTape(0))
	}
}

// compute runs the shards: one after the other on one processor, else several
// at a time, each on a tape of its own. With SyncBatchNorm all run at once.
func (m *team[B]) compute() error {
	last := len(m.leaves) - 1
	if m.joint != nil {
		m.joint.begin()
	}
	switch {
	case m.joint != nil && last > 0:
		m.joint.computing.Add(len(m.leaves))
		for _, start := range m.starts {
			go start()
		}
		m.joint.computing.Wait()
	case last == 0 || cpu.Workers() == 1:
		for k := range m.leaves {
			if m.run(k, m.tapes[0], k == last); m.leaves[k].err != nil {
				break
			}
		}
	default:
		m.addTapes(len(m.leaves))
		cpu.Parallel(len(m.leaves), m)
	}
	var err error
	for k := range m.leaves {
		m.leaves[k].panic.Raise()
		if failed := m.leaves[k].err; failed != nil && (err == nil || err == errLeft) {
			err = failed
		}
	}
	return err
}

// Part computes one shard; cpu.Parallel calls it on any goroutine.
func (m *team[B]) Part(k int) { m.run(k, m.tapes[k], false) }

// run computes shard k of this rank and adds its gradients. eager adds each
// gradient as soon as it is complete, while the pass goes on: for the last
// shard when all before it are done.
func (m *team[B]) run(k int, tape *tensor.Tape, eager bool) {
	f, l := m.f, &m.leaves[k]
	*l = leaf{measure: measure{empty: true}}
	added, through := false, false
	defer func() {
		v := recover()
		switch err := v.(type) {
		case *tensor.ShapeError:
			l.err = stepError(f.Step, err)
		case left:
			l.err = err.error
		default:
			l.panic = cpu.Caught(v)
		}
		if m.joint != nil && !through {
			m.joint.leave(v != nil || l.err != nil)
		}
		if !added {
			m.await(k)
			if v == nil && l.err == nil {
				if !eager {
					m.putAll(k, tensor.Grads{})
				}
				m.addStatistics(k, tensor.Grads{})
			}
		}
		m.next.Store(int64(k) + 1)
	}()
	s := uint64(m.lo + k)
	tape.Seed(f.Config.Seed+s*0x9e3779b97f4a7c15, f.Tape.Step()-1)
	tape.Reset()
	b := &m.parts[k]
	if f.o.Size != nil && f.o.Size(*b) == 0 {
		if m.joint != nil {
			l.err = tooSmall(m.shards)
		}
		return
	}
	me, err := f.o.given(b)
	if err != nil || me.empty && m.joint == nil {
		l.err = err
		return
	}
	loss := f.o.Loss(tape, *b)
	me = f.o.measured(loss, b, me)
	if f.o.Weight == nil {
		if l.err = l.weigh(tape.Means()); l.err != nil {
			return
		}
	}
	factor := me.divisor
	if m.whole != 0 {
		factor /= m.whole
	}
	switch {
	case !me.empty:
		l.measure = me
	case m.joint == nil:
		return
	default:
		factor = 0 // its samples count in the statistics alone
	}
	if eager {
		tape.OnComplete(m.complete)
		defer tape.OnComplete(nil)
	}
	if k == 0 {
		tape.GradMemory(m.memory)
		defer tape.GradMemory(nil)
	}
	seed := [1]float32{float32(factor)}
	g := loss.BackwardFrom(seed[:])
	if m.joint != nil {
		m.joint.leave(false)
		through = true
	}
	m.await(k)
	added = true
	if !eager {
		m.putAll(k, g)
	}
	if m.addStatistics(k, g); m.twice != nil {
		l.err = fmt.Errorf("train: buffer %q collects statistics twice in one pass, which Group cannot put together", m.twice.Name)
	}
}

// weigh keeps the weights of a loss of several means, for all ranks to compare.
func (l *leaf) weigh(means []tensor.Mean) error {
	if len(means) < 2 {
		return nil
	}
	all := true
	for _, mean := range means {
		all = all && alike(mean.Weight, means[0].Weight)
	}
	if all {
		return nil
	}
	if len(means) > maxMeans {
		return fmt.Errorf("train: the loss adds %d means over different weights; with Group at most %d", len(means), maxMeans)
	}
	l.means = len(means)
	for i, mean := range means {
		l.ratios[i] = mean.Weight
	}
	return nil
}

func (m *team[B]) await(k int) {
	for spins := 0; m.next.Load() != int64(k); spins++ {
		if spins > 1000 {
			runtime.Gosched()
		}
	}
}

// putAll adds all gradients of shard k.
func (m *team[B]) putAll(k int, g tensor.Grads) {
	for i, p := range m.params {
		if m.at[i] >= 0 {
			m.put(k, i, g.OfHint(p, i))
		}
	}
}

// put adds the gradient of parameter i of shard k to its branch; nil is none,
// which is zeros.
func (m *team[B]) put(k, i int, g []float32) {
	if k == len(m.leaves)-1 {
		if m.seen[i] {
			return
		}
		m.seen[i] = true
		m.buckets[m.bucket[i]].waits--
	}
	if g != nil {
		m.used[i] = true
	}
	m.grow(k, m.at[i], m.at[i]+m.params[i].Size(), g)
}

// grow adds leaf k to the branches, of which there is one for every 1 in the
// binary digits of k: two of a size are put together.
func (m *team[B]) grow(k, lo, hi int, g []float32) {
	top := bits.OnesCount(uint(k))
	joins := bits.TrailingZeros(uint(k + 1))
	if k == len(m.leaves)-1 {
		joins = top // what is left, the smallest first
	}
	if joins == 0 {
		to := m.branch[top][lo:hi]
		switch {
		case len(g) > 0 && len(to) > 0 && &g[0] == &to[0]: // computed in its place
		case g != nil:
			copy(to, g)
		default:
			clear(to)
		}
		return
	}
	to := m.branch[top-1][lo:hi]
	if g != nil {
		elementwise.Add(to, to, g)
	} else {
		elementwise.AddScalar(to, to, 0) // which makes +0 of −0, as the sum of two branches does
	}
	for j := top - 2; j >= top-joins; j-- {
		from := m.branch[j+1][lo:hi]
		to := m.branch[j][lo:hi]
		elementwise.Add(to, to, from)
	}
}

// sums is where the branch of all shards is.
func (m *team[B]) sums() []float32 {
	if m.shared != nil {
		return m.result
	}
	return m.branch[0]
}

// send begins to send what is complete, always in the same order.
func (m *team[B]) send() {
	for m.sent < len(m.buckets)-1 && m.buckets[m.sent].waits == 0 {
		m.sendNext() // but the last, which holds the statistics
	}
	for k := range m.sent {
		if p := m.buckets[k].pending; p != nil && !p.Done() {
			return
		}
	}
}

func (m *team[B]) sendNext() {
	b := &m.buckets[m.sent]
	m.sent++
	x := m.branch[0][b.lo:b.hi]
	switch {
	case m.Ranks() == 1 || len(x) == 0 || m.shared != nil:
	case m.exact():
		b.pending = m.AllToAll(m.recv[b.lo:b.hi], x)
	default:
		b.pending = m.AllReduce(x)
	}
}

// collectSums waits for the sums over all ranks.
func (m *team[B]) collectSums() error {
	if m.shared != nil {
		m.addShared()
		return nil
	}
	ranks := m.Ranks()
	for k := range m.buckets {
		b := &m.buckets[k]
		if m.gathers[k] = nil; b.pending == nil {
			continue
		}
		err := b.pending.Wait()
		b.pending = nil
		if err != nil {
			return err
		}
		if !m.exact() {
			continue
		}
		n := (b.hi - b.lo) / ranks
		part := func(r int) []float32 { return m.recv[b.lo+r*n : b.lo+(r+1)*n] }
		for step := 1; step < ranks; step *= 2 {
			for r := 0; r+step < ranks; r += 2 * step {
				elementwise.Add(part(r), part(r), part(r+step))
			}
		}
		m.gathers[k] = m.AllGather(m.sums()[b.lo:b.hi], part(0))
	}
	for _, p := range m.gathers {
		if p == nil {
			continue
		}
		if err := p.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// addShared adds up the branches of all ranks, in the tree.
func (m *team[B]) addShared() {
	elementwise.Add(m.result, m.place(0), m.place(1))
	switch m.Ranks() {
	case 3:
		elementwise.Add(m.result, m.result, m.place(2))
	case 4:
		elementwise.Add(m.recv, m.place(2), m.place(3))
		elementwise.Add(m.result, m.result, m.recv)
	}
}

const perLeaf = 5 + maxMeans

// wordsOf is how many numbers are told of that many shards.
func (m *team[B]) wordsOf(leaves int) int {
	return 1 + perLeaf*leaves + (len(m.params)+31)/32
}

// tell exchanges what makes the loss of the batch, and which parameters had a
// gradient.
func (m *team[B]) tell() (part mean, err error) {
	at := 0
	put := func(v float64) {
		putFloat(m.mine[2*at:], v)
		at++
	}
	flag := func(on bool) {
		v := 0.0
		if on {
			v = 1
		}
		put(v)
	}
	flag(m.f.ctx.Err() != nil)
	for k := range m.leaves {
		l := &m.leaves[k]
		put(l.loss)
		put(l.weight)
		put(l.divisor)
		flag(l.empty)
		put(float64(l.means))
		for _, v := range l.ratios {
			put(v)
		}
	}
	for lo := 0; lo < len(m.used); lo += 32 {
		word := uint32(0)
		for i, on := range m.used[lo:min(lo+32, len(m.used))] {
			if on {
				word |= 1 << i
			}
		}
		put(float64(word))
	}
	if err := m.AllGather(m.theirs, m.mine).Wait(); err != nil {
		return part, err
	}
	m.stop = false
	f := m.f
	for r := range m.Ranks() {
		x := m.theirs[r*len(m.mine):]
		get := func() float64 {
			v := getFloat(x)
			x = x[2:]
			return v
		}
		stop := get() != 0
		m.stop = m.stop || stop
		for range m.leaves {
			var l leaf
			l.loss, l.weight, l.divisor = get(), get(), get()
			l.empty, l.means = get() != 0, int(get())
			var means [maxMeans]tensor.Mean
			for i := range means {
				means[i].Weight = get()
			}
			if l.empty {
				continue
			}
			if err := f.share.same(means[:l.means]); err != nil {
				return part, sharedError{err}
			}
			f.share.of(l.measure, 0)
			part.add(l.measure)
		}
		for lo := 0; lo < len(m.used); lo += 32 {
			word := uint32(get())
			for i := range m.used[lo:min(lo+32, len(m.used))] {
				if word&(1<<i) != 0 {
					m.used[lo+i], m.usedAny[lo+i] = true, true
				}
			}
		}
	}
	return part, nil
}

// keep puts the sums where the optimizer finds them.
func (m *team[B]) keep() {
	from := m.sums()
	if m.total != nil {
		if m.f.stepMean.none() {
			copy(m.total, from)
		} else {
			elementwise.Add(m.total, m.total, from)
		}
		from = m.total
	}
	for i, at := range m.at {
		if at >= 0 && m.usedAny[i] {
			m.f.sum.Set(m.params[i], from[at:at+m.params[i].Size()])
		}
	}
}

// addStatistics adds what the pass of shard k has collected for buffers.
func (m *team[B]) addStatistics(k int, g tensor.Grads) {
	if len(m.buffers) == 0 {
		return
	}
	clear(m.hasStats)
	m.shard, m.twice = k, nil
	g.Collected(m.collect)
	for i, b := range m.buffers {
		if !m.hasStats[i] {
			m.grow(k, m.atBuf[i], m.atBuf[i]+len(b.Data)+2, nil)
		}
	}
}

func (m *team[B]) statistics(b *tensor.Buffer, value []float32, momentum float32) {
	i := slices.Index(m.buffers, b)
	if i < 0 {
		return
	}
	if m.hasStats[i] {
		m.twice = b
		return
	}
	m.hasStats[i] = true
	m.stats = append(append(m.stats[:0], value...), 1, momentum)
	m.grow(m.shard, m.atBuf[i], m.atBuf[i]+len(m.stats), m.stats)
}

// commit moves the buffers to the mean of the shards' statistics, on all ranks
// alike.
func (m *team[B]) commit() {
	sums := m.sums()
	for i, b := range m.buffers {
		n := len(b.Data)
		x := sums[m.atBuf[i]:]
		count, momentum := x[n], x[n+1]/x[n]
		if count == 0 {
			continue
		}
		for k, v := range x[:n] {
			b.Data[k] += momentum * (v/count - b.Data[k])
		}
		b.Count++
	}
}

func notFinite(v float64) bool { return v != v || v-v != 0 }
