package int8

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
)

// Group is how many numbers of 4 bits share a scale.
const Group = 32

// A Nibbles is a matrix of numbers of 4 bits, N rows of K, in groups of
// [Group]: of 16 bytes, the lower halves are the first numbers of a group, the
// upper halves the others, each 8 too large. The last group of a row may be
// partly unused.
type Nibbles struct {
	N, K   int
	Packed []uint8   // [N, groups, 16]
	Scales []float32 // [N, groups]
}

// Groups is how many groups a row has.
func (w *Nibbles) Groups() int { return (w.K + Group - 1) / Group }

// nibbleRows is how many rows become floats at a time.
const nibbleRows = 32

// Product computes x·wᵀ + bias: x of m rows of K, y of m rows of N. bias may be
// nil. It panics where a slice is too short.
func (w *Nibbles) Product(y, x []float32, m int, bias []float32) {
	g := w.Groups()
	if len(w.Packed) != 16*w.N*g || len(w.Scales) != w.N*g || bias != nil && len(bias) != w.N {
		panic(fmt.Sprintf("kernel: Nibbles of %d×%d: %d bytes, %d scales, %d biases", w.N, w.K, len(w.Packed), len(w.Scales), len(bias)))
	}
	cpu.NeedSize("Nibbles' input", len(x), m, w.K)
	cpu.NeedSize("Nibbles' result", len(y), m, w.N)
	if m == 0 || g == 0 {
		return
	}
	j := nibbleJobs.Get()
	*j = nibbleJob{w, y, x, bias, m}
	cpu.Parallel((w.N+nibbleRows-1)/nibbleRows, j)
	*j = nibbleJob{}
	nibbleJobs.Put(j)
}

type nibbleJob struct {
	w          *Nibbles
	y, x, bias []float32
	m          int
}

var nibbleJobs cpu.FreeList[nibbleJob]

// Part implements cpu.Task.
func (j *nibbleJob) Part(i int) {
	w, g := j.w, j.w.Groups()
	lo, hi := i*nibbleRows, min((i+1)*nibbleRows, j.w.N)
	s := cpu.GetWorkspace()
	defer s.Release()
	rows := cpu.Floats(&s.C, (hi-lo)*g*Group)
	nibbles(rows, w.Packed[16*lo*g:16*hi*g], w.Scales[lo*g:hi*g])
	p := gemm.Gemm{M: j.m, N: hi - lo, K: w.K, TransB: true, LDB: g * Group, LDC: w.N}
	if j.bias != nil {
		p.Bias = j.bias[lo:hi]
	}
	p.Run(j.y[lo:], j.x, rows)
}
