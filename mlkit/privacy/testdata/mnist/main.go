// Command mnist trains privately on MNIST, as Tramèr & Boneh (2021) do: a
// linear classifier of scattering features, and prints a line a run.
//
//	go run ./mlkit/privacy/testdata/mnist -epsilon 3 -seeds 5 > mnist.txt
//
// The features are a fixed function of one image (Bruna & Mallat 2013: two
// scales, eight angles, modulus, an average over 4×4 pixels), so they cost no
// privacy; nor does their normalisation, each image by itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"time"
	"unsafe"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

const angles = 8

// morlet are the real and imaginary parts of eight turned wavelets at a scale,
// [16, 1, size, size].
func morlet(scale float64, radius int) (w []float32, size int) {
	size = 2*radius + 1
	sigma, frequency, slant := 0.8*scale, 3*math.Pi/4/scale, 4./angles
	for k := range 2 * angles {
		sin, cos := math.Sincos(float64(k/2) * math.Pi / angles)
		envelope, wave := make([]float64, size*size), make([]float64, size*size)
		sumE, sumW, total := 0.0, 0.0, 0.0
		for i := range envelope {
			y, x := float64(i/size-radius), float64(i%size-radius)
			u, v := x*cos+y*sin, -x*sin+y*cos
			envelope[i] = math.Exp(-(u*u + slant*slant*v*v) / (2 * sigma * sigma))
			wave[i] = envelope[i] * math.Cos(frequency*u)
			if k%2 == 1 {
				wave[i] = envelope[i] * math.Sin(frequency*u)
			}
			sumE, sumW = sumE+envelope[i], sumW+wave[i]
			total += envelope[i]
		}
		for i := range wave { // a wavelet's mean is zero
			w = append(w, float32((wave[i]-sumW/sumE*envelope[i])/total))
		}
	}
	return w, size
}

func gauss(sigma float64, radius int) (w []float32, size int) {
	size = 2*radius + 1
	total := 0.0
	for i := range size * size {
		y, x := float64(i/size-radius), float64(i%size-radius)
		v := math.Exp(-(x*x + y*y) / (2 * sigma * sigma))
		w = append(w, float32(v))
		total += v
	}
	for i := range w {
		w[i] /= float32(total)
	}
	return w, size
}

// features turns images [n, 1, 28, 28] into [n, 81·49].
func features(t *tensor.Tape, x tensor.Tensor) tensor.Tensor {
	n := x.Dim(0)
	bands := func(x tensor.Tensor, scale float64, radius, stride int) tensor.Tensor { // [m, 1, h, w] → [m·8, 1, h', w']
		w, size := morlet(scale, radius)
		y := x.Conv2D(t.Input(w, 2*angles, 1, size, size), tensor.Tensor{},
			tensor.Conv{Stride: [2]int{stride, stride}, Padding: [2]int{radius, radius}})
		h := y.Dim(2)
		return y.Reshape(-1, 2, h, h).Square().Sum(1).Sqrt().Reshape(-1, 1, h, h)
	}
	average := func(x tensor.Tensor, sigma float64, radius, stride int) tensor.Tensor { // [n·c, 1, h, h] → [n, c, 7, 7]
		w, size := gauss(sigma, radius)
		y := x.Conv2D(t.Input(w, 1, 1, size, size), tensor.Tensor{},
			tensor.Conv{Stride: [2]int{stride, stride}, Padding: [2]int{radius, radius}})
		return y.Reshape(n, -1, 7, 7)
	}
	fine := bands(x, 1, 4, 1)
	coarse := bands(x, 2, 8, 2)
	both := bands(fine, 2, 8, 2)
	all := tensor.Concat(1, average(x, 1.6, 5, 4), average(fine, 1.6, 5, 4), average(coarse, 0.8, 3, 2),
		average(both, 0.8, 3, 2))
	return all.Flatten()
}

// normalise makes each group of channels of each image have mean 0 and
// variance 1.
func normalise(x []float32, groups int) {
	size := len(x) / groups
	for g := range groups {
		part := x[g*size : (g+1)*size]
		var s, q float64
		for _, v := range part {
			s += float64(v)
			q += float64(v) * float64(v)
		}
		m := s / float64(size)
		r := 1 / math.Sqrt(q/float64(size)-m*m+1e-5)
		for i, v := range part {
			part[i] = float32((float64(v) - m) * r)
		}
	}
}

// scattered computes the features of n images, or reads those that an earlier
// run has put beside -keep.
func scattered(set *data.Images, n int) data.Dataset {
	const width, piece = 81 * 49, 250
	out := make([]float32, n*width)
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32(set.Labels[i])
	}
	path := fmt.Sprintf("%s.%d.%d", *keep, n, *groups)
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), 4*len(out))
	if *keep != "" {
		if f, err := os.Open(path); err == nil {
			defer f.Close()
			if _, err := io.ReadFull(f, memory); err != nil {
				panic(err)
			}
			return data.FromLabels(out, []int{width}, labels)
		}
	}
	index := make([]int, piece)
	var b data.Batch
	tape := tensor.NewEvalTape()
	for at := 0; at < n; at += piece {
		for i := range index {
			index[i] = at + i
		}
		if err := set.Batch(index, &b); err != nil {
			panic(err)
		}
		tape.Reset()
		copy(out[at*width:], features(tape, tape.Input(b.X, piece, 1, 28, 28)).Data())
		for i := range piece {
			normalise(out[(at+i)*width:(at+i+1)*width], *groups)
		}
	}
	if *keep != "" {
		if err := os.WriteFile(path, memory, 0o666); err != nil {
			panic(err)
		}
	}
	return data.FromLabels(out, []int{width}, labels)
}

var (
	keep    = flag.String("keep", "", "keep the features (1.1 GB) in files that begin so")
	groups  = flag.Int("groups", 27, "groups of channels that are normalised together")
	epsilon = flag.Float64("epsilon", 3, "ε; δ is 1e-5")
	batch   = flag.Float64("batch", 4096, "expected batch size")
	epochs  = flag.Int("epochs", 25, "epochs")
	rate    = flag.Float64("rate", 4, "learning rate")
	clip    = flag.Float64("clip", 0.1, "clipping norm")
	seeds   = flag.Int("seeds", 5, "seeds")
	held    = flag.Int("held", 0, "that many training images are held out to measure on, in place of the test set: for choosing the constants")
)

func main() {
	flag.Parse()
	images, test, err := datasets.MNIST()
	if err != nil {
		panic(err)
	}
	began := time.Now()
	set, answers := scattered(images, 60000), data.Dataset(nil)
	if *held > 0 {
		var last []int
		for i := 60000 - *held; i < 60000; i++ {
			last = append(last, i)
		}
		answers = data.Subset(set, last)
		var rest []int
		for i := range 60000 - *held {
			rest = append(rest, i)
		}
		set = data.Subset(set, rest)
	} else {
		answers = scattered(test, 10000)
	}
	fmt.Printf("# features of all images: %.0f s\n", time.Since(began).Seconds())
	loader := &privacy.Poisson{Dataset: set, BatchSize: *batch}
	q, _, _ := loader.Sampling()
	noise, err := privacy.NoiseFor(privacy.PLD{}, *epsilon, 1e-5, q, *epochs*loader.Len())
	if err != nil {
		panic(err)
	}
	fmt.Printf("# ε %v, δ 1e-5: batch %v, %d steps, noise %.4f, clip %v, rate %v, momentum 0.9, %d groups\n", *epsilon, *batch, *epochs*loader.Len(), noise, *clip, *rate, *groups)
	var sum, squares float64
	for seed := range *seeds {
		model := nn.NewLinear(nn.NewRand(uint64(seed)+1), 81*49, 10)
		clear(model.Weight.Data)
		began := time.Now()
		sgd := &privacy.SGD{Clip: *clip, Noise: noise, InsecureSeed: uint64(seed) + 1}
		draws := &privacy.Poisson{Dataset: set, BatchSize: *batch, InsecureSeed: uint64(seed) + 1}
		o := train.Supervised(model, nn.CrossEntropy)
		if _, err := train.Fit(context.Background(), o, draws,
			train.Config{Epochs: *epochs, Optimizer: optim.Momentum(*rate, 0.9), Private: sgd}); err != nil {
			panic(err)
		}
		spent, err := sgd.Epsilon(1e-5)
		if err != nil {
			panic(err)
		}
		right := accuracy(model, answers)
		sum, squares = sum+right, squares+right*right
		fmt.Printf("seed %d: %.2f %% of %d, ε = %.4f, %.1f s\n", seed+1, right, answers.Len(), spent, time.Since(began).Seconds())
	}
	n := float64(*seeds)
	fmt.Printf("mean %.2f, standard deviation %.2f\n", sum/n, math.Sqrt(max(0, squares/n-sum*sum/n/n)*n/max(1, n-1)))
}

func accuracy(model nn.Layer, set data.Dataset) float64 {
	tape := tensor.NewEvalTape()
	right, total := 0, 0
	for b, err := range (&data.Loader{Dataset: set, BatchSize: 1000}).Epoch(0) {
		if err != nil {
			panic(err)
		}
		tape.Reset()
		scores := model.Forward(b.Input(tape)).Data()
		for i, label := range b.Labels {
			best := 0
			for k := range 10 {
				if scores[i*10+k] > scores[i*10+best] {
					best = k
				}
			}
			if best == int(label) {
				right++
			}
			total++
		}
	}
	return 100 * float64(right) / float64(total)
}
