package gemm

import "descent/mlkit/internal/kernel/cpu"

// A large product runs on all workers together: they pack B once, for each other, and then compute C
// in more blocks than there are workers, so that one that is held up delays nothing but its own
// block. The blocks cannot change the result: no element's chain depends on them. Against a block of
// C for each worker, this takes 2 % less processor time at two workers, on an AMD Zen 4.

const (
	// sharedBlocks is how many blocks of C there are at least for each worker.
	sharedBlocks = 3
	// sharedCols is how many columns such a block has at least: each packs its rows of A for itself.
	sharedCols = 256
)

// sharedWork is the number of products from which on workers share what they pack: about 650³. Below,
// waiting for each other costs as much as packing twice. (Tests lower it.)
var sharedWork = 1 << 28

// sharedJob is one step of such a product: columns n to nEnd, a block of k from k on.
type sharedJob struct {
	g       Gemm
	plan    plan
	c, a, b []float32
	bufB    []float32
	n, nEnd int
	k       int
	mc, nb  int // rows and columns of a block of C
	packing bool
}

var sharedJobs cpu.FreeList[sharedJob]

// shareable tells whether g is large, and B is to be packed.
func (g *Gemm) shareable(work int) bool {
	if work < sharedWork {
		return false
	}
	_, b := g.packs(&TileShapes[cpu.Current])
	return b
}

// shared computes the product.
func (g *Gemm) shared(c, a, b []float32) {
	j, w := sharedJobs.Get(), cpu.GetWorkspace()
	*j = sharedJob{g: *g, plan: g.plan(), c: c, a: a, b: b}
	p, workers := &j.plan, cpu.Workers()
	cols := min(g.N, maxNC)
	// Blocks of about equal height, as many for each worker.
	down := ((g.M+maxMC-1)/maxMC + workers - 1) / workers * workers
	j.mc = (g.M + down - 1) / down
	j.mc = (j.mc + p.shape.rows - 1) / p.shape.rows * p.shape.rows
	down = (g.M + j.mc - 1) / j.mc
	j.nb = p.shape.padded((cols*down + sharedBlocks*workers - 1) / (sharedBlocks * workers))
	j.nb = min(max(j.nb, p.shape.padded(sharedCols)), p.shape.padded(cols))
	j.bufB = cpu.Floats(&w.B, p.shape.padded(cols)*p.kc)
	for j.n = 0; j.n < g.N; j.n += cols {
		j.nEnd = min(j.n+cols, g.N)
		for j.k = 0; j.k < g.K; j.k += p.kc {
			j.packing = true
			cpu.Parallel((p.shape.padded(j.nEnd-j.n)/p.shape.cols+packPanels-1)/packPanels, j)
			j.packing = false
			cpu.Parallel(down*j.across(), j)
		}
	}
	*j = sharedJob{}
	sharedJobs.Put(j)
	w.Release()
}

// across returns the blocks in a row of the grid.
func (j *sharedJob) across() int { return (j.nEnd - j.n + j.nb - 1) / j.nb }

// packPanels is how many panels of B a part packs.
const packPanels = 4

// Part packs some panels of B, or computes a block of C.
func (j *sharedJob) Part(i int) {
	g, p := &j.g, &j.plan
	s := p.shape
	var t tiles
	p.start(&t, g, j.k)
	if j.packing {
		first := j.n + i*packPanels*s.cols
		for at := first; at < min(first+packPanels*s.cols, j.nEnd); at += s.cols {
			t.width = min(s.cols, j.nEnd-at)
			t.b = j.bufB[(at-j.n)*p.kc:]
			g.packPanel(&t, s, j.b, at, j.k)
		}
		return
	}
	m, n := i/j.across()*j.mc, j.n+i%j.across()*j.nb
	rows := min(j.mc, g.M-m)
	var bufA []float32
	w := cpu.GetWorkspace()
	if p.packA {
		bufA = cpu.Floats(&w.A, j.mc*p.kc)
		packA(s, bufA, j.a[g.atA(m, j.k):], g.LDA, g.TransA, rows, t.k)
	}
	p.panels(&t, g, j.c, j.a, j.b, bufA, j.bufB[(n-j.n)*p.kc:], m, rows, n, min(n+j.nb, j.nEnd), j.k, false)
	w.Release()
}
