package conv

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// A 3×3 convolution of stride 1 can be had with a quarter of the products, by
// Winograd's minimal filtering F(4×4, 3×3): a tile of 6×6 inputs and the
// filter are transformed to 36 numbers each, which are multiplied one by one
// (summed over the channels: 36 products of matrices), and the result is
// transformed back to 4×4 outputs. The gradient of the weights is
// F(3×3, 4×4) of the same form. (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015.)
//
// The usual interpolation points 0, ±1, ±2, ∞ amplify rounding errors; with 0,
// ±3/4, ±3/2, ∞ all constants of the input's and output's transforms are still
// exact and the error is four times smaller, about three times that of adding
// up the products directly. The error is in proportion to the largest number of
// the tile, not of the window: one huge pixel blurs up to 15 outputs that do
// not see it. An infinity or NaN would make all 16 NaN, so the forward pass
// leaves such images to the direct way; the gradients do not, because a
// gradient that is not finite ends the training anyway.
//
// Tiles lie with their channels next to each other, so that the transforms
// work on vectors of channels, whatever the shape of the image.
const (
	winA = 0.75
	winB = 1.5

	winRows      = 36  // about so many tiles make a unit of work
	winMinPlanes = 16  // fewer channels, in or out, are left to the direct way
	winMinUse    = 0.5 // of the outputs that tiles cover, so many must exist

	// winMaxFilters bounds the pairs of planes, and so the memory for 36
	// numbers for each; winMaxGrads does for the gradient of the weights, where
	// every worker has its own.
	winMaxFilters = 1 << 18
	winMaxGrads   = 1 << 16

	winLanes   = 16            // planes are rounded up to a multiple, at every level
	winScratch = 36 * winLanes // length of a transform's intermediate result
)

// winograd reports whether an output of oh×ow is best made in tiles.
func (c *Conv) winograd(oh, ow int) bool {
	return !gemm.TileShapes[cpu.Current].NoWinograd && c.even() && c.KH == 3 && c.KW == 3 && c.StrideH == 1 &&
		c.StrideW == 1 && c.DilH == 1 && c.DilW == 1 && c.Groups == 1 &&
		c.C >= winMinPlanes && c.OutC >= winMinPlanes && c.PadH <= 2 && c.PadW <= 2 && c.N*oh*ow >= 16*16 &&
		c.C <= winMaxFilters/c.OutC &&
		float64(oh*ow) >= winMinUse*float64(16*((oh+3)/4)*((ow+3)/4))
}

// tame reports whether x holds nothing that a sum of some of its elements could
// spoil for all of them: no infinity, NaN or number beyond 1e19. It costs one
// hundredth of a convolution.
func tame(x []float32) bool {
	s := rowwise.SumSquares(x)
	return s-s == 0
}

// winJob is a convolution by tiles of images of in planes of h×w, padded, to
// images of out planes of oh×ow: the forward direction or the gradient with
// respect to the images. Or it is the gradient of the weights.
type winJob struct {
	x, y           []float32
	w              []float32 // weights [OutC, C, 3, 3]
	bias           []float32 // padded to whole vectors
	in, out, n     int
	h, wd, oh, ow  int
	padH, padW     int
	flip           bool // weights are to be read transposed and turned around
	relu           bool
	norm           *rowwise.Norm // of y, see Conv.ForwardNorm
	accumulate     bool
	pool           bool      // take the largest of each 2×2 window of y, and
	arg            []byte    // keep here which that is (nil: do not)
	spread         []byte    // the gradient, of the image or to x, is of such maxima; nil: it is not
	u              []float32 // transformed weights, [36][in][outs]
	ins, outs      int       // planes rounded up to vectors
	across         int       // tiles in a row
	images, rows   int       // images and rows of tiles in a unit, one of them 1 or all
	units, rowCuts int
	part           func(j *winJob, s *cpu.Workspace, i int)
	runs           int
	sums           []float32
}

var winJobs cpu.FreeList[winJob]

// run does parts parts of j.
func (j winJob) run(parts int) {
	shared := winJobs.Get()
	*shared = j
	cpu.Parallel(parts, shared)
	*shared = winJob{}
	winJobs.Put(shared)
}

func (j *winJob) Part(i int) {
	s := cpu.GetWorkspace()
	j.part(j, s, i)
	s.Release()
}

// winTiles describes a row of tiles for a transform; see winGo.
type winTiles struct {
	vectors, tiles   int
	srcRow, srcCol   int
	dstRow, dstCol   int
	srcTile, dstTile int
	start            int // of the first tile in the source; not 0 where it is read backwards
	bias             []float32
	relu             int
}

// check panics if a tile of in×in vectors or of out×out, lies
// outside its slice.
func (p *winTiles) check(dst, src []float32, in, out int) {
	at := func(row, col, tile, side int, extreme func(a, b int) int) int {
		return extreme(row*(side-1), 0) + extreme(col*(side-1), 0) + extreme(tile*(p.tiles-1), 0)
	}
	lowest := func(a, b int) int { return min(a, b) }
	highest := func(a, b int) int { return max(a, b) }
	_ = src[p.start+at(p.srcRow, p.srcCol, p.srcTile, in, lowest)]
	_ = src[p.start+at(p.srcRow, p.srcCol, p.srcTile, in, highest)+p.vectors-1]
	_ = dst[at(p.dstRow, p.dstCol, p.dstTile, out, highest)+p.vectors-1]
}

// plan fills in what follows from the sizes.
func (j *winJob) plan() {
	j.ins, j.outs = (j.in+winLanes-1)/winLanes*winLanes, (j.out+winLanes-1)/winLanes*winLanes
	j.across = (j.ow + 3) / 4
	down := (j.oh + 3) / 4
	j.images, j.rows = 1, min(down, max(1, (winRows+j.across/2)/j.across))
	if j.rows == down {
		j.images = min(j.n, max(1, winRows/(down*j.across)))
	}
	j.rowCuts = (down + j.rows - 1) / j.rows
	j.units = (j.n + j.images - 1) / j.images * j.rowCuts
}

// unit returns the images and rows of tiles of unit i.
func (j *winJob) unit(i int) (n0, n1, r0, r1 int) {
	n0, r0 = i/j.rowCuts*j.images, i%j.rowCuts*j.rows
	return n0, min(n0+j.images, j.n), r0, min(r0+j.rows, (j.oh+3)/4)
}

// stage writes the rows of an image from top on, with their planes next to
// each other, to rows rows of cols pixels of s floats; what lies outside the
// image is 0.
func stage(dst, image []float32, planes, h, w, top, left, rows, cols, s int) {
	clear(dst[:rows*cols*s])
	lo, hi := max(0, left), min(w, left+cols)
	for r := max(0, -top); r < rows && top+r < h; r++ {
		if hi > lo {
			gemm.TransposeStrided(dst[(r*cols+lo-left)*s:], image[(top+r)*w+lo:], h*w, planes, hi-lo, s)
		}
	}
}

// inputs transforms the inputs of n0 to n1, r0 to r1 to v, [36][tiles][ins].
func (j *winJob) inputs(s *cpu.Workspace, v []float32, n0, n1, r0, r1, tiles int) {
	cols, rows := 4*j.across+2, 4*(r1-r0)+2
	spread := j.flip && j.spread != nil
	tmpFloats := winScratch
	if spread {
		tmpFloats += spreadScratch(rows, j.wd, j.ins)
	}
	img := cpu.Floats(&s.C, rows*cols*j.ins+tmpFloats)
	tmp := img[rows*cols*j.ins:]
	t := winTiles{
		tiles: j.across, vectors: j.ins, srcRow: cols * j.ins, srcCol: j.ins, srcTile: 4 * j.ins,
		dstRow: 6 * tiles * j.ins, dstCol: tiles * j.ins, dstTile: j.ins,
	}
	for n := n0; n < n1; n++ {
		if spread {
			stageSpread(img, j.x, j.spread, tmp[winScratch:], n, j.in, j.h/2, j.wd/2, 4*r0-j.padH, -j.padW, rows,
				cols, j.ins)
		} else {
			stage(img, j.x[n*j.in*j.h*j.wd:][:j.in*j.h*j.wd], j.in, j.h, j.wd, 4*r0-j.padH, -j.padW, rows, cols, j.ins)
		}
		for r := range r1 - r0 {
			winInput(v[((n-n0)*(r1-r0)+r)*j.across*j.ins:], img[4*r*cols*j.ins:], tmp, &t)
		}
	}
}

// winForward makes the outputs of unit i.
func winForward(j *winJob, s *cpu.Workspace, i int) {
	n0, n1, r0, r1 := j.unit(i)
	tiles := (n1 - n0) * (r1 - r0) * j.across
	v := cpu.Floats(&s.A, 36*tiles*j.ins)
	j.inputs(s, v, n0, n1, r0, r1, tiles)
	m := cpu.Floats(&s.B, 36*tiles*j.outs)
	g := gemm.Gemm{M: tiles, N: j.out, K: j.in, LDA: j.ins, LDB: j.outs, LDC: j.outs, Alpha: 1}
	for k := range 36 {
		g.Block(m[k*tiles*j.outs:], v[k*tiles*j.ins:], j.u[k*j.in*j.outs:], 0, tiles, 0, j.out)
	}
	cols, pixels := 4*j.across, j.oh*j.ow
	extra := 4 * cols * j.out
	if j.pool {
		extra = 2 * (r1 - r0) * (j.ow / 2) * j.outs
	}
	img := cpu.Floats(&s.C, 4*cols*j.outs+winScratch+extra)
	tmp := img[4*cols*j.outs:]
	turned := tmp[winScratch:]
	t := winTiles{
		tiles: j.across, vectors: j.outs, srcRow: 6 * tiles * j.outs, srcCol: tiles * j.outs, srcTile: j.outs,
		dstRow: cols * j.outs, dstCol: j.outs, dstTile: 4 * j.outs,
	}
	t.bias = j.bias
	if j.pool {
		for n := n0; n < n1; n++ {
			j.poolRows(n, r0, r1, img, m[(n-n0)*(r1-r0)*j.across*j.outs:], tmp, turned, &t)
		}
		return
	}
	if j.relu {
		t.relu = 1
	}
	for n := n0; n < n1; n++ {
		y := j.y[n*j.out*pixels:][:j.out*pixels]
		for r := r0; r < r1; r++ {
			winOutput(img, m[((n-n0)*(r1-r0)+r-r0)*j.across*j.outs:], tmp, &t)
			for h := 4 * r; h < min(4*r+4, j.oh); h++ {
				row := img[(h-4*r)*cols*j.outs:]
				if !j.accumulate {
					gemm.TransposeStrided(y[h*j.ow:], row, j.outs, j.ow, j.out, pixels)
					continue
				}
				gemm.TransposeStrided(turned, row, j.outs, j.ow, j.out, j.ow)
				gemm.AddBlocks(y[h*j.ow:], turned, gemm.Blocks{Width: j.ow, Rows: j.out, SrcRow: j.ow, DstRow: pixels})
			}
		}
		for o := range j.out {
			normalise(j.norm, o, y[o*pixels+4*r0*j.ow:o*pixels+min(4*r1, j.oh)*j.ow])
		}
	}
}

// poolRows writes the pooled outputs of rows r0 to r1 of tiles of image n, from
// the products m.
func (j *winJob) poolRows(n, r0, r1 int, img, m, tmp, best []float32, t *winTiles) {
	ph, pw := j.oh/2, j.ow/2
	q := quads{n: pw, vectors: j.outs, row: t.dstRow}
	if j.relu {
		q.relu = 1
	}
	for r := r0; r < r1; r++ {
		winOutput(img, m[(r-r0)*j.across*j.outs:], tmp, t)
		for p := 2 * r; p < min(2*r+2, ph); p++ {
			var arg []byte
			if j.arg != nil {
				arg = j.arg[(n*ph+p)*pw*j.outs:]
			}
			maxQuads(best[(p-2*r0)*pw*j.outs:], arg, img[2*(p-2*r)*t.dstRow:], &q)
		}
	}
	if rows := min(2*r1, ph) - 2*r0; rows > 0 {
		gemm.TransposeStrided(j.y[n*j.out*ph*pw+2*r0*pw:], best, j.outs, rows*pw, j.out, ph*pw)
	}
}

// winWeights transforms the weights of input plane i to u.
func winWeights(j *winJob, s *cpu.Workspace, i int) {
	g := cpu.Floats(&s.C, 9*j.outs+winScratch)
	tmp := g[9*j.outs:]
	t := winTiles{
		tiles: 1, vectors: j.outs, srcRow: 3 * j.outs, srcCol: j.outs,
		dstRow: 6 * j.in * j.outs, dstCol: j.in * j.outs,
	}
	clear(g[:9*j.outs])
	if j.flip {
		// in is OutC here: the filters of output plane i, back to front.
		gemm.TransposeStrided(g, j.w[i*j.out*9:], 9, j.out, 9, j.outs)
		t.srcRow, t.srcCol = -t.srcRow, -t.srcCol
		t.start = 8 * j.outs
		winWeight(j.u[i*j.outs:], g, tmp, &t)
		return
	}
	gemm.TransposeStrided(g, j.w[i*9:], j.in*9, j.out, 9, j.outs)
	winWeight(j.u[i*j.outs:], g, tmp, &t)
}

// winForwardJob runs j, forward or for the gradient of the images.
func winForwardJob(j winJob, bias []float32) {
	s := cpu.GetWorkspace()
	j.plan()
	buf := cpu.Floats(&s.A, 36*j.in*j.outs+j.outs)
	j.u = buf[:36*j.in*j.outs]
	if bias != nil {
		j.bias = buf[36*j.in*j.outs:]
		clear(j.bias)
		copy(j.bias, bias[:j.out])
	}
	j.part = winWeights
	j.run(j.in)
	j.part = winForward
	j.run(j.units)
	s.Release()
}

// winBackwardWeightJob runs j for the gradient of the weights. It asks sums for
// the memory of a number of runs.
func winBackwardWeightJob(j winJob, sums func(runs int) []float32) {
	j.plan()
	j.runs = max(1, min(j.units, convParts, maxRunFloats/(9*j.in*j.out)))
	j.sums = sums(j.runs)
	j.run(j.runs)
}

// winBackwardWeight adds up the gradients of the weights of a run of units and
// leaves them in its part of sums, [in][9][out].
func winBackwardWeight(j *winJob, s *cpu.Workspace, run int) {
	most := j.images * j.rows * j.across
	v := cpu.Floats(&s.A, 36*most*(j.ins+j.outs))
	d := v[36*most*j.ins:]
	m := cpu.Floats(&s.B, 36*j.in*j.outs)
	g := gemm.Gemm{M: j.in, N: j.out, TransA: true, LDA: j.ins, LDB: j.outs, LDC: j.outs, Alpha: 1}
	for i := run * j.units / j.runs; i < (run+1)*j.units/j.runs; i++ {
		n0, n1, r0, r1 := j.unit(i)
		tiles := (n1 - n0) * (r1 - r0) * j.across
		j.inputs(s, v, n0, n1, r0, r1, tiles)
		cols, rows := 4*j.across, 4*(r1-r0)
		tmpFloats := winScratch
		if j.spread != nil {
			tmpFloats += spreadScratch(rows, j.ow, j.outs)
		}
		img := cpu.Floats(&s.C, rows*cols*j.outs+tmpFloats)
		tmp := img[rows*cols*j.outs:]
		t := winTiles{
			tiles: j.across, vectors: j.outs, srcRow: cols * j.outs, srcCol: j.outs, srcTile: 4 * j.outs,
			dstRow: 6 * tiles * j.outs, dstCol: tiles * j.outs, dstTile: j.outs,
		}
		for n := n0; n < n1; n++ {
			if j.spread != nil {
				stageSpread(img, j.y, j.spread, tmp[winScratch:], n, j.out, j.oh/2, j.ow/2, 4*r0, 0, rows, cols, j.outs)
			} else {
				stage(img, j.y[n*j.out*j.oh*j.ow:][:j.out*j.oh*j.ow], j.out, j.oh, j.ow, 4*r0, 0, rows, cols, j.outs)
			}
			for r := range r1 - r0 {
				winGrad(d[((n-n0)*(r1-r0)+r)*j.across*j.outs:], img[4*r*cols*j.outs:], tmp, &t)
			}
		}
		g.K = tiles
		for k := range 36 {
			g.Block(m[k*j.in*j.outs:], v[k*tiles*j.ins:], d[k*tiles*j.outs:], 0, j.in, 0, j.out)
		}
		g.Accumulate = true
	}
	sum := j.sums[run*j.in*9*j.out:][:j.in*9*j.out]
	if !g.Accumulate {
		clear(sum)
		return
	}
	img := cpu.Floats(&s.C, j.in*9*j.outs+winScratch)
	t := winTiles{
		tiles: j.in, vectors: j.outs, srcRow: 6 * j.in * j.outs, srcCol: j.in * j.outs, srcTile: j.outs,
		dstRow: 3 * j.outs, dstCol: j.outs, dstTile: 9 * j.outs,
	}
	winWeightGrad(img, m, img[j.in*9*j.outs:], &t)
	gemm.CopyBlocks(sum, img, gemm.Blocks{Width: j.out, Rows: j.in * 9, SrcRow: j.outs, DstRow: j.out})
}
