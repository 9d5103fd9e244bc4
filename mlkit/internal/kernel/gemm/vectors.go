package gemm

import "descent/mlkit/internal/kernel/cpu"

// Products with a vector, and outer products: each element of the matrix is
// used once, so all that counts is how fast it comes from memory or goes there.
// They walk along its rows, where the tile kernel would go down columns of
// tiles: of 1 × 1024 × 1024 that took twice as long, of an outer product of
// 512 × 512 eight times.
const (
	leastVector = 1 << 13 // elements of the matrix below which the tile kernel is no slower
	leastRow    = 1 << 6  // and of its rows
	// vectorPart is how many elements of the matrix are worth a worker: 256 KB,
	// a few microseconds.
	vectorPart  = 1 << 16
	leastShared = 2 * vectorPart
)

// weighsRows tells whether the product is a sum of the rows of b, each times an
// element of a.
func (g *Gemm) weighsRows() bool {
	return g.M == 1 && !g.TransB && g.N >= leastRow && g.N*g.K >= leastVector && g.K <= longK && g.bare()
}

// isOuter tells whether the product is that of a column and a row.
func (g *Gemm) isOuter() bool {
	return g.K == 1 && (!g.TransB || g.LDB == 1) && g.N >= leastRow && g.M*g.N >= leastVector && g.bare()
}

// bare tells whether nothing is to be done after the last k.
func (g *Gemm) bare() bool { return g.Alpha == 1 && g.flags() == 0 }

// vectorJob is a product cut into pieces of its result. No element's chain
// depends on the cut.
type vectorJob struct {
	g       Gemm
	c, a, b []float32
	t       tiles // of dots
	kind    int
	n, each int
}

const (
	dots = iota
	weighedRows
	outer
)

var vectorJobs cpu.FreeList[vectorJob]

// inParts runs a product of the kind if it is large enough for several workers;
// its result has n elements or rows, and its matrix each numbers for one.
func (g *Gemm) inParts(kind, n, each int, c, a, b []float32, t *tiles) bool {
	if n*each < leastShared || cpu.Workers() == 1 {
		return false
	}
	parts := min(n*each/vectorPart, 4*cpu.Workers())
	j := vectorJobs.Get()
	*j = vectorJob{g: *g, c: c, a: a, b: b, kind: kind, n: n}
	if t != nil {
		j.t = *t
	}
	j.each = ((n+parts-1)/parts + lineFloats - 1) &^ (lineFloats - 1)
	cpu.Parallel((n+j.each-1)/j.each, j)
	*j = vectorJob{}
	vectorJobs.Put(j)
	return true
}

// Part implements [cpu.Task].
func (j *vectorJob) Part(i int) {
	g, lo, hi := &j.g, i*j.each, min((i+1)*j.each, j.n)
	switch j.kind {
	case dots:
		t := j.t
		t.b, t.c, t.count = t.b[lo*t.ldb:], t.c[lo:], hi-lo
		if t.bias != nil {
			t.bias = t.bias[lo:]
		}
		g.someDots(&t)
	case weighedRows:
		g.weighRows(j.c, j.a, j.b, lo, hi)
	case outer:
		g.outerRows(j.c, j.a, j.b, lo, hi)
	}
}

// weighRows computes elements lo to hi of the result.
func (g *Gemm) weighRows(c, a, b []float32, lo, hi int) {
	c = c[lo:hi]
	if !g.Accumulate {
		clear(c)
	}
	step := 1
	if g.TransA {
		step = g.LDA
	}
	k := 0
	for ; k+4 <= g.K; k += 4 {
		i, r := k*step, b[k*g.LDB:]
		r0, r1, r2, r3 := r[lo:hi], r[g.LDB+lo:g.LDB+hi], r[2*g.LDB+lo:2*g.LDB+hi], r[3*g.LDB+lo:3*g.LDB+hi]
		addFourRows(c, r0, r1, r2, r3, a[i], a[i+step], a[i+2*step], a[i+3*step])
	}
	for ; k < g.K; k++ {
		addRow(c, b[k*g.LDB+lo:k*g.LDB+hi], a[k*step])
	}
}

// outerRows computes rows lo to hi.
func (g *Gemm) outerRows(c, a, b []float32, lo, hi int) {
	step := g.LDA
	if g.TransA {
		step = 1
	}
	b = b[:g.N]
	for i := lo; i < hi; i++ {
		row := c[i*g.LDC:][:g.N]
		if g.Accumulate {
			addRow(row, b, a[i*step])
		} else {
			scaledRow(row, b, a[i*step])
		}
	}
}

// someDots computes the elements that t counts.
func (g *Gemm) someDots(t *tiles) {
	if g.K <= 8*longK { // in 16 chains
		runDots(t)
		return
	}
	all := *t
	for k := 0; k < g.K; k += longK {
		*t = all
		t.a, t.b, t.k = all.a[k:], all.b[k:], min(longK, g.K-k)
		if t.flags &= flagScale | flagAdd; k > 0 {
			t.flags |= flagAdd
		}
		if k+t.k == g.K {
			t.flags |= all.flags
		}
		runDots(t)
	}
}

func scaledRowGo(dst, x []float32, a float32) {
	for i, v := range x[:len(dst)] {
		dst[i] = 0 + a*v // never -0, as of a chain that starts from 0
	}
}

func addRowGo(dst, x []float32, a float32) {
	for i, v := range x[:len(dst)] {
		dst[i] += a * v
	}
}

func addFourRowsGo(dst, x0, x1, x2, x3 []float32, a0, a1, a2, a3 float32) {
	n := len(dst)
	x0, x1, x2, x3 = x0[:n], x1[:n], x2[:n], x3[:n]
	for i, d := range dst {
		dst[i] = d + a0*x0[i] + a1*x1[i] + a2*x2[i] + a3*x3[i]
	}
}
