package search_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/search"
	"descent/mlkit/train"
)

// distance from the best point, lr = 0.01 and width = 32, to nine digits: where
// the compiler fuses a product and a sum, as on arm64, log10 is off by 1e-16.
func distance(p search.Params) float64 {
	d := math.Abs(math.Log10(p.Float("lr"))+2) + math.Abs(float64(p.Int("width"))-32)/32
	return math.Round(1e9*d) / 1e9
}

func TestGridSearch(t *testing.T) {
	var order []string
	trials, err := search.GridSearch(context.Background(), []search.Parameter{
		search.Choice("lr", 0.1, 0.01, 0.001), search.Choice("width", 16, 32)},
		func(_ context.Context, p search.Params) (float64, error) {
			order = append(order, p.String())
			if p.Float("lr") == 0.1 && p.Int("width") == 32 {
				return 0, errors.New("does not fit")
			}
			if p.Float("lr") == 0.1 {
				return math.NaN(), nil
			}
			return distance(p), nil
		})
	if err != nil || len(trials) != 6 || order[0] != "lr=0.1 width=16" || order[5] != "lr=0.001 width=32" {
		t.Errorf("%v, %v", order, err)
	}
	best, ok := trials.Best()
	if !ok || best.Params.Number != 3 || best.Score != 0 {
		t.Errorf("best %+v", best)
	}
	want := `trial  lr     width  score  error
3      0.01   32     0      
2      0.01   16     0.5    
5      0.001  32     1      
4      0.001  16     1.5    
0      0.1    16     NaN    
1      0.1    32     0      does not fit
`
	if s := trials.String(); s != want {
		t.Errorf("table\n%s, want\n%s", s, want)
	}
}

func TestRandomSearch(t *testing.T) {
	space := []search.Parameter{search.LogUniform("lr", 1e-4, 1), search.Integers("width", 1, 64), search.Uniform("dropout", 0.1, 0.5), search.Choice("act", "relu", "tanh")}
	search := func(seed uint64) search.Trials {
		trials, err := search.RandomSearch(context.Background(), space, 400, seed, func(_ context.Context, p search.Params) (float64, error) { return distance(p), nil })
		if err != nil || len(trials) != 400 {
			t.Fatalf("%d trials, %v", len(trials), err)
		}
		return trials
	}
	a, b, c := search(1), search(1), search(2)
	decades, relu, widths := [4]int{}, 0, map[int]bool{}
	for i, tr := range a {
		p := tr.Params
		if p.String() != b[i].Params.String() {
			t.Fatalf("same seed, other point: %v, %v", p, b[i].Params)
		}
		if d := p.Float("dropout"); d < 0.1 || d >= 0.5 {
			t.Errorf("dropout %v", d)
		}
		decades[int(math.Floor(math.Log10(p.Float("lr"))))+4]++
		widths[p.Int("width")] = true
		if p.Text("act") == "relu" {
			relu++
		}
	}
	if a[0].Params.String() == c[0].Params.String() {
		t.Error("another seed, the same point")
	}
	for _, n := range decades { // 100 expected, standard deviation 9
		if n < 60 || n > 140 {
			t.Errorf("decades of the rate: %v", decades)
		}
	}
	if relu < 150 || relu > 250 || len(widths) != 64 {
		t.Errorf("relu %d times of 400, %d widths", relu, len(widths))
	}
	if best, ok := a.Best(); !ok || best.Score > 0.3 {
		t.Errorf("best %+v", best)
	}
}

func TestSuccessiveHalving(t *testing.T) {
	spent := map[int]int{}
	trials, err := search.SuccessiveHalving(context.Background(), []search.Parameter{search.LogUniform("lr", 1e-4, 1), search.Choice("width", 32)},
		search.Halving{Points: 27, Min: 1, Max: 20, Seed: 3},
		func(_ context.Context, p search.Params, budget int) (float64, error) {
			spent[budget]++
			if p.Number == 4 {
				return -1, errors.New("broken")
			}
			return distance(p) + 1/float64(budget), nil
		})
	if err != nil || fmt.Sprint(spent) != "map[1:27 3:9 9:3 20:1]" || len(trials) != 40 {
		t.Errorf("%v, %d trials, %v", spent, len(trials), err)
	}
	best, _ := trials.Best()
	var all []float64
	for _, tr := range trials[:27] {
		if tr.Err == nil {
			all = append(all, distance(tr.Params))
		}
	}
	if best.Budget != 20 || distance(best.Params) != slices.Min(all) {
		t.Errorf("best %+v, want the distance %v", best, slices.Min(all))
	}
	if !strings.Contains(trials.String(), "budget") {
		t.Error("the table lacks the budget")
	}
}

func TestSearchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	space := []search.Parameter{search.Choice("a", 1, 2, 3)}
	trials, err := search.GridSearch(ctx, space, func(ctx context.Context, p search.Params) (float64, error) {
		if n++; n == 2 {
			cancel()
			return 0, ctx.Err()
		}
		return 1, nil
	})
	if !errors.Is(err, context.Canceled) || len(trials) != 1 {
		t.Errorf("cancelled: %d trials, %v", len(trials), err)
	}
	broken := errors.New("broken")
	_, err = search.GridSearch(context.Background(), space, func(context.Context, search.Params) (float64, error) { return 0, broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "trial 2 (a=3)") {
		t.Errorf("all broken: %v", err)
	}
	if _, ok := (search.Trials{}).Best(); ok {
		t.Error("the best of none")
	}
	one := func(context.Context, search.Params) (float64, error) { return 0, nil }
	for want, dims := range map[string][]search.Parameter{
		"is a range":          {search.Uniform("a", 0, 1)},
		"has an empty range":  {search.Uniform("a", 1, 1)},
		"needs 0 < low":       {search.LogUniform("a", 0, 1)},
		"empty range, 3 to 2": {search.Integers("a", 3, 2)},
		"has no values":       {search.Choice[int]("a")},
		"is there twice":      {search.Choice("a", 1), search.Choice("a", 1)},
		"no hyper-parameters": nil,
	} {
		if _, err := search.GridSearch(context.Background(), dims, one); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := search.RandomSearch(context.Background(), space, 0, 1, one); err == nil {
		t.Error("no error for no points")
	}
	if _, err := search.SuccessiveHalving(context.Background(), space, search.Halving{Points: 3}, nil); err == nil {
		t.Error("no error for no budget")
	}
	for want, f := range map[string]func(p search.Params){
		`no hyper-parameter "b"`:          func(p search.Params) { p.Int("b") },
		`"a" is of type int, not float64`: func(p search.Params) { p.Float("a") },
	} {
		func() {
			defer func() {
				if s := fmt.Sprint(recover()); !strings.Contains(s, want) {
					t.Errorf("panic %s, want %q", s, want)
				}
			}()
			_, _ = search.GridSearch(context.Background(), space, func(_ context.Context, p search.Params) (float64, error) { f(p); return 0, nil })
		}()
	}
}

// Losses with settings are loss functions as the plain ones are.
func TestSupervisedTakesLossesWithSettings(t *testing.T) {
	x, y, ids := []float32{-2, -1, 1, 2}, []float32{0, 0, 1, 1}, []float32{1, 0, 1, 0, 0, 1, 0, 1}
	fit := func(o train.Objective[data.Batch], d data.Dataset) {
		t.Helper()
		h, err := train.Fit(context.Background(), o, &data.Loader{Dataset: d}, train.Config{Epochs: 50, Optimizer: optim.Adam(0.1)})
		if err != nil || h.Last().Loss > 0.5*h.Epochs[0].Loss {
			t.Errorf("loss %v to %v, %v", h.Epochs[0].Loss, h.Last().Loss, err)
		}
	}
	one, two := nn.NewLinear(nn.NewRand(1), 1, 1), nn.NewLinear(nn.NewRand(1), 1, 2)
	fit(train.Supervised(one, nn.BCEWithLogitsLoss{PosWeight: []float32{2}}.Loss), data.FromSlices(x, []int{1}, y, []int{1}))
	fit(train.Supervised(two, nn.CrossEntropyLoss{LabelSmoothing: 0.01}.Soft), data.FromSlices(x, []int{1}, ids, []int{2}))
}

func ExampleRandomSearch() {
	space := []search.Parameter{
		search.LogUniform("lr", 1e-4, 1),
		search.Choice("width", 16, 32, 64),
	}
	trials, err := search.RandomSearch(context.Background(), space, 50, 1, func(ctx context.Context, p search.Params) (float64, error) {
		// Train with p.Float("lr") and p.Int("width"), return the validation
		// loss.
		return distance(p), nil
	})
	best, _ := trials.Best()
	fmt.Printf("%d trials, width %d, lr between 0.005 and 0.02: %v, %v\n", len(trials), best.Params.Int("width"),
		best.Params.Float("lr") > 0.005 && best.Params.Float("lr") < 0.02, err)
	// Output: 50 trials, width 32, lr between 0.005 and 0.02: true, <nil>
}
