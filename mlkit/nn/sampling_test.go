package nn_test

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"

	"descent/mlkit/nn"
)

// always says the same of every next token.
func always(logits ...float32) func([][]int32) ([][]float32, error) {
	return func(beginnings [][]int32) ([][]float32, error) {
		return slices.Repeat([][]float32{logits}, len(beginnings)), nil
	}
}

// Tokens are drawn as often as they are likely.
func TestSamplingFrequencies(t *testing.T) {
	logits := []float32{0, 1, 2, 1.5, float32(math.Inf(-1))}
	p := func(temperature float64, ids ...int) (p [5]float64) {
		sum := 0.0
		for _, id := range ids {
			p[id] = math.Exp(float64(logits[id]) / temperature)
			sum += p[id]
		}
		for id := range p {
			p[id] /= sum
		}
		return p
	}
	for _, c := range []struct {
		s    nn.Sampling
		want [5]float64
	}{
		{nn.Sampling{}, p(1, 0, 1, 2, 3)},
		{nn.Sampling{Temperature: 0.5}, p(0.5, 0, 1, 2, 3)},
		{nn.Sampling{Temperature: 4}, p(4, 0, 1, 2, 3)},
		{nn.Sampling{TopK: 2}, p(1, 2, 3)},
		{nn.Sampling{TopK: 1}, p(1, 2)},
		{nn.Sampling{TopK: 9}, p(1, 0, 1, 2, 3)},
		{nn.Sampling{TopP: 0.4}, p(1, 2)}, // 0.455 0.276 0.167 0.062
		{nn.Sampling{TopP: 0.7}, p(1, 2, 3)},
		{nn.Sampling{TopP: 0.6, TopK: 3, Temperature: 2}, p(2, 2, 3)},
		{nn.Sampling{TopP: 1}, p(1, 0, 1, 2, 3)},
	} {
		const n = 20000
		c.s.Max, c.s.End, c.s.Seed = n, -1, 5
		got, err := c.s.Generate([][]int32{{0}}, func(b [][]int32) ([][]float32, error) {
			b[0] = b[0][:1] // the model forgets: the test need not be slow
			return always(logits...)(b)
		})
		if err != nil || len(got[0]) != n {
			t.Fatal(len(got[0]), err)
		}
		var count [5]float64
		for _, id := range got[0] {
			count[id]++
		}
		for id, p := range c.want {
			if d := math.Abs(count[id] - n*p); d > 5*math.Sqrt(n*p*(1-p)) {
				t.Errorf("%+v: token %d %v times, want %v", c.s, id, count[id], n*p)
			}
		}
	}
}

// Prompts of unequal length, ends, and one sequence apart from the others.
func TestSamplingOfSeveral(t *testing.T) {
	s := nn.Sampling{Max: 9, End: 3, Seed: 2}
	prompts := [][]int32{{1}, {2, 2, 2, 2}, {0, 1}}
	got, err := s.Generate(prompts, ways)
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	for i, w := range got {
		if len(w) > 9 || slices.Contains(w, 3) {
			t.Errorf("sequence %d is %v", i, w)
		}
		ended = ended || len(w) < 9
	}
	if !ended {
		t.Error("no sequence has ended; another seed should be tried")
	}
	again, _ := s.Generate(prompts, ways)
	alone, _ := s.Generate(prompts[:1], ways)
	if !slices.Equal(again[1], got[1]) || !slices.Equal(alone[0], got[0]) {
		t.Errorf("%v, again %v, alone %v", got, again, alone)
	}
	s.Seed++
	if other, _ := s.Generate(prompts, ways); slices.EqualFunc(other, got, slices.Equal[[]int32]) {
		t.Error("another seed writes the same")
	}
	// What is written is what the model was asked about.
	var asked [][]int32
	s.Generate(prompts[1:2], func(b [][]int32) ([][]float32, error) {
		asked = append(asked, slices.Clone(b[0]))
		return always(5, 0, 0, 0)(b)
	})
	if !slices.Equal(asked[0], prompts[1]) || len(asked) > 9 || !slices.Equal(asked[len(asked)-1][:4], prompts[1]) {
		t.Errorf("asked about %v", asked)
	}
}

func TestSamplingErrors(t *testing.T) {
	broken := errors.New("broken")
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	one := [][]int32{{1}}
	for name, f := range map[string]func() ([][]int32, error){
		"no tokens":       func() ([][]int32, error) { return nn.Sampling{}.Generate(one, ways) },
		"top-p":           func() ([][]int32, error) { return nn.Sampling{Max: 1, TopP: 1.5}.Generate(one, ways) },
		"top-p NaN":       func() ([][]int32, error) { return nn.Sampling{Max: 1, TopP: math.NaN()}.Generate(one, ways) },
		"top-k":           func() ([][]int32, error) { return nn.Sampling{Max: 1, TopK: -1}.Generate(one, ways) },
		"temperature":     func() ([][]int32, error) { return nn.Sampling{Max: 1, Temperature: -1}.Generate(one, ways) },
		"temperature NaN": func() ([][]int32, error) { return nn.Sampling{Max: 1, Temperature: math.NaN()}.Generate(one, ways) },
		"empty prompt":    func() ([][]int32, error) { return nn.Sampling{Max: 1}.Generate([][]int32{{}}, ways) },
		"NaN":             func() ([][]int32, error) { return nn.Sampling{Max: 1}.Generate(one, always(1, nan)) },
		"Inf":             func() ([][]int32, error) { return nn.Sampling{Max: 1}.Generate(one, always(1, inf)) },
		"nothing":         func() ([][]int32, error) { return nn.Sampling{Max: 1}.Generate(one, always(-inf)) },
		"rows": func() ([][]int32, error) {
			return nn.Sampling{Max: 1}.Generate(one, func([][]int32) ([][]float32, error) { return nil, nil })
		},
	} {
		if got, err := f(); err == nil {
			t.Errorf("%s: %v and no error", name, got)
		}
	}
	if _, err := (nn.Sampling{Max: 1}).Generate(one, func([][]int32) ([][]float32, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if got, err := (nn.Sampling{Max: 1}).Generate(nil, ways); len(got) != 0 || err != nil {
		t.Error(got, err)
	}
}

// Of many tokens the likeliest few are found without sorting all: the same, in
// the same order, with the same random numbers.
func TestSamplingTopKOfMany(t *testing.T) {
	rng := nn.NewRand(8)
	logits := make([]float32, 1000)
	for i := range logits {
		logits[i] = float32(rng.IntN(60)) / 10 // many are equal
	}
	logits[7] = float32(math.Inf(-1))
	next := func(b [][]int32) ([][]float32, error) { return [][]float32{logits}, nil }
	order := make([]int32, len(logits))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(logits[b], logits[a]) })
	for _, k := range []int{1, 2, 17, 100, 101} {
		s := nn.Sampling{Max: 300, End: -1, TopK: k, Seed: 3}
		got, err := s.Generate([][]int32{{0}}, next)
		if err != nil {
			t.Fatal(err)
		}
		// The same chances alone, likeliest first, need no sorting.
		few := make([]float32, k)
		for i, id := range order[:k] {
			few[i] = logits[id]
		}
		s.TopK = 0
		want, err := s.Generate([][]int32{{0}}, func([][]int32) ([][]float32, error) { return [][]float32{few}, nil })
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range want[0] {
			if got[0][i] != order[at] {
				t.Fatalf("top %d, token %d: %d, want %d", k, i, got[0][i], order[at])
			}
		}
	}
}
