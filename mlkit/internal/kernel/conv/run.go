package conv

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// A convolution is a product of matrices for each image and group: of the
// weights, OutC/Groups × taps, with the columns, taps × pixels, where a tap is
// a channel and a place in the window, and column p holds what the window sees
// at output pixel p. The columns are made for some rows of the output at a
// time, small enough for the second-level cache.
const (
	colFloats    = 1 << 16 // about the largest matrix of columns
	convParts    = 16      // work is cut into at least so many parts if it can be
	maxRunFloats = 1 << 22 // bounds the memory for the sums of runs
	maxUnits     = 256     // a part is several units where there are more
	wideRows     = 128     // pixels of a part from which its product is wide enough
	fewFilters   = 24      // a multiple of the rows of a tile, at every level
	serialWork   = 1 << 17 // products up to which one core is used
)

// convJob is one direction of a convolution, cut into units: an image (or run
// of images), a group, and a cut of the rows or input planes.
type convJob struct {
	Conv
	part          func(j *convJob, s *cpu.Workspace, outer, group, cut int)
	y, x, w, bias []float32
	act           gemm.Activation
	norm          *rowwise.Norm // see Conv.ForwardNorm
	accumulate    bool
	rows          int // of the output, made at a time
	planes        int // of a group's input, in a cut
	cuts          int
	some          int    // filters of a cut; 0: cuts are of rows, and have all
	at            []int  // where what a window sees lies, see window.go; nil: columns are made
	arg           []byte // y is pooled: see Conv.ForwardPool
	runs          int
	sums          []float32 // of each run: for each group, taps × OutC/Groups
	units, each   int       // units in all and in a part
}

var convJobs cpu.FreeList[convJob]

// taps returns the length of a filter.
func (c *Conv) taps() int { return c.C / c.Groups * c.KH * c.KW }

// pixels returns the size of an output plane.
func (c *Conv) pixels() int { return c.OutH() * c.OutW() }

// direct reports whether the columns are the image itself.
func (c *Conv) direct() bool {
	return c.KH == 1 && c.KW == 1 && c.StrideH == 1 && c.StrideW == 1 && c.PadH == 0 && c.PadW == 0 && c.even()
}

// cutRows cuts the rows of the output.
func (j *convJob) cutRows() { j.cutRowsFor(convParts) }

// cutRowsFor is cutRows for at least so many parts if it can be.
func (j *convJob) cutRowsFor(parts int) {
	out := max(j.OutH(), 1)
	j.rows = min(out, max(1, colFloats/max(1, j.taps()*j.OutW())))
	if units := j.N * j.Groups; units > 0 && units < parts {
		want := (parts + units - 1) / units
		j.rows = min(j.rows, (out+want-1)/want)
	}
	j.cuts = (out + j.rows - 1) / j.rows
}

// cutFilters cuts the filters of a convolution of single pixels in place of its
// rows where the parts of rows would make narrow products, each of which would
// read all filters.
func (j *convJob) cutFilters() {
	per, pixels := j.OutC/j.Groups, j.pixels()
	if !j.direct() || j.cuts == 1 || j.rows*j.OutW() >= wideRows || pixels > colFloats/16 {
		return
	}
	want := (convParts + j.N*j.Groups - 1) / (j.N * j.Groups)
	j.some = (per + want - 1) / want
	j.some = (j.some + fewFilters - 1) / fewFilters * fewFilters
	j.rows, j.cuts = j.OutH(), (per+j.some-1)/j.some
}

// cutPlanes cuts the input planes of a group, if there are fewer than
// convParts pairs of outer and group.
func (j *convJob) cutPlanes(outer int) {
	j.cutRows()
	per := j.C / j.Groups
	j.planes = per
	if units := outer * j.Groups; units > 0 && units < convParts {
		want := (convParts + units - 1) / units
		j.planes = (per + want - 1) / want
	}
	j.cuts = (per + j.planes - 1) / j.planes
}

// run does all units.
func (j *convJob) run(units int) {
	if units == 0 {
		return
	}
	s := convJobs.Get()
	*s = *j
	s.units = units
	s.each = (units + maxUnits - 1) / maxUnits
	switch work := j.N * j.OutC * j.taps() * j.pixels(); {
	case work < serialWork:
		s.each = units
	case work < gemm.SerialWork:
		s.each = (units + 7) / 8
	}
	cpu.Parallel((units+s.each-1)/s.each, s)
	*s = convJob{}
	convJobs.Put(s)
}

func (j *convJob) Part(i int) {
	s := cpu.GetWorkspace()
	for u := i * j.each; u < min((i+1)*j.each, j.units); u++ {
		j.part(j, s, u/j.cuts/j.Groups, u/j.cuts%j.Groups, u%j.cuts)
	}
	s.Release()
}

// image returns the planes of a group in image n of x; filters and outputs
// return its weights and its planes in image n of y.
func (j *convJob) image(n, group int) []float32 {
	per := j.C / j.Groups
	return j.x[(n*j.C+group*per)*j.H*j.W:][:per*j.H*j.W]
}

func (j *convJob) filters(group int) []float32 {
	n := j.OutC / j.Groups * j.taps()
	return j.w[group*n:][:n]
}

func (j *convJob) outputs(n, group int) []float32 {
	per, pixels := j.OutC/j.Groups, j.pixels()
	return j.y[(n*j.OutC+group*per)*pixels:][:per*pixels]
}

func convForward(j *convJob, s *cpu.Workspace, n, group, cut int) {
	per, ow := j.OutC/j.Groups, j.OutW()
	first, lo := cut*j.rows, 0
	if j.some > 0 {
		first, lo = 0, cut*j.some
		per = min(j.some, per-lo)
	}
	last := min(first+j.rows, j.OutH())
	if first >= last || ow == 0 {
		return
	}
	g := gemm.Gemm{M: per, N: (last - first) * ow, K: j.taps(), LDA: j.taps(), LDC: j.pixels(),
		Accumulate: j.accumulate, Act: j.act, Alpha: 1}
	if j.bias != nil {
		g.BiasRows = j.bias[group*(j.OutC/j.Groups)+lo:][:per]
	}
	var col []float32
	col, g.LDB = j.columns(s, j.image(n, group), 0, j.C/j.Groups, first, last)
	y := j.outputs(n, group)[lo*g.LDC+first*ow:]
	g.Block(y, j.filters(group)[lo*g.LDA:], col, 0, g.M, 0, g.N)
	for o := range per {
		normalise(j.norm, group*(j.OutC/j.Groups)+lo+o, y[o*g.LDC:][:g.N])
	}
}

func convBackwardData(j *convJob, s *cpu.Workspace, n, group, cut int) {
	window, ow, pixels := j.KH*j.KW, j.OutW(), j.pixels()
	lo := cut * j.planes
	hi := min(lo+j.planes, j.C/j.Groups)
	dx := j.image(n, group)[lo*j.H*j.W : hi*j.H*j.W]
	var dy []float32
	if j.arg != nil {
		dy = j.expand(s, n)
	} else {
		dy = j.outputs(n, group)
	}
	g := gemm.Gemm{M: (hi - lo) * window, K: j.OutC / j.Groups, TransA: true, LDA: j.taps(), LDB: pixels, Alpha: 1}
	w := j.filters(group)[lo*window:]
	if j.direct() {
		g.N, g.LDC, g.Accumulate = pixels, pixels, j.accumulate
		g.Block(dx, w, dy, 0, g.M, 0, g.N)
		return
	}
	if !j.accumulate {
		clear(dx)
	}
	for first := 0; first < j.OutH() && ow > 0; first += j.rows {
		last := min(first+j.rows, j.OutH())
		g.N = (last - first) * ow
		g.LDC = g.N
		col := cpu.Floats(&s.C, g.M*g.N+2*overlapSlack)[overlapSlack:][:g.M*g.N]
		g.Block(col, w, dy[first*ow:], 0, g.M, 0, g.N)
		j.scatter(dx, col, hi-lo, first, last)
	}
}

// convBackwardWeight adds up a run of images. The sums are transposed, taps ×
// OutC/Groups, because then the smaller factor, dy, is the one to transpose.
func convBackwardWeight(j *convJob, s *cpu.Workspace, run, group, cut int) {
	window, ow, per := j.KH*j.KW, j.OutW(), j.OutC/j.Groups
	lo := cut * j.planes
	hi := min(lo+j.planes, j.C/j.Groups)
	g := gemm.Gemm{M: (hi - lo) * window, N: per, TransB: true, LDB: j.pixels(), LDC: per, Alpha: 1}
	sum := j.sum(run, group)[lo*window*per : hi*window*per]
	for n := run * j.N / j.runs; n < (run+1)*j.N/j.runs; n++ {
		for first := 0; first < j.OutH() && ow > 0; first += j.rows {
			last := min(first+j.rows, j.OutH())
			g.K = (last - first) * ow
			var col []float32
			col, g.LDA = j.columns(s, j.image(n, group), lo, hi, first, last)
			g.RunUnchecked(sum, col, j.outputs(n, group)[first*ow:])
			g.Accumulate = true
		}
	}
	if !g.Accumulate {
		clear(sum)
	}
}

// sum returns the sum of a run for a group.
func (j *convJob) sum(run, group int) []float32 {
	n := j.OutC / j.Groups * j.taps()
	return j.sums[(run*j.Groups+group)*n:][:n]
}

// convSumRuns adds up the runs and writes the result to its place.
func convSumRuns(j *convJob, s *cpu.Workspace, _, group, cut int) {
	window, per, taps := j.KH*j.KW, j.OutC/j.Groups, j.taps()
	lo := cut * j.planes * window
	n := min((cut+1)*j.planes, j.C/j.Groups)*window - lo
	sum := j.sum(0, group)[lo*per:][:n*per]
	for run := 1; run < j.runs; run++ {
		gemm.AddBlocks(sum, j.sum(run, group)[lo*per:], gemm.Blocks{Width: n * per, Rows: 1})
	}
	dw := j.filters(group)[lo:]
	if !j.accumulate {
		gemm.TransposeStrided(dw, sum, per, n, per, taps)
		return
	}
	t := cpu.Floats(&s.C, n*per)
	gemm.TransposeStrided(t, sum, per, n, per, n)
	gemm.AddBlocks(dw, t, gemm.Blocks{Width: n, Rows: per, SrcRow: n, DstRow: taps})
}
