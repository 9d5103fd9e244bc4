package elementwise

import (
	"unsafe"

	"descent/mlkit/internal/kernel/cpu"
)

// fusedKernels are the kernels of this family with arguments of their own, for one level of the
// processor. Where there is no assembly a field is nil, and the function of the same name with Go
// behind it runs.
type fusedKernels struct {
	maxAbs             func(x *float32, n int) float32 // where elemTable has a sine
	geluSlope          func(y, slope, x *float32, n int)
	adam               func(p, g, m, v *float32, n int, take1, beta2, take2, step, root, eps, keep float32)
	momentum, nesterov func(p, g, buf *float32, n int, lr, mu, take float32)
	rmsProp            func(p, g, v *float32, n int, lr, alpha, take, eps float32)
	lion               func(p, g, m *float32, n int, lr, beta1, take1, beta2, take2, keep float32)
	bytesToFloats      func(dst *float32, src *byte, n int, scale, shift float32)
}

var fusedTable [cpu.AVX512 + 1]fusedKernels

func rmsProp(w, g, v []float32, lr, alpha, take, eps float32) {
	if f := fusedTable[cpu.Current].rmsProp; f != nil {
		f(cpu.Ptr(w), cpu.Ptr(g), cpu.Ptr(v), len(w), lr, alpha, take, eps)
		return
	}
	rmsPropGo(w, g, v, lr, alpha, take, eps)
}

func lion(w, g, m []float32, lr, beta1, take1, beta2, take2, keep float32) {
	if f := fusedTable[cpu.Current].lion; f != nil {
		f(cpu.Ptr(w), cpu.Ptr(g), cpu.Ptr(m), len(w), lr, beta1, take1, beta2, take2, keep)
		return
	}
	lionGo(w, g, m, lr, beta1, take1, beta2, take2, keep)
}

func adam(w, g, m, v []float32, take1, beta2, take2, step, root, eps, keep float32) {
	if f := fusedTable[cpu.Current].adam; f != nil {
		f(cpu.Ptr(w), cpu.Ptr(g), cpu.Ptr(m), cpu.Ptr(v), len(w), take1, beta2, take2, step, root, eps, keep)
		return
	}
	adamGo(w, g, m, v, take1, beta2, take2, step, root, eps, keep)
}

func momentum(w, g, buf []float32, lr, mu, take float32, nesterov bool) {
	f := fusedTable[cpu.Current].momentum
	if nesterov {
		f = fusedTable[cpu.Current].nesterov
	}
	if f != nil {
		f(cpu.Ptr(w), cpu.Ptr(g), cpu.Ptr(buf), len(w), lr, mu, take)
		return
	}
	momentumGo(w, g, buf, lr, mu, take, nesterov)
}

func bytesToFloats(dst []float32, src []byte, scale, shift float32) {
	if f := fusedTable[cpu.Current].bytesToFloats; f != nil {
		f(cpu.Ptr(dst), unsafe.SliceData(src), len(dst), scale, shift)
		return
	}
	bytesToFloatsGo(dst, src, scale, shift)
}
