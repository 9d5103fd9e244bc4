package show_test

import (
	"fmt"
	"image"
	"math"

	"descent/mlkit/show"
)

// A figure is a chain of what it holds; Show puts it into the notebook, Save
// into a file.
func Example() {
	train := []float64{1.9, 1.1, 0.7, 0.5, 0.41, 0.36}
	val := []float64{1.8, 1.2, 0.8, 0.65, 0.62, 0.64}
	f := show.Plot("Training and validation loss", "epoch", "cross-entropy").
		Line("train", nil, train).
		Line("validation", nil, val).
		VLine("best epoch", 4)
	f.Show()
	fmt.Println(f.Describe())
	// Output:
	// Training and validation loss: line (train, validation), vertical line (best epoch); epoch from 0 to 5; cross-entropy from 0.36 to 1.9.
}

// Series of one name share a colour and a legend entry: points, the line
// through them, its confidence band.
func ExampleFigure_Band() {
	x := show.Linspace(0, 1, 50)
	fit := show.Map(x, func(x float64) float64 { return 1 + 2*x })
	lo := show.Map(fit, func(y float64) float64 { return y - 0.3 })
	hi := show.Map(fit, func(y float64) float64 { return y + 0.3 })
	f := show.Plot("Least squares", "x", "y").
		Points("data", []float64{0.1, 0.5, 0.9}, []float64{1.1, 2.2, 2.7}).
		Line("fit", x, fit).
		Band("fit", x, lo, hi).
		Alt("Three points close to a rising line with a band of ±0.3.")
	f.Show()
	fmt.Println(f.Describe())
	// Output:
	// Three points close to a rising line with a band of ±0.3.
}

// Several runs of one experiment: the mean and the spread, on a logarithmic
// axis.
func ExampleFigure_Runs() {
	var runs [][]float64 // one per seed
	for seed := range 5 {
		runs = append(runs, show.Map(show.Linspace(0, 5, 100), func(t float64) float64 { return math.Exp(-t * (1 + 0.1*float64(seed))) }))
	}
	f := show.Plot("Five seeds", "step", "loss").LogY().Runs("SGD", nil, runs)
	f.Show()
	fmt.Println(f.Describe())
	// Output:
	// Five seeds: band (SGD), line (SGD); step from 0 to 99; loss from 0.0009119 to 1 (logarithmic).
}

// A loss surface with the way that an optimizer takes over it.
func ExampleFigure_Contour() {
	loss := func(x, y float64) float64 { return 0.5*x*x + 10*y*y }
	var xs, ys []float64
	for x, y, k := -4.0, 1.5, 0; k < 40; k++ {
		xs, ys = append(xs, x), append(ys, y)
		x, y = x-0.09*x, y-0.09*20*y
	}
	g := show.NewGrid(-5, 5, 120, -2, 2, 90)
	f := show.Plot("A narrow valley", "θ_{1}", "θ_{2}").
		Contour(g, g.Eval(loss), show.ZLabel("loss")).
		Path("gradient descent", xs, ys)
	f.Show()
	fmt.Println(f.Describe())
	// Output:
	// A narrow valley: contours, path (gradient descent); θ_1 from −5 to 5; θ_2 from −2 to 2; colours for loss from 0.005933 to 52.5.
}

// What a classifier says about every point of the plane: give the grid to the
// model as one batch.
func ExampleFigure_Regions() {
	g := show.NewGrid(-2, 2, 160, -2, 2, 100)
	batch := g.Points() // shape [g.Len(), 2]
	class := make([]int, g.Len())
	for i := range class {
		if x, y := batch[2*i], batch[2*i+1]; x*x+y*y < 1 {
			class[i] = 1
		}
	}
	show.Plot("Decision regions", "x_{1}", "x_{2}").
		Regions(g, class, []string{"outside", "inside"}).
		Points("outside", []float64{1.5, -1.2}, []float64{0, 1.5}).
		Points("inside", []float64{0.2}, []float64{0.1}).
		Show()
	// Output:
}

// The spread of several seeds per optimizer: every run a dot, quartiles a box,
// the median a bar.
func ExampleFigure_Strip() {
	show.Plot("Final loss", "", "loss").
		Categories("SGD", "Adam").
		Strip("", [][]float64{{0.31, 0.29, 0.35, 0.30}, {0.21, 0.25, 0.2, 0.22}}).
		Show()
	// Output:
}

// Images as a model gets them, with captions.
func ExampleImages() {
	pix := make([]float32, 28*28) // one MNIST digit, from 0 to 1
	digit := show.Gray(pix, 28, 28)
	show.Images("What the model says", []image.Image{digit, digit}, []string{"7 (98 %)", "1, not 7"}, 8).Show()
	// Output:
}

// The frames are drawn beforehand, so the slider moves without a kernel.
func ExampleSlider() {
	rates := []float64{0.1, 0.5, 1, 1.5, 1.9, 2}
	show.Slider("learning rate", show.Labels("%g", rates), func(i int) show.Drawing {
		var x []float64
		for k, v := 0, 1.0; k < 20; k++ {
			x = append(x, v)
			v -= rates[i] * v
		}
		return show.Plot("Gradient descent on ½x²", "step", "x").Line("x", nil, x, show.Marks)
	}).Start(1).Show()
	// Output:
}

func ExampleTable() {
	show.Table([]string{"optimizer", "loss", "steps"}, [][]any{
		{"SGD", 0.30712, 1000},
		{"Adam", 0.21519, 400},
	}).Format("", "%.3f").Caption("Final loss").Show()
	// Output:
	// Final loss
	// optimizer   loss  steps
	// SGD        0.307   1000
	// Adam       0.215    400
}

func ExampleProgress() {
	bar := show.Progress("training", 3)
	for epoch := range 3 {
		bar.Set(epoch+1, fmt.Sprintf("loss %.2f", 1/float64(epoch+1)))
	}
	bar.Close()
	// Output:
	// training: 3/3 · loss 0.33
}

// A curve that grows while the training runs. Only its last state stays in the
// notebook.
func ExampleLive() {
	live := show.NewLive()
	defer live.Close()
	var loss []float64
	for step := range 100 {
		loss = append(loss, 1/float64(step+1))
		live.Update(func() show.Drawing { return show.Plot("Loss", "step", "loss").Line("train", nil, loss) })
	}
	// Output:
}

func ExampleGraph() {
	d := show.Graph("One neuron").
		Box("x", "x = 2").Box("w", "w = −3", show.Color(0)).Op("mul", "×").Op("square", "( )²").Box("L", "L").
		Edge("x", "mul", "2", "∂L/∂x = 36").Edge("w", "mul", "−3", "∂L/∂w = −24").
		Edge("mul", "square", "−6", "−12").Edge("square", "L", "36", "1")
	d.Show()
	fmt.Println(d.Describe())
	// Output: One neuron: a graph of 5 nodes. x = 2 → × (2; ∂L/∂x = 36), w = −3 → × (−3; ∂L/∂w = −24), × → ( )² (−6; −12), ( )² → L (36; 1).
}

func ExampleNetwork() {
	p := show.Network("A hidden layer",
		show.NetworkLayer{Name: "input", Units: 2, Label: []string{"x_{1}", "x_{2}"}},
		show.NetworkLayer{Name: "hidden\nReLU", Units: 16},
		show.NetworkLayer{Name: "output", Units: 1})
	p.Show()
	fmt.Println(p.Describe())
	// Output: A hidden layer: a network of 3 fully connected layers of units: input 2, hidden ReLU 16, output 1.
}
