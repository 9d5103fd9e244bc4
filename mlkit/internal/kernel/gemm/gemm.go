package gemm

import (
	"fmt"
	"math/bits"

	"descent/mlkit/internal/kernel/cpu"
)

// Activation is a function applied to each element of a result while it is
// still in cache.
type Activation uint8

const (
	None    Activation = iota // the identity
	ReLUAct                   // max(0, x); NaN stays NaN
)

// Gemm describes a product of matrices in row-major order,
//
//	C = act(Alpha·op(A)·op(B) + bias)       or, with Accumulate,
//	C = act(C + Alpha·op(A)·op(B) + bias)
//
// with op(A) of M×K and op(B) of K×N. The zero values of the optional fields
// mean what is usual. A Gemm is a value: it may be kept and used again, from
// any number of goroutines.
type Gemm struct {
	M, N, K int
	// TransA says that a holds the transpose, K×M; TransB that b holds N×K.
	TransA, TransB bool
	// LDA, LDB and LDC are the distances between the starts of neighbouring
	// rows as stored. 0 means that rows follow each other without a gap.
	LDA, LDB, LDC int
	Accumulate    bool
	Bias          []float32  // length N, added to every row; nil for none
	BiasRows      []float32  // length M, one number for each row; nil for none
	Act           Activation // applied last
	Alpha         float32    // factor of the product; 0 means 1
}

// check fills in the defaults, or panics if a size is negative or overflows
// int, or a slice is too short.
func (g *Gemm) check(c, a, b []float32) {
	ar, ac, br, bc := g.M, g.K, g.K, g.N
	if g.TransA {
		ar, ac = ac, ar
	}
	if g.TransB {
		br, bc = bc, br
	}
	if g.M < 0 || g.N < 0 || g.K < 0 {
		panic(fmt.Sprintf("kernel: Gemm of %d×%d×%d (M×N×K): negative size", g.M, g.N, g.K))
	}
	g.LDA = g.stride("A", g.LDA, ar, ac, len(a))
	g.LDB = g.stride("B", g.LDB, br, bc, len(b))
	g.LDC = g.stride("C", g.LDC, g.M, g.N, len(c))
	if g.Bias != nil && len(g.Bias) < g.N {
		panic(fmt.Sprintf("kernel: Gemm of %d×%d×%d (M×N×K): Bias has %d elements, needs %d", g.M, g.N, g.K, len(g.Bias), g.N))
	}
	if g.BiasRows != nil && len(g.BiasRows) < g.M {
		panic(fmt.Sprintf("kernel: Gemm of %d×%d×%d (M×N×K): BiasRows has %d elements, needs %d", g.M, g.N, g.K, len(g.BiasRows), g.M))
	}
	if g.Alpha == 0 {
		g.Alpha = 1
	}
}

// stride returns the distance between rows of an operand of rows×cols, and
// panics if the operand does not fit n elements.
func (g *Gemm) stride(operand string, ld, rows, cols, n int) int {
	if ld == 0 {
		ld = cols
	}
	if ld < cols {
		panic(fmt.Sprintf("kernel: Gemm of %d×%d×%d (M×N×K): rows of %s have %d elements but are %d apart", g.M, g.N, g.K, operand, cols, ld))
	}
	if rows == 0 || cols == 0 {
		return ld
	}
	// (rows-1)·ld + cols ≤ n, where the product may overflow.
	if hi, lo := bits.Mul(uint(rows-1), uint(ld)); hi != 0 || lo > uint(n) || uint(n)-lo < uint(cols) {
		panic(fmt.Sprintf("kernel: Gemm of %d×%d×%d (M×N×K): %s has %d elements, needs %d rows of %d, %d apart", g.M, g.N, g.K, operand, n, rows, cols, ld))
	}
	return ld
}

// Run computes c from a and b. c must not overlap them. It panics on a
// negative size, a stride shorter than a row, or a slice that is too short.
func (g Gemm) Run(c, a, b []float32) {
	g.check(c, a, b)
	g.RunUnchecked(c, a, b)
}

// GemmBatch computes batch products of the same shape. Product i reads a from
// i·strideA and b from i·strideB, and writes c from i·strideC; a stride of 0
// shares the operand between all products. It panics as [Gemm.Run] does, and
// if two results overlap.
func GemmBatch(batch int, g Gemm, c, a, b []float32, strideC, strideA, strideB int) {
	if batch < 0 || strideA < 0 || strideB < 0 || strideC < 0 {
		panic(fmt.Sprintf("kernel: GemmBatch: negative size: batch %d, strides %d %d %d", batch, strideC, strideA, strideB))
	}
	if batch == 0 {
		return
	}
	at := func(operand string, x []float32, stride int) []float32 {
		hi, lo := bits.Mul(uint(batch-1), uint(stride))
		if hi != 0 || lo > uint(len(x)) {
			panic(fmt.Sprintf("kernel: GemmBatch: %s has %d elements, but the last of %d matrices starts at %d×%d", operand, len(x), batch, batch-1, stride))
		}
		return x[lo:]
	}
	g.check(at("C", c, strideC), at("A", a, strideA), at("B", b, strideB))
	if need := (g.M-1)*g.LDC + g.N; batch > 1 && strideC < need {
		panic(fmt.Sprintf("kernel: GemmBatch: results of %d elements overlap: they are %d apart", need, strideC))
	}
	if batch == 1 || cpu.Workers() == 1 || batch*g.M*g.N*g.K < SerialWork {
		for i := range batch {
			g.RunUnchecked(c[i*strideC:], a[i*strideA:], b[i*strideB:])
		}
		return
	}
	j := batchJobs.Get()
	each := max(1, batchWork/max(1, g.M*g.N*g.K))
	*j = batchJob{g: g, c: c, a: a, b: b, sc: strideC, sa: strideA, sb: strideB, batch: batch, each: each}
	cpu.Parallel((batch+each-1)/each, j)
	*j = batchJob{}
	batchJobs.Put(j)
}
