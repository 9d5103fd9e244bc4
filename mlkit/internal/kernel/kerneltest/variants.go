package kerneltest

import (
	"fmt"
	"runtime"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
)

// Variants runs f, which computes into the slices it returns, in several
// settings and fails the test unless all results have the same bits.
func Variants(t *testing.T, name string, f func() [][]float32) {
	t.Helper()
	var want [][]float32
	compare := func(setting string) {
		t.Helper()
		got := f()
		if want == nil {
			want = got
		}
		for i := range got {
			SameBits(t, fmt.Sprintf("%s, %s, result %d", name, setting, i), got[i], want[i])
		}
	}
	for _, l := range cpu.Levels[1:] {
		func() {
			defer cpu.SetLevel(cpu.SetLevel(l))
			AtProcs(t, func(t *testing.T) { compare(l.String()) })
		}()
	}
}

// AtProcs runs f with several numbers of workers.
func AtProcs(t *testing.T, f func(t *testing.T)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(n)
		f(t)
	}
}
