//go:build unix

package explain_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"descent/mlkit/explain"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// TestSpeedAgainstCaptum measures both libraries on the same weights, in turns,
// and compares their values. It takes processor time, so other programs do not
// count, and one thread each. It needs a Python with torch and captum:
//
//	MLKIT_CAPTUM=/path/to/python GOMAXPROCS=1 go test ./mlkit/explain -run Captum -v -count=1
func TestSpeedAgainstCaptum(t *testing.T) {
	python := os.Getenv("MLKIT_CAPTUM")
	if python == "" {
		t.Skip("MLKIT_CAPTUM names no Python with captum")
	}
	rng := nn.NewRand(1)
	trunk := nn.Sequential{nn.NewConv2D(rng, nn.Conv{In: 1, Out: 16, Kernel: 5, Padding: 2}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(rng, nn.Conv{In: 16, Out: 32, Kernel: 5, Padding: 2}), nn.ReLU{}}
	head := nn.Sequential{nn.MaxPool2D{Kernel: 2}, nn.Flatten{}, nn.NewLinear(rng, 32*7*7, 128), nn.ReLU{}, nn.NewLinear(rng, 128, 10)}
	net := nn.Sequential{trunk, head}
	flat := nn.Sequential{nn.NewLinear(rng, 784, 64), nn.ReLU{}, nn.NewLinear(rng, 64, 10)}
	in := explain.Input{X: make([]float32, 784), Dims: []int{1, 28, 28}, Target: 3}
	for k := range in.X {
		in.X[k] = rng.Float32()
	}
	patches := in
	for k := range in.X {
		patches.Groups = append(patches.Groups, k/28/4*7+k%28/4)
	}
	const samples = 512
	images, labels := make([]float32, samples*784), make([]int32, samples)
	for k := range images {
		images[k] = rng.Float32()
	}
	for i := range labels {
		labels[i] = rng.Int32N(10)
	}
	loss := nn.CrossEntropyLoss{Reduction: nn.ReduceNone}
	m := explain.Trained{Params: nn.Params(flat), Samples: samples, Losses: func(t *tensor.Tape, rows []int) tensor.Tensor {
		y := make([]int32, len(rows))
		for i, r := range rows {
			y[i] = labels[r]
		}
		return loss.Loss(flat.Forward(picked(t, images, 784, rows)), tensor.NewInts(y, len(y)))
	}}
	points := []explain.Checkpoint{explain.Snapshot(m.Params, 0.1)}

	weights := func(model any) (all [][]float32) {
		for _, p := range nn.Params(model) {
			all = append(all, p.Data)
		}
		return all
	}
	peer := exec.Command(python, "testdata/speed.py")
	stdin, err := peer.StdinPipe()
	stdout, err2 := peer.StdoutPipe()
	peer.Stderr = os.Stderr
	if err != nil || err2 != nil || peer.Start() != nil {
		t.Fatal("cannot start ", python)
	}
	defer peer.Wait()
	defer stdin.Close()
	lines := bufio.NewReader(stdout)
	setup := map[string]any{"threads": runtime.GOMAXPROCS(0), "net": weights(net), "flat": weights(flat), "x": in.X, "images": images, "labels": labels}
	if err := json.NewEncoder(stdin).Encode(setup); err != nil {
		t.Fatal(err)
	}
	if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatal(line, err)
	}
	captum := func(name string, times int) (seconds float64, values []float32) {
		fmt.Fprintln(stdin, name, times)
		var answer struct {
			Seconds float64
			Values  []float32
		}
		line, err := lines.ReadString('\n')
		if err == nil {
			err = json.Unmarshal([]byte(line), &answer)
		}
		if err != nil {
			t.Fatal(name, line, err)
		}
		return answer.Seconds, answer.Values
	}
	for _, method := range []struct {
		name   string
		values func() ([]float32, error)
		random bool // draws differ
	}{
		{"Saliency", func() ([]float32, error) { return explain.Saliency(net.Forward, in) }, false},
		{"IntegratedGradients", func() ([]float32, error) { return explain.IntegratedGradients(net.Forward, in, 50) }, false},
		{"SmoothGrad", func() ([]float32, error) { return explain.SmoothGrad(net.Forward, in, 0.2, 50, 1) }, true},
		{"GradCAM", func() ([]float32, error) {
			cam, _, _, err := explain.GradCAM(trunk.Forward, head.Forward, in)
			return cam, err
		}, false},
		{"Occlusion", func() ([]float32, error) {
			return explain.Occlusion(net.Forward, in, []int{1, 5, 5}, []int{1, 2, 2})
		}, false},
		{"KernelSHAP", func() ([]float32, error) { return explain.KernelSHAP(net.Forward, patches, 400, 1) }, true},
		{"TracIn", func() ([]float32, error) {
			v, err := explain.TracIn(m, func(t *tensor.Tape) tensor.Tensor { return m.Losses(t, []int{0}).Sum() }, points)
			return narrow(v), err
		}, false},
	} {
		ours, theirs := math.Inf(1), math.Inf(1)
		var ratios []float64
		var got, want []float32
		times := 1 // of a measurement, which is to take some hundredths of a second
		for round := range 12 {
			begin := processorTime()
			for range times {
				if got, err = method.values(); err != nil {
					t.Fatal(method.name, err)
				}
			}
			a := (processorTime() - begin) / float64(times)
			var b float64
			b, want = captum(method.name, times)
			if round == 0 { // both warm up
				times = int(max(1, 0.02/a))
				continue
			}
			ours, theirs, ratios = min(ours, a), min(theirs, b), append(ratios, b/a)
		}
		slices.Sort(ratios)
		d := off(got, want)
		t.Logf("%-20s %8.2f ms, Captum %8.2f ms: %5.1f times as fast, by the best of 11; the median of pairs is %.1f", method.name, 1e3*ours, 1e3*theirs,
			theirs/ours, ratios[len(ratios)/2])
		if !method.random && (len(got) != len(want) || d > 1e-4*float64(max(1, slices.Max(want)))) {
			t.Errorf("%s: differs from Captum's by %v", method.name, d)
		}
	}
}

// processorTime is what this process has used, in seconds.
func processorTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
