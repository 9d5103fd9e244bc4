package tensor

import "fmt"

// A Tape records the operations of one step, owns the memory of their results
// and runs them backwards. It serves one goroutine at a time; goroutines that
// work at the same time use a tape each.
type Tape struct {
	nodes   []node
	floats  arena[float32]
	ints    arena[int32]
	doubles arena[float64]
	lists   arena[Tensor]
	loans   []any                     // what operations keep: a *loans for each kind
	lent    []interface{ takeBack() } // those in use
	places  []int32                   // by row: see number; zeros between its uses
	lapack  []int                     // see indices

	// The parameters used since Reset, in the order of their first use, and
	// where. Networks use them in the same order every step, so the guess
	// "the one that came next last time" is nearly always right and spares a
	// map.
	used  []use
	guess int
	seen  map[*Param]int32
	live  int // how many of used are of this step

	first int // of the nodes that were computed late, see Scope

	pending []pending
	groups  []group
	means   []Mean // see RecordMean
	samples sampleWork

	gen      uint32 // counts Resets; part of every Tensor, to catch stale ones
	walked   bool   // Backward has been called since Reset
	waiting  bool   // and has left gradients as rows or factors, see Grads.Wait
	training bool
	noGrad   bool
	frozen   bool // all parameters are

	seed uint64
	step uint64
	op   uint64

	complete func(p *Param, g []float32) // see OnComplete
	memory   func(p *Param) []float32    // see GradMemory
	join     func(x []float64)           // see JoinStatistics
}

type use struct {
	p   *Param
	i   int32  // node index, valid if gen is the tape's
	y   int32  // of what Use gives: i, or what a change makes of it
	gen uint32 // generation of that index
}

// pending is an update of a layer's buffer that waits for the end of the step.
type pending struct {
	buf      *Buffer
	value    []float32
	momentum float32
}

// node is one entry of the record: a value and how it came about.
type node struct {
	back  func(*Tape, *node) // nil: a leaf
	op    string
	data  []float32
	grad  []float32 // nil until a gradient has flowed in
	param *Param
	fill  func(*Tape, *node) // computes data, which wait for their first reader; nil: they are there
	kept  any                // a pointer to what the operation keeps for its way back: see keeper

	shape
	in   [4]int32 // operands; unused ones are -1
	more []int32  // the operands beyond four

	needs  bool // a gradient is wanted here
	keep   bool // and is to be readable after Backward
	stays  bool // its gradient is readable as the backward function leaves it
	picked bool // elements were picked by ids
	over   bool // its Scope has ended
}

// NewTape makes an empty tape in training mode. Everything random on it
// (dropout masks) follows from the seed; the same seed gives the same numbers.
func NewTape(seed uint64) *Tape {
	return &Tape{seed: seed, training: true, seen: map[*Param]int32{}, loans: make([]any, kinds)}
}

// NewEvalTape makes a tape for prediction: not in training mode, and without
// gradients.
func NewEvalTape() *Tape {
	t := NewTape(0)
	t.training, t.noGrad = false, true
	return t
}

// Training reports whether layers behave as in training (dropout drops, batch
// normalisation uses the batch). It is independent of whether gradients are
// recorded.
func (t *Tape) Training() bool { return t.training }

// SetTraining sets what [Tape.Training] reports.
func (t *Tape) SetTraining(on bool) { t.training = on }

// RecordsGrad reports whether gradients of parameters and variables are
// recorded.
func (t *Tape) RecordsGrad() bool { return !t.noGrad }

// SetRecordGrad switches the recording of gradients. Without it Backward has
// nothing to do, and less memory is saved on the way.
func (t *Tape) SetRecordGrad(on bool) { t.noGrad = !on }

// FreezeParams uses all parameters as if they were Frozen: only variables get
// gradients, and Backward does not compute those of weights, about half of its
// work. It holds for parameters used from then on.
func (t *Tape) FreezeParams(on bool) { t.frozen = on }

// Seed sets the random stream: the seed and the number of the step. Resuming
// from a checkpoint at step k calls Seed(seed, k).
func (t *Tape) Seed(seed, step uint64) { t.seed, t.step, t.op = seed, step, 0 }

// Step is the number of Resets since the seed was set.
func (t *Tape) Step() uint64 { return t.step }

// Rand gives the key of one random operation: the seed, the step and the
// operation's number in it. An element's random number is a function of this
// key and its index alone, so it depends neither on the order in which
// elements are computed nor on the number of workers.
func (t *Tape) Rand() (seed, step, op uint64) {
	t.op++
	return t.seed, t.step, t.op
}

// spareUses is how many parameters a tape remembers beside those of a step:
// several models may take turns on it.
const spareUses = 1 << 10

// Reset ends the step. All tensors and gradients of the tape become invalid,
// and their memory is used again.
func (t *Tape) Reset() {
	clear(t.nodes) // lets go of parameters and of memory that is not ours
	t.nodes = t.nodes[:0]
	t.floats.reset()
	t.ints.reset()
	t.doubles.reset()
	t.lists.reset()
	for _, l := range t.lent {
		l.takeBack()
	}
	t.lent = t.lent[:0]
	if len(t.used) > 2*t.live+spareUses { // models that are gone, or parameters made anew each step
		clear(t.used)
		clear(t.seen)
		t.used = t.used[:0]
	}
	t.guess, t.live = 0, 0
	if len(t.pending) > 0 {
		clear(t.pending)
		t.pending = t.pending[:0]
	}
	if len(t.groups) > 0 {
		clear(t.groups)
		t.groups = t.groups[:0]
	}
	t.means = t.means[:0]
	t.walked, t.waiting, t.first = false, false, 0
	t.gen++
	t.step++
	t.op = 0
}

// Memory is the number of bytes that the tape holds for values and gradients.
func (t *Tape) Memory() int { return 4*(t.floats.held+t.ints.held) + 8*t.doubles.held }

// Len is the number of operations and operands recorded since Reset.
func (t *Tape) Len() int { return len(t.nodes) }

// Input puts data on the tape as a tensor that gets no gradient. The data are
// not copied and must not change until Reset. It panics with a [*ShapeError]
// when the dimensions do not multiply to len(x).
func (t *Tape) Input(x []float32, dims ...int) Tensor { return t.leaf("Input", x, dims) }

// Variable puts data on the tape as a tensor whose gradient is wanted: see
// [Grads.Wrt]. The data are not copied.
func (t *Tape) Variable(x []float32, dims ...int) Tensor {
	v := t.leaf("Variable", x, dims)
	n := &t.nodes[v.i]
	n.needs, n.keep = !t.noGrad, true
	return v
}

// Scalar puts one number on the tape, as a tensor of rank 0 without gradient.
func (t *Tape) Scalar(v float32) Tensor {
	s := t.floats.take(1)
	s[0] = v
	return t.leaf("Scalar", s, nil)
}

// Full makes a tensor whose elements are all v, without gradient.
func (t *Tape) Full(v float32, dims ...int) Tensor {
	s := makeShape("Full", dims)
	x := t.floats.take(s.size())
	for i := range x {
		x[i] = v
	}
	return t.leaf("Full", x, dims)
}

// Scratch returns n zeros that live until Reset, for layers and custom
// operations that need working memory.
func (t *Tape) Scratch(n int) []float32 { return t.floats.zeroed(n) }

// ScratchInts is Scratch for int32.
func (t *Tape) ScratchInts(n int) []int32 { return t.ints.zeroed(n) }

func (t *Tape) leaf(op string, x []float32, dims []int) Tensor {
	y, n := t.push(op)
	n.data = x
	if size := n.shape.set(op, dims); size != len(x) {
		panic(&ShapeError{Op: op, Shapes: cloneShapes(dims), Why: lengthWhy(len(x), size)})
	}
	return y
}

func lengthWhy(got, want int) string {
	return fmt.Sprintf("%d elements given, the dimensions ask for %d", got, want)
}

// Use puts a parameter on the tape. Calls for the same parameter in one step
// give the same tensor. A parameter with a [Norm] or a [LowRank] change comes
// with it.
func (t *Tape) Use(p *Param) Tensor {
	if p == nil {
		panic("tensor: Use of a nil parameter; was the layer made by its constructor?")
	}
	if t.guess < len(t.used) && t.used[t.guess].p == p {
		u := &t.used[t.guess]
		t.guess++
		if u.gen == t.gen+1 {
			return Tensor{t, u.y, t.gen}
		}
		return t.usefirst(p, u)
	}
	// Not the expected one: look it up.
	if k, ok := t.seen[p]; ok {
		u := &t.used[k]
		if u.gen == t.gen+1 {
			return Tensor{t, u.y, t.gen}
		}
		t.guess = int(k) + 1
		return t.usefirst(p, u)
	}
	t.seen[p] = int32(len(t.used))
	t.used = append(t.used, use{p: p})
	t.guess = len(t.used)
	return t.usefirst(p, &t.used[len(t.used)-1])
}

// usefirst records p's first use of the step. Generations are stored plus
// one, so that the zero use is never current.
func (t *Tape) usefirst(p *Param, u *use) Tensor {
	if size := p.dims.size(); size != len(p.Data) {
		panic(&ShapeError{Op: "Use", Shapes: cloneShapes(p.Dims()), Param: p.Name,
			Why: lengthWhy(len(p.Data), size) + "; NewParam and ParamOf make parameters"})
	}
	y, n := t.push("Param")
	n.data, n.shape, n.param = p.Data, p.dims, p
	n.needs = !t.noGrad && !t.frozen && !p.Frozen
	n.keep = true
	u.i, u.y, u.gen = y.i, y.i, t.gen+1
	t.live++
	if p.Norm != nil || p.LowRank != nil {
		if p.Norm != nil {
			y = p.Norm.normalised(t, p, y)
		}
		if p.LowRank != nil {
			y = t.changed(p, y)
		}
		t.used[t.seen[p]].y = y.i // used may have grown
	}
	return y
}

// find gives the node of a parameter used in this step, or nil.
func (t *Tape) find(p *Param, hint int) *node {
	if hint < len(t.used) && t.used[hint].p == p {
		if u := &t.used[hint]; u.gen == t.gen+1 {
			return &t.nodes[u.i]
		}
		return nil
	}
	if k, ok := t.seen[p]; ok && t.used[k].gen == t.gen+1 {
		return &t.nodes[t.used[k].i]
	}
	return nil
}

// push appends an empty node. The pointer is valid until the next push.
func (t *Tape) push(op string) (Tensor, *node) {
	if len(t.nodes) < cap(t.nodes) {
		t.nodes = t.nodes[:len(t.nodes)+1] // Reset left it zero
	} else {
		t.nodes = append(t.nodes, node{})
	}
	i := len(t.nodes) - 1
	n := &t.nodes[i]
	n.op = op
	n.in = [4]int32{-1, -1, -1, -1}
	return Tensor{t, int32(i), t.gen}, n
}

// CollectBuffer asks for buf to become (1−momentum)·buf + momentum·value when
// the step is committed (see [Grads.Commit]). The value must live until
// Reset; [Tape.Scratch] memory does.
func (t *Tape) CollectBuffer(buf *Buffer, value []float32, momentum float32) {
	if len(value) != len(buf.Data) {
		panic(fmt.Sprintf("tensor: CollectBuffer of %d values into buffer %q of %d", len(value), buf.Name, len(buf.Data)))
	}
	t.pending = append(t.pending, pending{buf, value, momentum})
}
