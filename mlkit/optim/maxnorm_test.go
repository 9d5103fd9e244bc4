package optim_test

import (
	"math"
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// After each step the rows that have become too long are as long as allowed and
// point where the rule left them; others, biases and what a filter leaves out
// are the rule's.
func TestMaxNorm(t *testing.T) {
	const limit = 1.5
	params := func() (ps []*tensor.Param) {
		for _, name := range []string{"a.weight", "a.bias", "b.weight"} {
			p := tensor.NewParam(3, 4)
			if name == "a.bias" {
				p = tensor.NewParam(12)
			}
			p.Name = name
			for i := range p.Data {
				p.Data[i] = float32(math.Sin(float64(i+1))) * float32(i/4+1) / 2
			}
			ps = append(ps, p)
		}
		return ps
	}
	with, plain := params(), params()
	rule := func() optim.Rule { return optim.Momentum(0.1, 0.9) }
	o := optim.New(with, optim.MaxNorm(limit, rule(), optim.Named("*a.*")))
	p := optim.New(plain, rule())
	if r := o.LearningRate(); r != 0.1 {
		t.Errorf("the learning rate is %v", r)
	}
	shortened := 0
	for step := range 5 {
		for k := range plain { // the same parameters, the same gradients
			copy(plain[k].Data, with[k].Data)
		}
		for _, opt := range []*optim.Optimizer{o, p} {
			tape, loss := tensor.NewTape(1), tensor.Tensor{}
			for k, q := range opt.Params() {
				l := tape.Use(q).Reshape(12).Sin().Scale(float32(k + step)).Sum()
				if k > 0 {
					l = l.Add(loss)
				}
				loss = l
			}
			opt.Step(loss.Backward())
		}
		for k, q := range with {
			for row := range 3 {
				got, want := q.Data[4*row:4*row+4], plain[k].Data[4*row:4*row+4]
				length, factor := 0.0, 1.0
				for _, v := range want {
					length += float64(v) * float64(v)
				}
				if length = math.Sqrt(length); q.Name == "a.weight" && length > limit {
					factor = limit / length
					shortened++
				}
				for i := range got {
					if math.Abs(float64(got[i])-factor*float64(want[i])) > 1e-6 {
						t.Fatalf("step %d, %s, row %d: %v, want %v times %v", step, q.Name, row, got, factor, want)
					}
				}
			}
		}
	}
	if shortened < 3 || shortened > 12 {
		t.Errorf("%d of 15 rows were shortened: the test shows little", shortened)
	}
	mustPanic(t, "the limit is 0", func() { optim.MaxNorm(0, rule()) })
}

// Frozen parameters, rows at the limit and rows of zeros stay as they are, a
// limit may be infinite, and nonsense is refused.
func TestMaxNormCases(t *testing.T) {
	p := tensor.NewParam(3, 2, 1, 2) // a convolution: a row is a filter
	copy(p.Data, []float32{3, 0, 0, 4, 0, 0, 0, 0, 0.6, 0, 0.8, 0})
	frozen := tensor.NewParam(1, 2)
	copy(frozen.Data, []float32{30, 40})
	frozen.Frozen = true
	step := func(rule optim.Rule) {
		tape := tensor.NewTape(1)
		loss := tape.Use(p).Scale(0).Sum().Add(tape.Use(frozen).Scale(0).Sum())
		optim.New([]*tensor.Param{p, frozen}, rule).Step(loss.Backward())
	}
	step(optim.MaxNorm(math.Inf(1), optim.SGD(0.1)))
	if p.Data[0] != 3 {
		t.Errorf("without a limit a row is %v", p.Data[:4])
	}
	step(optim.MaxNorm(1, optim.SGD(0.1)))
	for i, want := range []float32{0.6, 0, 0, 0.8, 0, 0, 0, 0, 0.6, 0, 0.8, 0} {
		if math.Abs(float64(p.Data[i]-want)) > 1e-6 {
			t.Fatalf("rows of norm 5, 0 and 1 are %v under a limit of 1", p.Data)
		}
	}
	if frozen.Data[0] != 30 || frozen.Data[1] != 40 {
		t.Errorf("a frozen row became %v", frozen.Data)
	}
	for _, limit := range []float64{-1, math.NaN()} {
		mustPanic(t, "limit", func() { optim.MaxNorm(limit, optim.SGD(0.1)) })
	}
	mustPanic(t, "MaxNorm", func() {
		optim.New([]*tensor.Param{p}, optim.MaxNorm(1, optim.NewEMA(0.9).Around(optim.SGD(0.1))))
	})
}
