package show

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// gallery holds one of each kind of picture. Every test of what all pictures
// must fulfil runs over it; with SHOW_GALLERY=dir the test TestGallery writes
// them for a person to look at.
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
	valley := NewGrid(-5, 5, 100, -2, 2, 80)
	gdx, gdy := descend(0.02, 40)
	bigx, bigy := descend(0.095, 40)
	moons := NewGrid(-1.5, 2.5, 160, -1, 1.5, 100)
	class := make([]int, moons.Len())
	for i, v := range moons.Eval(func(x, y float64) float64 { return y - 0.25 - 0.6*math.Sin(1.8*x+0.3) }) {
		if v < 0 {
			class[i] = 1
		}
	}
	arrows := NewGrid(-1.8, 1.8, 9, -1.8, 1.8, 9)
	ax, ay, bx, by := gallerySamples(rng)
	var chirp [][]float64
	for t := range 100 {
		fr := noise(80, 3)
		for k := range fr {
			fr[k] += -50 + 45*math.Exp(-math.Pow(float64(k)-10-0.5*float64(t), 2)/20)
		}
		chirp = append(chirp, fr)
	}
	counts := make([][]int, 10)
	attention := make([][]float64, 24)
	for i := range counts {
		counts[i] = make([]int, 10)
		counts[i][i] = 95 + rng.IntN(10)
		counts[i][rng.IntN(10)] += rng.IntN(9)
	}
	for i := range attention {
		for j := range 24 {
			attention[i] = append(attention[i], math.Exp(-math.Abs(float64(i-j))/3)*rng.Float64())
		}
	}
	var digits, filters []image.Image
	var captions []string
	for k := range 12 {
		pix := make([]float32, 28*28)
		for i := range pix {
			dx, dy := float64(i%28)-14, float64(i/28)-14
			pix[i] = float32(math.Exp(-math.Pow(math.Hypot(dx, dy*(0.6+0.05*float64(k)))-7, 2) / 6))
		}
		digits = append(digits, Gray(pix, 28, 28))
		captions = append(captions, []string{"0 (99 %)", "7, not 1"}[k%2])
	}
	for range 16 {
		filters = append(filters, Mapped(noise(25, 1), 5, 5, Diverging))
	}
	rgb := make([]float32, 3*120*220)
	for i := range rgb {
		rgb[i] = float32(0.5 + 0.3*math.Sin(float64(i%220)/30+float64(i/(120*220))) + 0.1*math.Cos(float64(i/220)/9))
	}
	photograph := RGB(rgb, 120, 220)
	return map[string]Drawing{
		"loss": Plot("Training and validation loss", "epoch", "cross-entropy").
			Line("train", nil, decay(0.03, 0.1)).Line("validation", nil, decay(0.025, 0.3)).VLine("best epoch", 120),
		"optimizers": many,
		"runs":       Plot("Five seeds, mean and spread", "step", "loss").LogY().Runs("Adam", nil, runs).Line("bound", nil, decay(0.05, 0.2), Dashed, Neutral),
		"fit": Plot("A line through 60 points", "x", "y").Points("data", x, y).
			Line("least squares", x, fit).Band("least squares", x, lo, hi).Text(0.5, 2.05, "slope 1.90"),
		"errorbars": Plot("Accuracy against batch size", "batch size", "accuracy (%)").LogX().
			ErrorBars("SGD", []float64{8, 32, 128, 512}, []float64{97.9, 98.1, 97.5, 95.2}, []float64{0.2, 0.15, 0.3, 0.8}).
			ErrorBars("Adam", []float64{8, 32, 128, 512}, []float64{97.5, 98.2, 98.3, 97.9}, []float64{0.3, 0.1, 0.1, 0.3}).HLine("target", 98),
		"broken": Plot("A diverging run", "step", "loss").LogY().
			Line("lr = 1", nil, []float64{1, 10, 1e4, 1e9, 1e30, math.Inf(1), math.NaN(), math.NaN()}).
			Line("lr = 0.01", nil, []float64{1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3}),
		"contour": Plot("Two ways down a narrow valley", "θ_{1}", "θ_{2}").Contour(valley, valley.Eval(bowl), ZLabel("loss")).
			Path("lr = 0.02", gdx, gdy).Path("lr = 0.095", bigx, bigy),
		"arrows": Plot("Descent directions of a saddle", "x", "y").Size(440, 400).Square().Contour(NewGrid(-2, 2, 60, -2, 2, 60), NewGrid(-2, 2, 60, -2, 2, 60).Eval(func(x, y float64) float64 { return x*x - y*y }), Colors(Pale)).
			Arrows("−gradient", arrows.xs(0), arrows.xs(1), Map(arrows.xs(0), func(x float64) float64 { return -0.15 * x }), Map(arrows.xs(1), func(y float64) float64 { return 0.15 * y })),
		"long names": Plot("A title that is so long that it needs more than one line of a picture of this width, because somebody explains everything in it", "", "accuracy (%)").
			Categories("multinomial logistic regression", "random forest of 100 trees", "gradient boosting", "support vector machine", "MLP with dropout").Bars("", []float64{1, -2, 3, 4, 5}, nil),
		"mixed panels": Panels("", 2, Plot("fit", "x", "y").Points("data", x, y).Line("least squares", x, fit).Band("least squares", x, lo, hi),
			Confusion("confusion", []string{"cat", "dog", "bird"}, [][]int{{8, 1, 1}, {0, 9, 1}, {2, 2, 6}}), Images("digits", digits, captions, 6),
			Plot("path", "θ_{1}", "θ_{2}").Contour(valley, valley.Eval(bowl), ZLabel("loss")).Path("lr = 0.095", bigx, bigy)),
		"big numbers":   Plot("Parameters", "layer", "count").Line("", nil, []float64{1.2e6, 3e7, 2.5e7}).HLine("budget", 2e7),
		"small numbers": Plot("Gradients", "layer", "norm").Line("", nil, []float64{1.2e-6, 3e-6, 2.5e-6}, Marks).VLine("clipped", 1.5),
		"error":         errorPicture(Plot("Loss", "", "").picture(), fmt.Errorf("show: %q cannot be drawn: %s", "Loss", "Line \"train\": 3 x values but 4 y values; they come in pairs")),
		"contour log": Plot("Rosenbrock's function", "x", "y").Contour(NewGrid(-2, 2, 200, -1, 3, 150), NewGrid(-2, 2, 200, -1, 3, 150).Eval(rosenbrock), LogColors, ZLabel("f(x, y)")).
			Points("minimum", []float64{1}, []float64{1}),
		"regions": Plot("Two moons", "x_{1}", "x_{2}").Regions(moons, class, []string{"inner", "outer"}).
			Points("inner", ax, ay).Points("outer", bx, by),
		"heat":        Plot("A learned filter", "column", "row").Square().Heat(NewGrid(0, 11, 12, 0, 11, 12), noise(144, 1), Colors(Diverging), ZLabel("weight")),
		"spectrogram": Spectrogram("A rising tone", chirp, 0.01, 8000, ZLabel("energy (dB)")),
		"bars": Plot("Test accuracy", "", "accuracy (%)").Categories("logistic regression", "MLP", "CNN").
			Bars("no augmentation", []float64{92.1, 97.8, 99.1}, []float64{0.2, 0.3, 0.1}, Values("%.1f")).Bars("augmented", []float64{91.7, 98.4, 99.4}, []float64{0.2, 0.2, 0.1}, Values("%.1f")).YRange(85, 101),
		"histogram": Plot("Initial weights", "weight", "count").Histogram("Xavier", noise(3000, 0.6), 0).Histogram("He", noise(3000, 1), 0),
		"strip": Plot("Final loss of eight seeds", "", "loss").Categories("SGD", "momentum", "Adam", "L-BFGS").
			Strip("", [][]float64{Map(noise(8, 0.2), math.Exp), Map(noise(8, 0.3), math.Exp), Map(noise(8, 0.1), math.Exp), Map(noise(8, 0.5), math.Exp)}),
		"confusion": Confusion("MNIST digits, 1000 tests", []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, counts),
		"matrix": Matrix("Grid search: validation accuracy", []string{"lr 0.001", "lr 0.01", "lr 0.1"}, []string{"l2 0", "l2 1e-4", "l2 1e-3", "l2 1e-2"},
			[][]float64{{0.91, 0.92, 0.91, 0.88}, {0.95, 0.957, 0.949, 0.9}, {0.6, 0.7, math.NaN(), 0.3}}, "%.3f", Colors(Viridis)),
		"matrix plain": Matrix("Attention", nil, nil, attention, ""),
		"images":       Images("Digits and what the model says", digits, captions, 6),
		"filters":      Images("First-layer filters", filters, nil, 8),
		"boxes":        Boxes("Detection", photograph, []Box{{20, 30, 90, 100, "cat", 0.97, 0}, {100, 20, 190, 90, "dog", 0.61, 0}, {130, 60, 210, 118, "cat", 0, 0}}),
		"overlay": Images("Which pixels speak for a 7", []image.Image{Overlay(digits[0], noise(28*28, 1), 28, 28, 3), Overlay(digits[3], []float64{0, 0.2, 0, -1, 0.5, 0.1, 0, 0, 1}, 3, 3, 0),
			Overlay(photograph, []float64{1, 0, 0, math.NaN(), -1, 0}, 2, 3, 0)}, []string{"28×28 values", "3×3 values", "2×3, one not a number"}, 3),
		"words": Words("Why is this review negative?", strings.Fields("The first half is funny , and the cast does what it can with a script that nobody can have read twice ; "+
			"the rest is dull , loud and far too long"), noise(33, 0.4), ZLabel("contribution to the logit")),
		"waterfall": Waterfall("Why this passenger's chances are good", "log odds of survival", -0.41, []string{"sex = female", "class = 1", "age = 29", "fare = 211.34", "title = Miss", "family of 2",
			"embarked = S", "cabin = B5"}, []float64{1.72, 0.83, 0.09, 0.21, 0.4, -0.13, -0.22, 0.02}, 7),
		"panels": Panels("Batch, mini-batch, stochastic", 3,
			Plot("batch", "step", "loss").Line("loss", nil, decay(0.02, 0.1)), Plot("mini-batch", "step", "loss").Line("loss", nil, decay(0.03, 0.1)),
			Plot("stochastic", "step", "loss").Line("loss", nil, decay(0.04, 0.1))),
		"network": Network("A network for handwritten digits", NetworkLayer{"input\n28×28 pixels", 784, nil}, NetworkLayer{"hidden\nReLU", 8, nil},
			NetworkLayer{"output\nsoftmax", 3, []string{"p_{0}", "p_{1}", "p_{2}"}}),
		"graph": Graph("One neuron: values above the arrows, gradients below").Box("x", "x = 2").Box("w", "w = −3", Color(0)).Box("b", "b = 1", Color(0)).
			Op("mul", "×").Op("add", "+").Op("tanh", "tanh").Box("L", "L", Color(1)).
			Edge("x", "mul", "2", "∂L/∂x = −0.21").Edge("w", "mul", "−3", "∂L/∂w = 0.14").Edge("mul", "add", "−6", "0.07").Edge("b", "add", "1", "0.07").
			Edge("add", "tanh", "−5", "0.07").Edge("tanh", "L", "−1.00", "1").Edge("w", "L", "λ"),
		"surface": Surface("A saddle", "x", "y", "f", NewGrid(-1, 1, 40, -1, 1, 40), NewGrid(-1, 1, 40, -1, 1, 40).Eval(func(x, y float64) float64 { return x*x - y*y })).
			Path("descent", []float64{-1, -0.5, -0.2, -0.05, 0, 0, 0}, []float64{0, 0.05, 0.1, 0.2, 0.4, 0.7, 1}),
	}
}

// xs returns coordinate k of every grid point.
func (g Grid) xs(k int) []float64 {
	return g.Eval(func(x, y float64) float64 { return []float64{x, y}[k] })
}

func bowl(x, y float64) float64       { return 0.5*x*x + 10*y*y }
func rosenbrock(x, y float64) float64 { return (1-x)*(1-x) + 100*(y-x*x)*(y-x*x) }

func descend(lr float64, n int) (x, y []float64) {
	a, b := -4.0, 1.5
	for range n {
		x, y = append(x, a), append(y, b)
		a, b = a-lr*a, b-lr*20*b
	}
	return x, y
}

func gallerySamples(rng *rand.Rand) (ax, ay, bx, by []float64) {
	for range 150 {
		t := math.Pi * rng.Float64()
		ax, ay = append(ax, math.Cos(t)+0.1*rng.NormFloat64()), append(ay, math.Sin(t)+0.1*rng.NormFloat64())
		bx, by = append(bx, 1-math.Cos(t)+0.1*rng.NormFloat64()), append(by, 0.5-math.Sin(t)+0.1*rng.NormFloat64())
	}
	return ax, ay, bx, by
}

// drawn is the gallery, each picture drawn once for all tests that look at it.
// With -short it has a quarter of the pixels.
var drawn = sync.OnceValue(func() map[string]drawnPicture {
	out := map[string]drawnPicture{}
	for name, d := range gallery() {
		p := d.picture()
		if testing.Short() { // also under the race detector
			p.setSize(max(p.w/2, 200), max(p.h/2, 130))
		}
		b, err := p.PNG()
		out[name] = drawnPicture{p, b, err}
	}
	return out
})

type drawnPicture struct {
	*Picture
	png []byte
	err error
}

func TestGallery(t *testing.T) {
	dir := os.Getenv("SHOW_GALLERY")
	if dir == "" {
		t.Skip("SHOW_GALLERY is not set")
	}
	for name, d := range drawn() {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), d.png, 0o644); err != nil || d.err != nil {
			t.Errorf("%s: %v, %v", name, d.err, err)
		}
		t.Log(name, ":", d.Describe())
	}
}
