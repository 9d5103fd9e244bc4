package metrics_test

import (
	"descent/mlkit/metrics"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"saturday", "sunday", 3}, {"abc", "abc", 0}, {"ab", "ba", 2}} {
		if got := metrics.EditDistance([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
	// Against the definition by recursion.
	var slow func(a, b []int) int
	slow = func(a, b []int) int {
		switch {
		case len(a) == 0 || len(b) == 0:
			return len(a) + len(b)
		case a[0] == b[0]:
			return slow(a[1:], b[1:])
		}
		return 1 + min(slow(a[1:], b), slow(a, b[1:]), slow(a[1:], b[1:]))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	word := func() []int {
		w := make([]int, rng.IntN(7))
		for i := range w {
			w[i] = rng.IntN(3)
		}
		return w
	}
	for range 300 {
		if a, b := word(), word(); metrics.EditDistance(a, b) != slow(a, b) {
			t.Fatalf("%v, %v: %d, want %d", a, b, metrics.EditDistance(a, b), slow(a, b))
		}
	}
}

func TestErrorRate(t *testing.T) {
	var e metrics.TokenErrorRate
	if !math.IsNaN(e.Rate()) {
		t.Error(e.Rate())
	}
	e.Add(metrics.EditDistance(strings.Fields("one too three"), strings.Fields("one two three")), 3)
	e.Add(0, 1)
	if e.Rate() != 0.25 || e.SequenceRate() != 0.5 {
		t.Errorf("%+v", e)
	}
}
