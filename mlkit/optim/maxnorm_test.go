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
