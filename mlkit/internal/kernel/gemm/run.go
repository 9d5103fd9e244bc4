package gemm

import "descent/mlkit/internal/kernel/cpu"

const (
	// maxKC, maxMC and maxNC are the largest blocks, see the package's
	// documentation.
	maxKC = 512
	maxMC = 1 << 10
	maxNC = 1 << 10
	// groupPanels is how many panels of B are packed at a time.
	groupPanels = 4
	// transKC is kc where a transposed A, or one that is Listed, is read in
	// place: its rows are k, and so many of them stay in the first-level cache
	// until the next tile.
	transKC = 128

	// serialWork is the number of products up to which one core is used.
	SerialWork = 1 << 18
	// batchWork is about how many products make a part of a batch.
	batchWork = 1 << 16

	// longK is the largest K for which an element is one chain of additions.
	// Beyond it every block of k is a chain of its own, added to the others:
	// see sums.go.
	longK = 1 << 13
)

// RunUnchecked is Run for a product whose sizes are known to be right, with all
// strides and Alpha given.
func (g *Gemm) RunUnchecked(c, a, b []float32) {
	work := g.M * g.N * g.K
	switch {
	case g.M == 0 || g.N == 0:
		return
	case g.K == 0:
		g.withoutProduct(c)
		return
	case g.M == 1 && (!g.TransA || g.LDA == 1) && (g.TransB || g.N == 1 && g.LDB == 1):
		t := tiles{a: a, b: b, c: c, k: g.K, ldb: g.LDB, count: g.N, bias: g.Bias, biasRows: g.BiasRows}
		g.dots(&t)
		return
	case g.N == 1 && g.LDC == 1 && g.M > 1 && (g.TransA || g.K == 1 && g.LDA == 1):
		// The transpose of the product is a row, made of rows of a.
		h := *g
		h.M, h.N, h.LDC = 1, g.M, g.M
		h.TransA, h.TransB = !g.TransB, false
		h.LDA, h.LDB = g.LDB, g.LDA
		h.Bias, h.BiasRows = g.BiasRows, g.Bias
		h.RunUnchecked(c, b, a)
		return
	case g.N == 1 && g.LDC == 1 && !g.TransA && (g.TransB || g.LDB == 1):
		t := tiles{a: b, b: a, c: c, k: g.K, ldb: g.LDA, count: g.M, bias: g.BiasRows, biasRows: g.Bias}
		g.dots(&t)
		return
	case work < leastTurned && !g.TransB: // small models feel the questions below, to which the answer is no
		g.small(c, a, b)
		return
	case g.weighsRows():
		if !g.inParts(weighedRows, g.N, g.K, c, a, b, nil) {
			g.weighRows(c, a, b, 0, g.N)
		}
		return
	case g.isOuter():
		if !g.inParts(outer, g.M, g.N, c, a, b, nil) {
			g.outerRows(c, a, b, 0, g.M)
		}
		return
	case g.turns():
		g.turned(c, a, b)
		return
	}
	if work > SerialWork && cpu.Workers() > 1 {
		j := gemmJobs.Get()
		*j = gemmJob{g: *g, c: c, a: a, b: b}
		if parts := j.cut(cpu.Workers()); parts > 1 {
			cpu.Parallel(parts, j)
		} else {
			g.Block(c, a, b, 0, g.M, 0, g.N)
		}
		*j = gemmJob{}
		gemmJobs.Put(j)
		return
	}
	g.Block(c, a, b, 0, g.M, 0, g.N)
}

// withoutProduct is run for K = 0.
func (g *Gemm) withoutProduct(c []float32) {
	t := tiles{bias: g.Bias, biasRows: g.BiasRows, flags: g.flags()}
	for i := range g.M {
		row := c[i*g.LDC:][:g.N]
		if !g.Accumulate {
			clear(row)
		}
		t.finish(row, nil, i)
	}
}

// flags returns what is to be done after the last k, but for Alpha and
// Accumulate.
func (g *Gemm) flags() (f int) { return flags(g.Bias, g.BiasRows, g.Act) }

func flags(bias, biasRows []float32, act Activation) (f int) {
	if bias != nil {
		f |= flagBias
	}
	if biasRows != nil {
		f |= flagBiasRows
	}
	if act == ReLUAct {
		f |= flagReLU
	}
	return f
}

// dots computes a result of one row or one column.
func (g *Gemm) dots(t *tiles) {
	t.flags, t.alpha = flags(t.bias, t.biasRows, g.Act), g.Alpha
	if g.Alpha != 1 {
		t.flags |= flagScale
	}
	if g.Accumulate {
		t.flags |= flagAdd
	}
	if t.count*g.K >= leastShared && g.inParts(dots, t.count, g.K, nil, nil, nil, t) {
		return
	}
	g.someDots(t)
}

// gemmJob is a product cut into a grid of blocks of C. The blocks may depend
// on the number of workers, because no element's chain does.
type gemmJob struct {
	g       Gemm
	c, a, b []float32
	grid
}

// grid is the blocks that C is cut into.
type grid struct {
	rows, cols int // of a block
	across     int // blocks in a row of the grid
	down       int // blocks in a column
}

var (
	gemmJobs  cpu.FreeList[gemmJob]
	batchJobs cpu.FreeList[batchJob]
)

// largeWork is the number of products from which on workers get several blocks
// each.
const largeWork = 1 << 24

// cut chooses the grid for a number of workers and returns how many blocks it
// has. Several blocks for each worker, where they cost little more, keep one
// that is held up, or slower than others, from delaying all: a worker that is
// free takes the next.
func (j *gemmJob) cut(workers int) int {
	g := &j.g
	best, cost := g.grid(workers, workers)
	if g.M*g.N*g.K >= largeWork {
		limit := cost + cost/32
		for each := 2; each <= 4; each++ {
			if more, cost := g.grid(each*workers, workers); cost <= limit {
				best = more
			}
		}
	}
	j.grid = best
	return best.across * best.down
}

// grid returns the best grid of about n blocks, and the cycles that the workers
// need for each k.
func (g *Gemm) grid(n, workers int) (best grid, cost int) {
	s := &TileShapes[cpu.Current]
	packA, packB := g.packs(s)
	for down := 1; down <= n; down++ {
		across := (n + down - 1) / down
		at := grid{rows: (g.M + down - 1) / down, cols: (g.N + across - 1) / across}
		at.cols = (at.cols + s.cols - 1) / s.cols * s.cols
		at.across, at.down = (g.N+at.cols-1)/at.cols, (g.M+at.rows-1)/at.rows
		// The time of a block, with what is packed twice.
		t := at.rows * at.cols / s.Lanes / 2
		if packA {
			t += at.rows / 2
		}
		if packB {
			t += at.cols / 2
		}
		t *= (at.across*at.down + workers - 1) / workers
		if down == 1 || t < cost {
			best, cost = at, t
		}
	}
	return best, cost
}

func (j *gemmJob) Part(i int) {
	m, n := i/j.across*j.rows, i%j.across*j.cols
	j.g.Block(j.c, j.a, j.b, m, min(m+j.rows, j.g.M), n, min(n+j.cols, j.g.N))
}

// batchJob is a batch of products, each of them a part.
type batchJob struct {
	g           Gemm
	c, a, b     []float32
	sc, sa, sb  int
	batch, each int
}

func (j *batchJob) Part(part int) {
	for i := part * j.each; i < min((part+1)*j.each, j.batch); i++ {
		j.g.RunUnchecked(j.c[i*j.sc:], j.a[i*j.sa:], j.b[i*j.sb:])
	}
}

// packs tells which operands to pack into panels. Only a transposed B must be;
// for the others it is a matter of how often a panel is used, and of strides
// that map all rows to a few sets of the cache.
func (g *Gemm) packs(s *tileShape) (a, b bool) {
	b = g.TransB || g.M > 40*s.rows || g.M > 24*s.rows && g.LDB >= 512 || g.M >= leastPacked && g.scattered(s)
	if g.TransA {
		a = g.packsTransposed(s)
		return a, b || !a && g.M >= leastTransposed && g.N > s.cols
	}
	return g.N > 16*s.cols || g.N > 4*s.cols && g.LDA >= 1024, b
}

// packsTransposed tells whether to pack an A that holds the transpose. What a
// tile reads of it for each k is contiguous, and transKC of such rows stay in
// the first-level cache for the next tile: in place, beside a packed B, it is
// up to a sixth faster. Not so where the rows lie whole pages apart, where B
// has very many panels, and, if a row of a panel of B is a line and B is not
// packed, where rows of A compete.
func (g *Gemm) packsTransposed(s *tileShape) bool {
	if line := s.cols <= lineFloats; line && g.M <= 24*s.rows && g.N >= 4*g.M {
		return g.N >= 8*s.cols && g.LDA%128 == 0
	} else if !line && g.N < pageFloats {
		return false
	}
	return g.N >= 2*pageFloats || g.N >= 4*s.cols && g.LDA%pageFloats == 0
}

const (
	leastPacked     = 16      // rows from which on packing a scattered B pays
	leastTransposed = 96      // or any, beside a transposed A in place
	farApart        = 1 << 21 // floats of B that take more pages than the processor has at hand
	pageFloats      = 1 << 10 // floats of a page
	lineFloats      = 16      // of a line of the cache
)

// scattered tells whether the rows of B are slow to read where they lie, a
// panel at a time: each begins a page of its own, and B has very many; or they
// lie whole pages apart, so that they share a set of the first-level cache, and
// what was fetched beside a panel is gone when its turn comes. Packing took a
// fifth to a third off products of 16 to 128 rows with 2048 × 2048.
func (g *Gemm) scattered(s *tileShape) bool {
	return g.LDB >= pageFloats/2 && g.N*g.K >= farApart || s.cols <= lineFloats && g.LDB%pageFloats == 0
}

// small is Block for a whole product of little work: its chains are in one
// piece, and nothing is packed.
func (g *Gemm) small(c, a, b []float32) {
	s := &TileShapes[cpu.Current]
	t := tiles{a: a, bias: g.Bias, biasRows: g.BiasRows, k: g.K, rsA: g.LDA, csA: 1, ldb: g.LDB, ldc: g.LDC,
		alpha: g.Alpha, flags: g.flags()}
	if g.TransA {
		t.rsA, t.csA = 1, g.LDA
	}
	switch {
	case g.Alpha != 1 && g.Accumulate:
		t.flags |= flagScale | flagAdd
	case g.Alpha != 1:
		t.flags |= flagScale
	case g.Accumulate:
		t.flags |= flagLoad
	}
	for j := 0; j < g.N; {
		t.b, t.c = b[j:], c[j:]
		if g.Bias != nil {
			t.bias = g.Bias[j:]
		}
		width := s.panelWidth(g.M, g.N-j)
		t.panel(s, width)
		t.column(s, g.M, false)
		j += width
	}
}

// Block computes rows m0 to m1 and columns n0 to n1 of C.
func (g *Gemm) Block(c, a, b []float32, m0, m1, n0, n1 int) {
	s := &TileShapes[cpu.Current]
	doA, doB := g.packs(s)
	long := g.K > longK
	limit := maxKC
	if g.TransA && !doA && !long { // of a long K, all levels add up the same blocks
		limit = transKC
	}
	blocks := (g.K + limit - 1) / limit
	add := !long && g.Accumulate && g.Alpha != 1
	if add {
		blocks = 1 // the product must be whole before it is scaled and added
	}
	kc := (g.K + blocks - 1) / blocks
	var w *cpu.Workspace
	var bufA, bufB []float32
	mc, nc := m1-m0, n1-n0
	keepB := false // all panels of B, for more than one block of A
	if doA || doB {
		mc, nc = evenly(mc, blockRows, s.rows), min(nc, blockCols)
		w = cpu.GetWorkspace()
		if doA {
			bufA = cpu.Floats(&w.A, mc*kc)
		}
		if doB {
			keepB = mc < m1-m0
			cols := nc
			if !keepB {
				cols = min(nc, groupPanels*s.cols)
			}
			bufB = cpu.Floats(&w.B, (cols+s.cols-1)/s.cols*s.cols*kc)
		}
	}
	t := tiles{ldc: g.LDC, alpha: g.Alpha}
	for n := n0; n < n1; n += nc {
		nEnd := min(n+nc, n1)
		for k := 0; k < g.K; k += kc {
			t.k = min(kc, g.K-k)
			t.flags = 0
			if k > 0 || g.Accumulate && !add {
				t.flags = flagLoad
			}
			if long && t.flags != 0 {
				t.flags = flagAdd
			}
			if k+t.k == g.K {
				t.flags |= g.flags()
				if add {
					t.flags |= flagAdd
				}
			}
			if g.Alpha != 1 && (long || k+t.k == g.K) {
				t.flags |= flagScale
			}
			for m := m0; m < m1; m += mc {
				rows := min(mc, m1-m)
				if doA {
					packA(s, bufA, a[g.atA(m, k):], g.LDA, g.TransA, rows, t.k)
				}
				for j := n; j < nEnd; {
					width := s.panelWidth(rows, nEnd-j)
					t.panel(s, width)
					if doB {
						width = min(width, s.cols)
						t.panel(s, width)
						at, group := j-n, groupPanels*s.cols
						first := at%group == 0
						if !keepB {
							at %= group
						}
						t.b, t.ldb = bufB[at*t.k:], s.cols
						if first && m == m0 {
							g.packB(s, t.b, b, j, k, min(group, nEnd-j), t.k)
						}
					} else {
						t.b, t.ldb = b[k*g.LDB+j:], g.LDB
					}
					t.c = c[m*g.LDC+j:]
					if g.Bias != nil {
						t.bias = g.Bias[j:]
					}
					if g.BiasRows != nil {
						t.biasRows = g.BiasRows[m:]
					}
					if doA {
						t.a = bufA
					} else {
						t.a = a[g.atA(m, k):]
						t.rsA, t.csA = g.LDA, 1
						if g.TransA {
							t.rsA, t.csA = 1, g.LDA
						}
					}
					t.column(s, rows, doA)
					j += width
				}
			}
		}
	}
	if w != nil {
		w.Release()
	}
}

// atA returns the offset of element (m, k) of op(A).
func (g *Gemm) atA(m, k int) int {
	if g.TransA {
		return k*g.LDA + m
	}
	return m*g.LDA + k
}
