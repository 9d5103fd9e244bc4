package elementwise

import "descent/mlkit/internal/kernel/cpu"

// An element-wise kernel computes dst[i] from dst[i], a[i], b[i] and at most
// two scalars, and nothing else: so one signature, one table and one way of
// splitting serve them all. Inputs that an operation has no use for are nil.
type elemFunc = func(dst, a, b []float32, s, t float32)

type (
	elemJob  = cpu.Job[elemMore]
	elemMore struct {
		f     elemFunc
		bytes []byte
		at    []int32
	}
)

var elemJobs cpu.FreeList[elemJob]

func newElemJob(run func(j *elemJob, lo, hi int)) *elemJob { return cpu.NewJob(&elemJobs, run) }

func elem1(f elemFunc, dst []float32, s, t float32) {
	elem(f, dst, nil, nil, s, t)
}

func elem2(name string, f elemFunc, dst, a []float32, s, t float32) {
	cpu.CheckLen(name, "the input", len(dst), len(a))
	if few(len(dst)) {
		f(dst, a, nil, s, t)
		return
	}
	elem(f, dst, a, nil, s, t)
}

func elem3(name string, f elemFunc, dst, a, b []float32, s, t float32) {
	cpu.CheckLen(name, "the first input", len(dst), len(a))
	cpu.CheckLen(name, "the second input", len(dst), len(b))
	if few(len(dst)) {
		f(dst, a, b, s, t)
		return
	}
	elem(f, dst, a, b, s, t)
}

// few tells whether there are elements, but few: small models feel the call of
// elem.
func few(n int) bool { return uint(n-1) < cpu.Grain }

func elem(f elemFunc, dst, a, b []float32, s, t float32) {
	if n := len(dst); n == 0 {
		return
	} else if n > cpu.Grain {
		j := newElemJob(elemPart)
		j.More.f, j.X[0], j.X[1], j.X[2], j.S, j.T = f, dst, a, b, s, t
		j.Parallel(n, cpu.Grain)
		return
	}
	f(dst, a, b, s, t)
}

func elemPart(j *elemJob, lo, hi int) {
	elem(j.More.f, j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi), j.S, j.T)
}

// maxTrig bounds the angles that the assembly reduces with enough bits.
const maxTrig = 1 << 17

// smallAngles reports whether the assembly, if there is any, may have the
// angles x.
func smallAngles(x []float32) bool { return cpu.Current != cpu.Portable && maxAbs(x) <= maxTrig }

func anySin(dst, a, b []float32, s, t float32) {
	if smallAngles(a) {
		sin(dst, a, b, s, t)
	} else {
		sinGo(dst, a, b, s, t)
	}
}

func anyCos(dst, a, b []float32, s, t float32) {
	if smallAngles(a) {
		cos(dst, a, b, s, t)
	} else {
		cosGo(dst, a, b, s, t)
	}
}

func anySinGrad(dst, a, b []float32, s, t float32) {
	if smallAngles(b) {
		sinGrad(dst, a, b, s, t)
	} else {
		sinGradGo(dst, a, b, s, t)
	}
}

func anyCosGrad(dst, a, b []float32, s, t float32) {
	if smallAngles(b) {
		cosGrad(dst, a, b, s, t)
	} else {
		cosGradGo(dst, a, b, s, t)
	}
}

// rowAt returns the row of argument i that belongs to row k of the gradient.
func rowAt(j *elemJob, i, k int) []float32 {
	r := int(j.More.at[k])
	return j.Rows(i, r, r+1)
}
