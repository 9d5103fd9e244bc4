package nn_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"descent/mlkit/nn"
)

// ways is a model of three tokens and the end (3), drawn at random for every
// beginning.
func ways(beginnings [][]int32) (rows [][]float32, err error) {
	for _, b := range beginnings {
		key := uint64(1)
		for _, token := range b {
			key = key*5 + uint64(token)
		}
		rng := rand.New(rand.NewPCG(key, 1))
		row, sum := make([]float32, 4), 0.0
		for i := range row {
			row[i] = float32(rng.Float64())
			sum += float64(row[i])
		}
		for i := range row {
			row[i] = float32(math.Log(float64(row[i]) / sum))
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// best looks at every sequence of at most max tokens that ends.
func best(beginning []int32, score float64, max int) (found nn.Candidate) {
	found.Score = math.Inf(-1)
	if max == 0 {
		return
	}
	rows, _ := ways([][]int32{beginning})
	for token, p := range rows[0] {
		c := nn.Candidate{Tokens: slices.Clone(beginning[1:]), Score: score + float64(p)}
		if token != 3 {
			c = best(append(slices.Clone(beginning), int32(token)), c.Score, max-1)
		}
		if c.Score > found.Score {
			found = c
		}
	}
	return found
}

func TestBeam(t *testing.T) {
	c := nn.Beam{Width: 100, Max: 5, Start: 9, End: 3}
	want := best([]int32{9}, 0, 5)
	got, err := c.Search(ways)
	if err != nil || !slices.Equal(got[0].Tokens, want.Tokens) || math.Abs(got[0].Score-want.Score) > 1e-9 {
		t.Errorf("%v, %v, want %v", got[0], err, want)
	}
	// Width 1 takes the likeliest token every time.
	c.Width = 1
	got, _ = c.Search(ways)
	tokens, score := []int32{9}, 0.0
	for range 5 {
		rows, _ := ways([][]int32{tokens})
		k := slices.Index(rows[0], slices.Max(rows[0]))
		score += float64(rows[0][k])
		if k == 3 {
			break
		}
		tokens = append(tokens, int32(k))
	}
	if len(got) != 1 || !slices.Equal(got[0].Tokens, tokens[1:]) || math.Abs(got[0].Score-score) > 1e-9 {
		t.Errorf("%v, want %v, %v", got, tokens[1:], score)
	}
}

// Without a penalty the short sequence wins, with one the long one, whose
// tokens are likelier on the average.
func TestBeamPenalty(t *testing.T) {
	next := func(beginnings [][]int32) (rows [][]float32, _ error) {
		for _, b := range beginnings {
			row := []float32{-0.7, -1.4} // go on, end
			if len(b) == 4 {
				row = []float32{-9, -0.1}
			}
			rows = append(rows, row)
		}
		return
	}
	for penalty, want := range map[float64]int{0: 0, 1: 3} { // −1.4 against −2.2, −1.4 against −2.2/4
		got, err := nn.Beam{Width: 4, Max: 8, Start: 0, End: 1, Penalty: penalty}.Search(next)
		if err != nil || len(got) < 2 || len(got[0].Tokens) != want {
			t.Errorf("penalty %v: %v, %v", penalty, got, err)
		}
	}
}

func TestBeamErrors(t *testing.T) {
	broken := errors.New("broken")
	c := nn.Beam{Max: 3, End: 1}
	if _, err := c.Search(func([][]int32) ([][]float32, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := c.Search(func([][]int32) ([][]float32, error) { return nil, nil }); err == nil {
		t.Error("rows are missing")
	}
	if _, err := (nn.Beam{}).Search(ways); err == nil {
		t.Error("no tokens allowed")
	}
	nan := float32(math.NaN())
	got, err := c.Search(func(b [][]int32) ([][]float32, error) { return [][]float32{{nan, nan}}, nil })
	if err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	// What never ends comes as it is.
	got, err = c.Search(func(b [][]int32) ([][]float32, error) { return [][]float32{{0, -99}}, nil })
	if err != nil || len(got) != 1 || len(got[0].Tokens) != 3 {
		t.Error(got, err)
	}
}
