package show

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// gallery holds one of each kind of picture. Every test of what all pictures must fulfil runs over it; with SHOW_GALLERY=dir the
// test TestGallery writes them for a person to look at.
func gallery() map[string]Drawing {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := func(n int, s float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = s * rng.NormFloat64()
		}
		return y
	}
	steps := 200
	decay := func(rate, floor float64) []float64 {
		y := noise(steps, 0.02)
		for i := range y {
			y[i] = math.Abs(y[i]+1)*math.Exp(-rate*float64(i)) + floor
		}
		return y
	}
	var runs [][]float64
	for range 5 {
		runs = append(runs, decay(0.02+0.005*rng.Float64(), 0.05))
	}
	x := Linspace(0, 1, 60)
	y := noise(60, 0.4)
	lo, hi, fit := make([]float64, 60), make([]float64, 60), make([]float64, 60)
	for i := range y {
		y[i] += 1 + 2*x[i]
		fit[i] = 1.1 + 1.9*x[i]
		w := 0.15 + 0.5*math.Abs(x[i]-0.5)
		lo[i], hi[i] = fit[i]-w, fit[i]+w
	}
	many := Plot("Nine optimizers on an ill-conditioned quadratic", "step", "loss").LogY()
	for i, n := range []string{"SGD", "momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW", "Lion", "L-BFGS"} {
		many.Line(n, nil, decay(0.01+0.01*float64(i), 1e-4))
	}
	return map[string]Drawing{
		"loss": Plot("Training and validation loss", "epoch", "cross-entropy").
			Line("train", nil, decay(0.03, 0.1)).Line("validation", nil, decay(0.025, 0.3)).VLine("best epoch", 120, Neutral),
		"optimizers": many,
		"runs":       Plot("Five seeds, mean and spread", "step", "loss").LogY().Runs("Adam", nil, runs).Line("bound", nil, decay(0.05, 0.2), Dashed, Neutral),
		"fit": Plot("A line through 60 points", "x", "y").Points("data", x, y).
			Line("least squares", x, fit).Band("least squares", x, lo, hi).Text(0.5, 2.05, "slope 1.90"),
		"errorbars": Plot("Accuracy against batch size", "batch size", "accuracy (%)").LogX().
			ErrorBars("SGD", []float64{8, 32, 128, 512}, []float64{97.9, 98.1, 97.5, 95.2}, []float64{0.2, 0.15, 0.3, 0.8}).
			ErrorBars("Adam", []float64{8, 32, 128, 512}, []float64{97.5, 98.2, 98.3, 97.9}, []float64{0.3, 0.1, 0.1, 0.3}).HLine("target", 98, Neutral),
		"broken": Plot("A diverging run", "step", "loss").LogY().
			Line("lr = 1", nil, []float64{1, 10, 1e4, 1e9, 1e30, math.Inf(1), math.NaN(), math.NaN()}).
			Line("lr = 0.01", nil, []float64{1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3}),
	}
}

func TestGallery(t *testing.T) {
	dir := os.Getenv("SHOW_GALLERY")
	if dir == "" {
		t.Skip("SHOW_GALLERY is not set")
	}
	for name, d := range gallery() {
		if err := d.picture().Save(filepath.Join(dir, name+".png")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Log(name, ":", d.picture().Describe())
	}
}
