package conv

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// A convolution of sequences with three taps at stride 1 takes half of the
// products by Winograd's filtering in one dimension, F(4, 3): see winograd.go,
// whose points and rounding it shares. With dilation d a tile is four outputs
// that lie d apart, and the six inputs that they see; the d tiles between them
// make a block of 4·d neighbouring outputs.
//
// The numbers of a tile lie apart, those of all tiles in rows: row k holds the
// k-th of each. A row goes along the d tiles of a block, block after block;
// where d is short, along the blocks, whose numbers are transposed for that.
const (
	seqFloats     = 1 << 17 // about what a unit holds
	seqTurn       = 8       // a dilation below it is short
	seqMinUse     = 0.75    // of the outputs that tiles cover, so many must exist
	seqMaxFilters = 1 << 18
)

// sequence reports whether outputs of length out are best made in such tiles.
func (c *Conv) sequence(out int) bool {
	span := 4 * c.DilW
	return c.even() && c.H == 1 && c.KH == 1 && c.PadH == 0 && c.KW == 3 && c.StrideW == 1 && c.StrideH == 1 &&
		c.Groups == 1 &&
		c.C >= winMinPlanes && c.OutC >= winMinPlanes && c.C <= seqMaxFilters/c.OutC && c.PadW <= 2*c.DilW &&
		c.N*out >= 16*16 &&
		float64(out) >= seqMinUse*float64((out+span-1)/span*span)
}

// seqJob is the convolution of n sequences of in planes of length w to out
// planes of length ow: forward, or the gradient with respect to the input.
// Or it is the gradient of the weights.
type seqJob struct {
	part             func(j *seqJob, s *cpu.Workspace, i int)
	x, y, u, bias    []float32
	in, out, n       int
	w, ow, pad, dil  int
	flip             bool // u is [6][in][out], not [6][out][in]
	relu, accumulate bool
	norm             *rowwise.Norm
	blocks, span     int // of a unit: blocks and, if that is one, tiles of it
	across, cuts     int // units that share blocks; units of a sequence
	units, runs      int
	sums             []float32
}

var seqJobs cpu.FreeList[seqJob]

// run does parts parts of j.
func (j seqJob) run(parts int) {
	shared := seqJobs.Get()
	*shared = j
	cpu.Parallel(parts, shared)
	*shared = seqJob{}
	seqJobs.Put(shared)
}

func (j *seqJob) Part(i int) {
	s := cpu.GetWorkspace()
	j.part(j, s, i)
	s.Release()
}

// plan cuts the outputs into units.
func (j *seqJob) plan() {
	tiles := max(32, seqFloats/(6*(j.in+j.out)))
	all := (j.ow + 4*j.dil - 1) / (4 * j.dil)
	j.across = (j.dil + tiles - 1) / tiles
	j.span = (j.dil + j.across - 1) / j.across
	j.across = (j.dil + j.span - 1) / j.span
	j.blocks = max(1, tiles/j.dil)
	if want := (convParts + j.n - 1) / j.n; want > j.across {
		j.blocks = min(j.blocks, max(1, all*j.across/want))
	}
	cuts := (all + j.blocks - 1) / j.blocks
	j.blocks = (all + cuts - 1) / cuts
	j.cuts = (all + j.blocks - 1) / j.blocks * j.across
	j.units = j.n * j.cuts
}

// seqUnit is a sequence, where its outputs begin, and how many blocks and tiles
// of a block it has.
type seqUnit struct{ n, first, blocks, span int }

func (j *seqJob) unit(i int) seqUnit {
	all := (j.ow + 4*j.dil - 1) / (4 * j.dil)
	block, tile := i%j.cuts/j.across*j.blocks, i%j.across*j.span
	return seqUnit{i / j.cuts, block*4*j.dil + tile, min(j.blocks, all-block), min(j.span, j.dil-tile)}
}

// turned reports whether rows go along the blocks.
func (j *seqJob) turned() bool { return j.dil < seqTurn }

// excerpt writes x[from:from+len(dst)], with zeros for what is not there.
func excerpt(dst, x []float32, from int) {
	lo := min(max(0, -from), len(dst))
	hi := max(lo, min(len(dst), len(x)-from))
	clear(dst[:lo])
	clear(dst[hi:])
	if lo < hi {
		copy(dst[lo:hi], x[from+lo:])
	}
}

// tiles transforms the ks numbers of each of a unit's tiles, from planes of
// length length that begin pad before the outputs, to v, [6][planes][tiles].
func (j *seqJob) tiles(s *cpu.Workspace, v, x []float32, u seqUnit, planes, length, pad, ks int) {
	tiles, d := u.blocks*u.span, j.dil
	rows := 4*u.blocks + 4 // of span numbers, d apart
	buf := cpu.Floats(&s.C, 2*rows*u.span)
	turned := buf[rows*u.span:]
	buf = buf[:rows*u.span]
	for p := range planes {
		plane := x[p*length:][:length]
		if u.span == d {
			excerpt(buf, plane, u.first-pad)
		} else {
			for r := range rows {
				excerpt(buf[r*u.span:][:u.span], plane, u.first-pad+r*d)
			}
		}
		outer, n := u.blocks, u.span
		if j.turned() {
			outer, n = d, u.blocks
			gemm.TransposeStrided(turned, buf, 4*d, n+1, 4*d, n+1)
		}
		for o := range outer {
			from := func(k int) []float32 {
				if j.turned() {
					q := o + d*k
					return turned[q%(4*d)*(n+1)+q/(4*d):][:n]
				}
				return buf[(4*o+k)*n:][:n]
			}
			to := func(k int) []float32 { return v[(k*planes+p)*tiles+o*n:][:n] }
			if ks == 6 {
				seqInputEnds(to(0), to(5), from(0), from(1), from(2), from(3), from(4), from(5))
				seqInputMiddle(to(1), to(2), to(3), to(4), from(1), from(2), from(3), from(4))
			} else {
				seqGrad(to(0), to(1), to(2), to(3), to(4), to(5), from(0), from(1), from(2), from(3))
			}
		}
	}
}

func seqForward(j *seqJob, s *cpu.Workspace, i int) {
	u := j.unit(i)
	tiles, d := u.blocks*u.span, j.dil
	v := cpu.Floats(&s.A, 6*j.in*tiles)
	j.tiles(s, v, j.x[u.n*j.in*j.w:][:j.in*j.w], u, j.in, j.w, j.pad, 6)
	m := cpu.Floats(&s.B, 6*j.out*tiles)
	g := gemm.Gemm{M: j.out, N: tiles, K: j.in, LDA: j.in, LDB: tiles, LDC: tiles, TransA: j.flip, Alpha: 1}
	if j.flip {
		g.LDA = j.out
	}
	for k := range 6 {
		g.Block(m[k*j.out*tiles:], j.u[k*j.out*j.in:], v[k*j.in*tiles:], 0, j.out, 0, tiles)
	}
	buf := cpu.Floats(&s.C, 8*tiles)
	turned := buf[4*tiles:]
	buf = buf[:4*tiles]
	for p := range j.out {
		outer, n, sums := u.blocks, u.span, buf
		if j.turned() {
			outer, n, sums = d, u.blocks, turned
		}
		for o := range outer {
			from := func(k int) []float32 { return m[(k*j.out+p)*tiles+o*n:][:n] }
			to := func(k int) []float32 {
				if j.turned() {
					return turned[(k*d+o)*n:][:n]
				}
				return buf[(4*o+k)*n:][:n]
			}
			seqOutput(to(0), to(1), to(2), to(3), from(0), from(1), from(2), from(3), from(4), from(5))
		}
		if j.turned() {
			gemm.TransposeStrided(buf, sums, n, 4*d, n, 4*d)
		}
		if j.bias != nil {
			elementwise.AddScalar(buf, buf, j.bias[p])
		}
		if j.relu {
			elementwise.ReLU(buf, buf)
		}
		normalise(j.norm, p, buf)
		y := j.y[(u.n*j.out+p)*j.ow:][:j.ow]
		if u.span == d {
			j.write(y, buf, u.first)
			continue
		}
		for r := range 4 * u.blocks {
			j.write(y, buf[r*u.span:][:u.span], u.first+r*d)
		}
	}
}

// write puts or adds v to y from at on, as far as y goes.
func (j *seqJob) write(y, v []float32, at int) {
	if at >= len(y) {
		return
	}
	y = y[at:]
	n := min(len(y), len(v))
	if j.accumulate {
		elementwise.Add(y[:n], y[:n], v[:n])
	} else {
		copy(y[:n], v[:n])
	}
}

// seqForwardJob runs j, forward or for the gradient with respect to the input,
// with the weights w, [OutC][C][3].
func seqForwardJob(j seqJob, w []float32) {
	s := cpu.GetWorkspace()
	j.plan()
	n := len(w) / 3
	buf := cpu.Floats(&s.A, 9*n)
	g := buf[6*n:]
	j.u = buf[:6*n]
	gemm.TransposeStrided(g, w, 3, n, 3, n)
	first, last := g[:n], g[2*n:]
	if j.flip {
		first, last = last, first
	}
	u := func(k int) []float32 { return j.u[k*n:][:n] }
	seqWeight(u(0), u(1), u(2), u(3), u(4), u(5), first, g[n:2*n], last)
	j.part = seqForward
	j.run(j.units)
	s.Release()
}

// backwardWeightSequence is BackwardWeight.
func (c *Conv) backwardWeightSequence(dw, dy, x []float32, accumulate bool) {
	s := cpu.GetWorkspace()
	j := seqJob{part: seqBackwardWeight, x: x, y: dy, in: c.C, out: c.OutC, n: c.N, w: c.W, ow: c.OutW(),
		pad: c.PadW, dil: c.DilW}
	j.plan()
	n := c.C * c.OutC
	j.runs = max(1, min(j.units, convParts, maxRunFloats/(3*n)))
	buf := cpu.Floats(&s.C, (j.runs+1)*3*n)
	j.sums = buf[:j.runs*3*n]
	j.run(j.runs)
	sum := j.sums[:3*n]
	for run := 1; run < j.runs; run++ {
		elementwise.Add(sum, sum, j.sums[run*3*n:][:3*n])
	}
	to := dw
	if accumulate {
		to = buf[j.runs*3*n:]
	}
	gemm.TransposeStrided(to, sum, n, 3, n, 3)
	if accumulate {
		elementwise.Add(dw, dw, to)
	}
	s.Release()
}

// seqBackwardWeight adds up the gradients of the weights of a run of units and
// leaves them in its part of sums, [3][out][in].
func seqBackwardWeight(j *seqJob, s *cpu.Workspace, run int) {
	most, n := j.blocks*j.span, j.in*j.out
	v := cpu.Floats(&s.A, 6*most*(j.in+j.out))
	d := v[6*most*j.in:]
	m := cpu.Floats(&s.B, 6*n)
	g := gemm.Gemm{M: j.out, N: j.in, TransB: true, LDC: j.in, Alpha: 1}
	for i := run * j.units / j.runs; i < (run+1)*j.units/j.runs; i++ {
		u := j.unit(i)
		tiles := u.blocks * u.span
		j.tiles(s, v, j.x[u.n*j.in*j.w:][:j.in*j.w], u, j.in, j.w, j.pad, 6)
		j.tiles(s, d, j.y[u.n*j.out*j.ow:][:j.out*j.ow], u, j.out, j.ow, 0, 4)
		g.K, g.LDA, g.LDB = tiles, tiles, tiles
		for k := range 6 {
			g.Block(m[k*n:], d[k*j.out*tiles:], v[k*j.in*tiles:], 0, j.out, 0, j.in)
		}
		g.Accumulate = true
	}
	sum := func(k int) []float32 { return j.sums[(3*run+k)*n:][:n] }
	of := func(k int) []float32 { return m[k*n:][:n] }
	seqWeightGrad(sum(0), sum(1), sum(2), of(0), of(1), of(2), of(3), of(4), of(5))
}
