package kernel

import "fmt"

// An element-wise kernel computes dst[i] from dst[i], a[i], b[i] and at most two scalars, and
// nothing else: so one signature, one table and one way of splitting serve them all.
// Inputs that an operation has no use for are nil.
type (
	elemGo  = func(dst, a, b []float32, s, t float32)
	elemAsm = func(dst, a, b *float32, n int, s, t float32)
)

// elemTable holds the assembly for each level of the processor; where it is nil, elemPortable[op]
// runs.
var elemTable [avx512 + 1][numElemOps]elemAsm

// elemGrain is the number of elements one worker takes at a time, and the length up to which the
// caller does the work alone. It depends on nothing, so the partition depends on the length only.
const elemGrain = 1 << 15

func checkLen(op, name string, want, got int) {
	if want != got {
		badLen(op, name, want, got)
	}
}

//go:noinline
func badLen(op, name string, want, got int) {
	panic(fmt.Sprintf("kernel: %s: %s has %d elements, want %d", op, name, got, want))
}

func elem1(op elemOp, dst []float32, s, t float32) {
	elem(op, dst, nil, nil, s, t)
}

func elem2(name string, op elemOp, dst, a []float32, s, t float32) {
	checkLen(name, "the input", len(dst), len(a))
	elem(op, dst, a, nil, s, t)
}

func elem3(name string, op elemOp, dst, a, b []float32, s, t float32) {
	checkLen(name, "the first input", len(dst), len(a))
	checkLen(name, "the second input", len(dst), len(b))
	elem(op, dst, a, b, s, t)
}

func elem(op elemOp, dst, a, b []float32, s, t float32) {
	if n := len(dst); n == 0 {
		return
	} else if n > elemGrain {
		j := getJob((*job).elemPart)
		j.op, j.x[0], j.x[1], j.x[2], j.s, j.t = op, dst, a, b, s, t
		j.parallel(n, elemGrain)
		return
	}
	if f := elemTable[cpu][op]; f != nil && (op < opSin || smallAngles(a, b)) {
		f(ptr(dst), ptr(a), ptr(b), len(dst), s, t)
		return
	}
	elemPortable[op](dst, a, b, s, t)
}

func (j *job) elemPart(lo, hi int) {
	elem(j.op, j.at(0, lo, hi), j.at(1, lo, hi), j.at(2, lo, hi), j.s, j.t)
}

// maxTrig bounds the angles that the assembly reduces with enough bits.
const maxTrig = 1 << 17

// smallAngles looks at b, a gradient's angles, and at a if there is none.
func smallAngles(a, b []float32) bool {
	if b == nil {
		b = a
	}
	return vecTable[cpu].maxAbs(ptr(b), len(b)) <= maxTrig
}
