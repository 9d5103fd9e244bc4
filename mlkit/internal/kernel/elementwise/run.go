package elementwise

import "descent/mlkit/internal/kernel/cpu"

// An element-wise kernel computes dst[i] from dst[i], a[i], b[i] and at most two scalars, and
// nothing else: so one signature, one table and one way of splitting serve them all.
// Inputs that an operation has no use for are nil.
type (
	elemGo  = func(dst, a, b []float32, s, t float32)
	elemAsm = func(dst, a, b *float32, n int, s, t float32)
)

// elemTable holds the assembly for each level of the processor; where it is nil, elemPortable[op]
// runs.
var elemTable [cpu.AVX512 + 1][numElemOps]elemAsm

type (
	elemJob  = cpu.Job[elemMore]
	elemMore struct {
		op    elemOp
		bytes []byte
	}
)

var elemJobs cpu.FreeList[elemJob]

func newElemJob(run func(j *elemJob, lo, hi int)) *elemJob { return cpu.NewJob(&elemJobs, run) }

func elem1(op elemOp, dst []float32, s, t float32) {
	elem(op, dst, nil, nil, s, t)
}

func elem2(name string, op elemOp, dst, a []float32, s, t float32) {
	cpu.CheckLen(name, "the input", len(dst), len(a))
	elem(op, dst, a, nil, s, t)
}

func elem3(name string, op elemOp, dst, a, b []float32, s, t float32) {
	cpu.CheckLen(name, "the first input", len(dst), len(a))
	cpu.CheckLen(name, "the second input", len(dst), len(b))
	elem(op, dst, a, b, s, t)
}

func elem(op elemOp, dst, a, b []float32, s, t float32) {
	if n := len(dst); n == 0 {
		return
	} else if n > cpu.Grain {
		j := newElemJob(elemPart)
		j.More.op, j.X[0], j.X[1], j.X[2], j.S, j.T = op, dst, a, b, s, t
		j.Parallel(n, cpu.Grain)
		return
	}
	if f := elemTable[cpu.Current][op]; f != nil && (op < opSin || smallAngles(a, b)) {
		f(cpu.Ptr(dst), cpu.Ptr(a), cpu.Ptr(b), len(dst), s, t)
		return
	}
	elemPortable[op](dst, a, b, s, t)
}

func elemPart(j *elemJob, lo, hi int) {
	elem(j.More.op, j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi), j.S, j.T)
}

// maxTrig bounds the angles that the assembly reduces with enough bits.
const maxTrig = 1 << 17

// smallAngles looks at b, a gradient's angles, and at a if there is none.
func smallAngles(a, b []float32) bool {
	if b == nil {
		b = a
	}
	return fusedTable[cpu.Current].maxAbs(cpu.Ptr(b), len(b)) <= maxTrig
}
