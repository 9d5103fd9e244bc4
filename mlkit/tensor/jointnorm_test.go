package tensor_test

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"descent/mlkit/tensor"
)

// meeting adds up what so many tapes bring, in their order.
type meeting struct {
	mu    sync.Mutex
	cond  sync.Cond
	parts [][]float64
	here  int
	round int
}

func newMeeting(n int) *meeting {
	m := &meeting{parts: make([][]float64, n)}
	m.cond.L = &m.mu
	return m
}

func (m *meeting) add(k int, x []float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parts[k] = x
	if m.here++; m.here < len(m.parts) {
		for round := m.round; m.round == round; {
			m.cond.Wait()
		}
		return
	}
	for _, x := range m.parts[1:] {
		for i, v := range x {
			m.parts[0][i] += v
		}
	}
	for _, x := range m.parts[1:] {
		copy(x, m.parts[0])
	}
	m.here = 0
	m.round++
	m.cond.Broadcast()
}

// TestJoinStatistics normalises a batch in parts, on a tape each, and as a
// whole: values, gradients and running statistics of planes have the same bits,
// those of columns, whose sums are of float32, are nearly the same.
func TestJoinStatistics(t *testing.T) {
	for _, dims := range [][]int{{9, 3, 5, 4}, {9, 70, 7}, {9, 2, 3}, {9, 3}, {40, 70}} {
		for _, relu := range []bool{false, true} {
			n, channels, row := dims[0], dims[1], tensor.SizeOf(dims[1:])
			offset := 30.0
			if len(dims) == 2 {
				offset = 1
			}
			x, dy := make([]float32, n*row), make([]float32, n*row)
			for i := range x {
				x[i] = float32(offset + 5*math.Sin(float64(i*i)))
				dy[i] = float32(math.Cos(float64(3 * i)))
			}
			w, b := tensor.NewParam(channels), tensor.NewParam(channels)
			for c := range channels {
				w.Data[c], b.Data[c] = float32(1+c%3), float32(c%2)-0.4
			}
			type result struct{ y, dx, dw, db, mean, variance []float32 }
			run := func(tape *tensor.Tape, lo, hi int) (r result) {
				tape.Reset()
				in := tape.Variable(x[lo*row:hi*row], append([]int{hi - lo}, dims[1:]...)...)
				mean, variance := tensor.NewBuffer(0, channels), tensor.NewBuffer(1, channels)
				norm := tensor.Tensor.BatchNorm
				if relu {
					norm = tensor.Tensor.BatchNormReLU
				}
				y := norm(in, tape.Use(w), tape.Use(b), mean, variance, 0.25, 1e-5)
				r.y = append(r.y, y.Data()...)
				g := y.BackwardFrom(dy[lo*row : hi*row])
				r.dx, r.dw, r.db = append(r.dx, g.Wrt(in)...), append(r.dw, g.Of(w)...), append(r.db, g.Of(b)...)
				g.Commit()
				r.mean, r.variance = mean.Data, variance.Data
				return r
			}
			whole := run(tensor.NewTape(1), 0, n)
			cuts := []int{0, n / 3, n/3 + 1, n} // a part of one sample, too
			meet, parts := newMeeting(3), make([]result, 3)
			var wg sync.WaitGroup
			for k := range parts {
				wg.Go(func() {
					tape := tensor.NewTape(1)
					tape.JoinStatistics(func(x []float64) { meet.add(k, x) })
					parts[k] = run(tape, cuts[k], cuts[k+1])
				})
			}
			wg.Wait()
			var joined result
			joined.dw, joined.db = make([]float32, channels), make([]float32, channels)
			for _, p := range parts {
				joined.y, joined.dx = append(joined.y, p.y...), append(joined.dx, p.dx...)
				for c := range channels {
					joined.dw[c] += p.dw[c]
					joined.db[c] += p.db[c]
				}
				for what, pair := range map[string][2][]float32{"mean": {p.mean, whole.mean}, "variance": {p.variance, whole.variance}} {
					if err := near(pair[0], pair[1], len(dims) == 2); err != nil {
						t.Errorf("%v, relu %v, running %s: %v", dims, relu, what, err)
					}
				}
			}
			for what, pair := range map[string][2][]float32{"y": {joined.y, whole.y}, "dx": {joined.dx, whole.dx}} {
				if err := near(pair[0], pair[1], len(dims) == 2); err != nil {
					t.Errorf("%v, relu %v, %s: %v", dims, relu, what, err)
				}
			}
			for what, pair := range map[string][2][]float32{"dw": {joined.dw, whole.dw}, "db": {joined.db, whole.db}} {
				if err := near(pair[0], pair[1], true); err != nil {
					t.Errorf("%v, relu %v, %s: %v", dims, relu, what, err)
				}
			}
		}
	}
}

// near compares numbers: bit by bit, or with room for the rounding of sums.
func near(got, want []float32, rounded bool) error {
	for i, v := range want {
		room := 0.0
		if rounded {
			room = 3e-5 * (1 + math.Abs(float64(v)))
		}
		if d := math.Abs(float64(got[i] - v)); !(d <= room) {
			return fmt.Errorf("element %d is %v, of the whole batch %v", i, got[i], v)
		}
	}
	return nil
}

// A single value a channel on all tapes together has no variance.
func TestJoinStatisticsOfOneValue(t *testing.T) {
	tape := tensor.NewTape(1)
	tape.JoinStatistics(func([]float64) {})
	tape.Reset()
	defer func() {
		if _, ok := recover().(*tensor.ShapeError); !ok {
			t.Error("no ShapeError")
		}
	}()
	tape.Full(1, 1, 3).BatchNorm(tensor.Tensor{}, tensor.Tensor{}, nil, nil, 0.1, 1e-5)
}
