package int8

import (
	"fmt"
	"math"
	"sync/atomic"

	"descent/mlkit/internal/kernel/cpu"
)

// A Product multiplies rows of activations by weights, and makes bytes or
// floats of the sums:
//
//	x = (Σ a·w − Minus)·Scale + Bias, or 0 if that is larger and ReLU is set
//
// A byte is x, rounded half to even, plus Zero: Scale and Bias are then in the
// steps of the result.
//
// The rows are Images × Lines × Width, a Linear layer's 1 × 1 × batch.
type Product struct {
	W                    *Weights
	Images, Lines, Width int
	// The first piece of a row begins at image·ImageStep + line·LineStep +
	// row·RowStep; its pieces are Apart from each other. All in bytes.
	ImageStep, LineStep, RowStep, Apart int

	// For each of W.Padded columns.
	Minus       []int32
	Scale, Bias []float32
	ReLU        bool

	// Where the results of a row begin, like the steps of the activations.
	YImageStep, YLineStep, YRowStep int
	// Room is how many elements may be written from there on, W.N or more: with
	// W.Padded nothing needs to be copied.
	Room int

	Zero uint8 // of the results that are bytes

	// Act, unless it is nil, is applied to x in float32 before it becomes a
	// byte, round(Act(x)·Inverse) + Zero: Scale and Bias are then not in steps.
	// It writes what it makes of the second slice to the first, which is the
	// same.
	Act     func(dst, x []float32)
	Inverse float32

	// Pool leaves the largest of each two by two rows: those of neighbouring
	// lines, of which there must be an even number, and neighbours in them; a
	// last row without a neighbour is left out. The lines and rows of the
	// results are half as many. Scales must not be negative.
	Pool bool
}

const (
	blockRows   = 48 // of blockPanels, what a kernel does at once: its sums fit the first-level cache
	blockPanels = 4
	serialWork  = 1 << 19 // products up to which one core is used
	partWork    = 1 << 18 // products that make a part
)

// scratch is the memory of a block.
type scratch struct {
	sums   [blockRows * blockPanels * Columns]int32
	floats [blockRows * blockPanels * Columns]float32
	bytes  [blockRows * blockPanels * Columns]uint8
	wide   []int16
}

var scratches cpu.FreeList[scratch]

type job struct {
	p      Product
	a      []uint8
	bytes  []uint8
	floats []float32
	grain  int // blocks in a part
	across int // blocks in a line
	size   int // rows of a block
	quads  int
}

// lines and width are those of the results.
func (p *Product) lines() int { return p.Lines / p.pooled() }
func (p *Product) width() int { return p.Width / p.pooled() }

func (p *Product) pooled() int {
	if p.Pool {
		return 2
	}
	return 1
}

var jobs cpu.FreeList[job]

// Bytes computes y from a, with [Slack] bytes behind its last row. It panics
// where one of them is too short.
func (p *Product) Bytes(y, a []uint8) { p.run(y, nil, a) }

// Floats computes y from a, as Bytes does.
func (p *Product) Floats(y []float32, a []uint8) { p.run(nil, y, a) }

func (p *Product) run(bytes []uint8, floats []float32, a []uint8) {
	p.check(len(bytes)+len(floats), len(a))
	if p.Images*p.lines()*p.width() == 0 {
		return
	}
	j := jobs.Get()
	*j = job{p: *p, a: a, bytes: bytes, floats: floats}
	panels := p.W.Padded() / Columns
	most := blockRows * blockPanels / min(panels, blockPanels) / p.pooled() / p.pooled()
	j.across, j.quads = (p.width()+most-1)/most, (panels+blockPanels-1)/blockPanels
	j.size = (p.width() + j.across - 1) / j.across // the blocks of a line are about equal
	blocks := p.Images * p.lines() * j.across * j.quads
	k := 4 * p.W.Segments * p.W.groups
	j.grain = max(1, partWork/(j.size*p.pooled()*p.pooled()*min(panels, blockPanels)*Columns*k))
	if p.Images*p.Lines*p.Width*p.W.Padded()*k <= serialWork {
		j.grain = blocks
	}
	cpu.Parallel((blocks+j.grain-1)/j.grain, j)
	*j = job{}
	jobs.Put(j)
}

// check panics if the slices are too short for the sizes.
func (p *Product) check(y, a int) {
	n := p.W.Padded()
	if len(p.Minus) < n || len(p.Scale) < n || len(p.Bias) < n {
		panic(fmt.Sprintf("kernel: int8: %d, %d and %d numbers for %d columns", len(p.Minus), len(p.Scale), len(p.Bias), n))
	}
	if min(p.Images, p.Lines, p.Width, p.ImageStep, p.LineStep, p.RowStep, p.Apart, p.YImageStep, p.YLineStep,
		p.YRowStep) < 0 || p.Room < p.W.N {
		panic(fmt.Sprintf("kernel: int8: negative sizes, or room for %d of %d columns: %+v", p.Room, p.W.N, *p))
	}
	if p.Images*p.Lines*p.Width == 0 {
		return
	}
	last := func(image, line, row int) int { return (p.Images-1)*image + (p.Lines-1)*line + (p.Width-1)*row }
	cpu.NeedSize("int8's activations", a, last(p.ImageStep, p.LineStep, p.RowStep)+(p.W.Segments-1)*p.Apart+4*p.W.groups)
	if rows := p.Images * p.lines() * p.width(); rows > 0 {
		cpu.NeedSize("int8's result", y, (p.Images-1)*p.YImageStep+(p.lines()-1)*p.YLineStep+(p.width()-1)*p.YRowStep+min(p.Room, n))
	}
}

// Part implements cpu.Task.
func (j *job) Part(part int) {
	s := scratches.Get()
	blocks := j.p.Images * j.p.lines() * j.across * j.quads
	for i := part * j.grain; i < min((part+1)*j.grain, blocks); i++ {
		j.block(s, i)
	}
	scratches.Put(s)
}

// block computes block i: of a line of rows, and up to four panels.
func (j *job) block(s *scratch, i int) {
	p, w := &j.p, j.p.W
	i, quad := i/j.quads, i%j.quads
	i, at := i/j.across, i%j.across
	image, line := i/p.lines(), i%p.lines()
	row := at * j.size
	rows := min(j.size, p.width()-row)
	if rows <= 0 {
		return
	}
	first := quad * blockPanels
	panels := min(blockPanels, w.Padded()/Columns-first)
	col, cols := first*Columns, panels*Columns
	pooled := p.pooled()
	t := tiles{
		lda: p.RowStep, b: w.panels[first*w.panel():], ldb: w.panel(), segs: w.Segments, groups: w.groups,
		panels: panels,
		c:      s.sums[:], ldc: cols, rows: rows * pooled,
	}
	for k := range pooled {
		t.a, t.apart = j.a[image*p.ImageStep+(line*pooled+k)*p.LineStep+row*pooled*p.RowStep:], p.Apart
		if widens() {
			t.widen(s)
		}
		sums(&t)
		t.c = t.c[t.rows*cols:]
	}
	if p.Pool {
		largest(s.sums[:], rows, cols, t.rows*cols)
	}
	f := finish{
		c: s.sums[:], rows: rows, cols: cols, ldc: cols,
		minus: p.Minus[col:], scale: p.Scale[col:], bias: p.Bias[col:],
	}
	y := image*p.YImageStep + line*p.YLineStep + row*p.YRowStep + col
	direct := col+cols <= p.Room
	keep := min(cols, w.N-col)
	f.ldy = cols
	if direct {
		f.ldy = p.YRowStep
	}
	if j.floats != nil {
		if f.floats = s.floats[:]; direct {
			f.floats = j.floats[y:]
		}
		if f.low = float32(math.Inf(-1)); p.ReLU {
			f.low = 0
		}
		toFloats(&f)
		if !direct {
			for r := range rows {
				copy(j.floats[y+r*p.YRowStep:][:keep], s.floats[r*cols:])
			}
		}
		return
	}
	if p.Act != nil {
		j.activated(s, &f, y, keep, direct)
		return
	}
	f.zero = int32(p.Zero)
	f.low, f.high = -float32(p.Zero), 255-float32(p.Zero)
	if p.ReLU {
		f.low = 0
	}
	if f.bytes = s.bytes[:]; direct {
		f.bytes = j.bytes[y:]
	}
	toBytes(&f)
	if !direct {
		for r := range rows {
			copy(j.bytes[y+r*p.YRowStep:][:keep], s.bytes[r*cols:])
		}
	}
}

// activated makes bytes of what Act makes of floats.
func (j *job) activated(s *scratch, f *finish, y, keep int, direct bool) {
	p := &j.p
	f.ldy, f.floats, f.low = f.cols, s.floats[:], float32(math.Inf(-1))
	if p.ReLU {
		f.low = 0
	}
	toFloats(f)
	n := f.rows * f.cols
	p.Act(s.floats[:n], s.floats[:n])
	low, high := -float32(p.Zero), 255-float32(p.Zero)
	if !direct {
		quantizeBlocks(s.bytes[:n], s.floats[:n], p.Inverse, low, high, int32(p.Zero))
	}
	for r := range f.rows {
		if direct {
			quantizeBlocks(j.bytes[y+r*p.YRowStep:][:f.cols], s.floats[r*f.cols:][:f.cols], p.Inverse, low, high,
				int32(p.Zero))
		} else {
			copy(j.bytes[y+r*p.YRowStep:][:keep], s.bytes[r*f.cols:])
		}
	}
}

// widen makes words of the activations of t, piece by piece.
func (t *tiles) widen(s *scratch) {
	span := (t.rows-1)*t.lda + 4*t.groups
	if n := t.segs * span; cap(s.wide) < n {
		s.wide = make([]int16, n+n/4)
	}
	t.wide = s.wide[:t.segs*span]
	whole := span &^ (Columns - 1)
	for k := range t.segs {
		dst, src := t.wide[k*span:(k+1)*span], t.a[k*t.apart:][:span]
		if whole > 0 {
			widenBlocks(dst[:whole], src[:whole])
		}
		widenBlocksGo(dst[whole:], src[whole:])
	}
	t.apart = span
}

// quantizing is Quantize in parts.
type quantizing struct {
	dst     []uint8
	src     []float32
	inverse float32
	zero    uint8
	bad     atomic.Bool
}

var quantizings cpu.FreeList[quantizing]

// Quantize makes bytes of floats, round(x·inverse) + zero within 0 to 255, and
// reports whether none of them is NaN, which becomes 0. The lengths must agree.
func Quantize(dst []uint8, src []float32, inverse float32, zero uint8) (ok bool) {
	cpu.CheckLen("Quantize", "src", len(dst), len(src))
	q := quantizings.Get()
	q.dst, q.src, q.inverse, q.zero = dst, src, inverse, zero
	cpu.Parallel((len(src)+cpu.Grain-1)/cpu.Grain, q)
	ok = !q.bad.Load()
	q.dst, q.src = nil, nil
	q.bad.Store(false)
	quantizings.Put(q)
	return ok
}

// Part implements cpu.Task.
func (q *quantizing) Part(i int) {
	lo, hi := i*cpu.Grain, min((i+1)*cpu.Grain, len(q.src))
	dst, src := q.dst[lo:hi], q.src[lo:hi]
	low, high := -float32(q.zero), 255-float32(q.zero)
	whole := len(src) &^ (Columns - 1)
	ok := true
	if whole > 0 {
		ok = quantizeBlocks(dst[:whole], src[:whole], q.inverse, low, high, int32(q.zero))
	}
	if !quantizeBlocksGo(dst[whole:], src[whole:], q.inverse, low, high, int32(q.zero)) || !ok {
		q.bad.Store(true)
	}
}

// Extent returns the bounds of x and 0, and whether none of x is NaN.
func Extent(x []float32) (lo, hi float32, ok bool) {
	var bounds [2]float32
	whole := len(x) &^ (Columns - 1)
	ok = true
	if whole > 0 {
		ok = extentBlocks(x[:whole], &bounds)
	}
	ok = extentBlocksGo(x[whole:], &bounds) && ok
	return bounds[0], bounds[1], ok
}

// Larger raises each of dst to that of src. The lengths must agree.
func Larger(dst, src []uint8) {
	cpu.CheckLen("Larger", "src", len(dst), len(src))
	whole := len(src) &^ (Columns - 1)
	if whole > 0 {
		largerBlocks(dst[:whole], src[:whole])
	}
	largerBlocksGo(dst[whole:], src[whole:])
}
