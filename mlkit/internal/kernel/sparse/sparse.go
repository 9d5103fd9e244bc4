package sparse

import (
	"fmt"
	"slices"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
)

// Matrix is a matrix [Out, In] without its zeros: those of row i are
// At[First[i]] to At[First[i+1]−1], columns in rising order.
type Matrix struct {
	In, Out   int
	At, First []int32
}

// Compress lists what is not zero of a matrix [out, in].
func Compress(w []float32, out, in int) (m Matrix, values []float32) {
	cpu.NeedSize("Compress: w", len(w), out, in)
	m = Matrix{In: in, Out: out, First: make([]int32, 1, out+1)}
	for i := range out {
		for k, v := range w[i*in : i*in+in] {
			if v != 0 {
				m.At, values = append(m.At, int32(k)), append(values, v)
			}
		}
		m.First = append(m.First, int32(len(values)))
	}
	m.At, values = slices.Clip(m.At), slices.Clip(values)
	return m, values
}

// panel is how many samples the kernel sees at once: eight vectors of AVX-512,
// as many chains as hide the latency of a multiplication, and a panel of a
// thousand features still fits the second-level cache.
const panel = 128

// partProducts is about how many products a worker takes at a time.
const partProducts = 1 << 18

type job = cpu.Job[rows]

type rows struct {
	at, first []int32
	bias      []float32
}

var jobs cpu.FreeList[job]

// MulT writes x·Mᵀ + bias to y: x is [rows, In], y [rows, Out], bias [Out] or
// nil. Each element is one chain of fused multiply-adds over the columns (of a
// single sample sixteen chains and a tree), as in
// the dense product [gemm.Gemm] up to 8192 columns, so the two agree bit for
// bit where nothing is infinite or NaN.
func (m *Matrix) MulT(y, x, w, bias []float32) {
	n := cpu.RowsOf("MulT", len(x), max(m.In, 1))
	cpu.CheckLen("MulT", "y", n*m.Out, len(y))
	cpu.CheckLen("MulT", "w", len(m.At), len(w))
	cpu.CheckLen("MulT", "First", m.Out+1, len(m.First))
	if bias != nil {
		cpu.CheckLen("MulT", "bias", m.Out, len(bias))
	}
	if int(m.First[m.Out]) != len(m.At) {
		panic(fmt.Sprintf("kernel: MulT: the rows end at %d of %d values", m.First[m.Out], len(m.At)))
	}
	s := cpu.GetWorkspace()
	for lo := 0; lo < n; lo += panel {
		cols := min(panel, n-lo)
		in, out := x[lo*m.In:(lo+cols)*m.In], y[lo*m.Out:(lo+cols)*m.Out]
		turned, result := in, out
		if cols > 1 {
			turned, result = cpu.Floats(&s.A, len(in)), cpu.Floats(&s.B, len(out))
			gemm.Transpose(turned, in, cols, m.In)
		}
		do := part
		if n == 1 {
			do = partOfOne
		}
		j := cpu.NewJob(&jobs, do)
		j.X[0], j.X[1], j.X[2], j.Cols = result, turned, w, cols
		j.More = rows{at: m.At, first: m.First, bias: bias}
		each := max(1, len(m.At)/max(1, m.Out)*cols)
		j.Parallel(m.Out, max(1, partProducts/each))
		if cols > 1 {
			gemm.Transpose(out, result, m.Out, cols)
		}
	}
	s.Release()
}

func part(j *job, lo, hi int) {
	weighRows(j.Rows(0, lo, hi), j.X[1], j.X[2], j.More.biases(lo, hi), j.More.at, j.More.first[lo:hi+1], j.Cols)
}

func partOfOne(j *job, lo, hi int) {
	weighOne(j.X[0][lo:hi], j.X[1], j.X[2], j.More.biases(lo, hi), j.More.at, j.More.first[lo:hi+1])
}

func (r *rows) biases(lo, hi int) []float32 {
	if r.bias == nil {
		return nil
	}
	return r.bias[lo:hi]
}
