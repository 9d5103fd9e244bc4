package train_test

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
	"descent/mlkit/train"
)

// distance from the best point, lr = 0.01 and width = 32, to nine digits: where
// the compiler fuses a product and a sum, as on arm64, log10 is off by 1e-16.
func distance(p train.Point) float64 {
	d := math.Abs(math.Log10(p.Float("lr"))+2) + math.Abs(float64(p.Int("width"))-32)/32
	return math.Round(1e9*d) / 1e9
}

func TestGridSearch(t *testing.T) {
	var order []string
	trials, err := train.GridSearch(context.Background(), []train.Dimension{
		train.Choice("lr", 0.1, 0.01, 0.001), train.Choice("width", 16, 32)},
		func(_ context.Context, p train.Point) (float64, error) {
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
	if !ok || best.Point.Number != 3 || best.Score != 0 {
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
	space := []train.Dimension{train.LogUniform("lr", 1e-4, 1), train.Integers("width", 1, 64), train.Uniform("dropout", 0.1, 0.5), train.Choice("act", "relu", "tanh")}
	search := func(seed uint64) train.Trials {
		trials, err := train.RandomSearch(context.Background(), space, 400, seed, func(_ context.Context, p train.Point) (float64, error) { return distance(p), nil })
		if err != nil || len(trials) != 400 {
			t.Fatalf("%d trials, %v", len(trials), err)
		}
		return trials
	}
	a, b, c := search(1), search(1), search(2)
	decades, relu, widths := [4]int{}, 0, map[int]bool{}
	for i, tr := range a {
		p := tr.Point
		if p.String() != b[i].Point.String() {
			t.Fatalf("same seed, other point: %v, %v", p, b[i].Point)
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
	if a[0].Point.String() == c[0].Point.String() {
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
	trials, err := train.SuccessiveHalving(context.Background(), []train.Dimension{train.LogUniform("lr", 1e-4, 1), train.Choice("width", 32)},
		train.Halving{Points: 27, Min: 1, Max: 20, Seed: 3},
		func(_ context.Context, p train.Point, budget int) (float64, error) {
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
			all = append(all, distance(tr.Point))
		}
	}
	if best.Budget != 20 || distance(best.Point) != slices.Min(all) {
		t.Errorf("best %+v, want the distance %v", best, slices.Min(all))
	}
	if !strings.Contains(trials.String(), "budget") {
		t.Error("the table lacks the budget")
	}
}

func TestSearchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	space := []train.Dimension{train.Choice("a", 1, 2, 3)}
	trials, err := train.GridSearch(ctx, space, func(ctx context.Context, p train.Point) (float64, error) {
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
	_, err = train.GridSearch(context.Background(), space, func(context.Context, train.Point) (float64, error) { return 0, broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "trial 2 (a=3)") {
		t.Errorf("all broken: %v", err)
	}
	if _, ok := (train.Trials{}).Best(); ok {
		t.Error("the best of none")
	}
	one := func(context.Context, train.Point) (float64, error) { return 0, nil }
	for want, dims := range map[string][]train.Dimension{
		"is a range":          {train.Uniform("a", 0, 1)},
		"has an empty range":  {train.Uniform("a", 1, 1)},
		"needs 0 < low":       {train.LogUniform("a", 0, 1)},
		"empty range, 3 to 2": {train.Integers("a", 3, 2)},
		"has no values":       {train.Choice[int]("a")},
		"is there twice":      {train.Choice("a", 1), train.Choice("a", 1)},
		"no hyper-parameters": nil,
	} {
		if _, err := train.GridSearch(context.Background(), dims, one); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := train.RandomSearch(context.Background(), space, 0, 1, one); err == nil {
		t.Error("no error for no points")
	}
	if _, err := train.SuccessiveHalving(context.Background(), space, train.Halving{Points: 3}, nil); err == nil {
		t.Error("no error for no budget")
	}
	for want, f := range map[string]func(p train.Point){
		`no hyper-parameter "b"`:          func(p train.Point) { p.Int("b") },
		`"a" is of type int, not float64`: func(p train.Point) { p.Float("a") },
	} {
		func() {
			defer func() {
				if s := fmt.Sprint(recover()); !strings.Contains(s, want) {
					t.Errorf("panic %s, want %q", s, want)
				}
			}()
			_, _ = train.GridSearch(context.Background(), space, func(_ context.Context, p train.Point) (float64, error) { f(p); return 0, nil })
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
	space := []train.Dimension{
		train.LogUniform("lr", 1e-4, 1),
		train.Choice("width", 16, 32, 64),
	}
	trials, err := train.RandomSearch(context.Background(), space, 50, 1, func(ctx context.Context, p train.Point) (float64, error) {
		// Train with p.Float("lr") and p.Int("width"), return the validation loss.
		return distance(p), nil
	})
	best, _ := trials.Best()
	fmt.Printf("%d trials, width %d, lr between 0.005 and 0.02: %v, %v\n", len(trials), best.Point.Int("width"),
		best.Point.Float("lr") > 0.005 && best.Point.Float("lr") < 0.02, err)
	// Output: 50 trials, width 32, lr between 0.005 and 0.02: true, <nil>
}
