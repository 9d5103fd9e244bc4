package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// The losses of the first steps on two samples, as PyTorch 2.15 computes them
// from our weights and batches:
//
//	go run ./mlkit/cmd/bench -peers -only torch -quick -json -threads 1 -rounds 1 -task models,grid,inference
//
// Of predictions, the mean absolute and the mean squared logit.
var firstLosses = map[string][]float64{
	"mlp-tabular":               {2.7426323890686035, 0.37489941716194153, 1.0492064952850342},
	"mlp-normed":                {2.4919114112854004, 1.772381067276001, 2.44932222366333},
	"vae":                       {547.3568115234375, 553.9658813476562, 550.9031982421875},
	"recommender":               {0.7012605667114258, 0.7214365005493164, 0.6578495502471924},
	"translator":                {9.013219833374023, 9.19827651977539, 9.247501373291016},
	"speller":                   {14.82017707824707, 13.514239311218262, 11.699176788330078},
	"audio":                     {4.150369644165039, 3.917001247406006, 5.875421524047852},
	"unet":                      {0.7197229862213135, 0.7161567807197571, 0.7155247926712036},
	"vit":                       {2.758146047592163, 1.532289743423462, 3.163743019104004},
	"mlp-wide":                  {6.965961456298828, 6.997195720672607, 6.959122657775879},
	"gpt-256":                   {4.759178161621094, 4.706253528594971, 4.756794452667236},
	"gpt-384":                   {4.754496097564697, 4.762739658355713, 4.751415252685547},
	"lm-lstm":                   {9.207561492919922, 9.213912963867188, 9.21058464050293},
	"bag-adam":                  {0.7397981882095337, 0.6531769633293152, 0.6803362369537354},
	"bag-sgd":                   {0.7397981882095337, 0.446996808052063, 0.7921687960624695},
	"gru":                       {2.5323472023010254, 2.4797396659851074, 2.4850127696990967},
	"resnet20":                  {2.391308546066284, 2.51354718208313, 7.741325378417969},
	"separable":                 {2.1352033615112305, 2.259976387023926, 2.187283515930176},
	"grid 64x1":                 {0.49238473176956177, 0.4818538427352905, 0.47190192341804504},
	"grid 64x16":                {0.4062161445617676, 0.40558168292045593, 0.40495431423187256},
	"grid 256x16":               {0.3824688792228699, 0.38202598690986633, 0.3815878629684448},
	"infer-mlp batch 1":         {0.4548649787902832, 0.29903560876846313},
	"infer-mlp batch 2":         {0.47547751665115356, 0.2960057556629181},
	"infer-cnn batch 1":         {0.059284646064043045, 0.004888000898063183},
	"infer-cnn batch 2":         {0.060750048607587814, 0.004939473234117031},
	"infer-lstm batch 1":        {0.058233268558979034, 0.005183319095522165},
	"infer-lstm batch 2":        {0.06014842540025711, 0.0052306195721030235},
	"infer-gpt next token":      {0.48830750584602356, 0.35567450523376465},
	"infer-transformer batch 1": {0.22134724259376526, 0.08147045224905014},
	"infer-transformer batch 2": {0.22777190804481506, 0.08713996410369873},
}

// Every workload does the work that PyTorch does.
func TestWorkloadsHavePyTorchsLosses(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	check := func(name string, load *workload) {
		t.Run(name, func(t *testing.T) {
			w := &worker{ctx: t.Context(), job: job{threads: 2, seed: 1}}
			losses, err := w.steps(load, func() bool { return true }, func() bool { return false })
			if err != nil {
				t.Fatal(err)
			}
			if err := agree(firstLosses[name], losses); err != nil {
				t.Error(err)
			}
		})
	}
	for _, task := range tasks {
		if task.group == models {
			check(task.name, task.workload(1, true))
		}
	}
	for _, c := range gridSizes(true) {
		check("grid "+gridSize(c[0], c[1]), gridCell(c[0], c[1]))
	}
}

// Predictions are PyTorch's.
func TestPredictionsArePyTorchs(t *testing.T) {
	for _, task := range tasks {
		if task.group != inference {
			continue
		}
		if task.name == "infer-gpt" {
			if err := agree(firstLosses["infer-gpt next token"], outputFigures(wholeText(task.workload(1, true))())); err != nil {
				t.Error(err)
			}
			continue
		}
		load, tape := task.workload(1, true), tensor.NewEvalTape()
		for _, n := range []int{1, quickBatch} {
			tape.Reset()
			y := load.model.(nn.Layer).Forward(tape.Input(load.batches[0].X[:n*784], n, 1, 28, 28))
			if err := agree(firstLosses[fmt.Sprintf("%s batch %d", task.name, n)], outputFigures(y.Data())); err != nil {
				t.Errorf("%s, %d: %v", task.name, n, err)
			}
		}
	}
}

// The whole way beside a peer: weights and data go out, losses and times come
// back, and agree.
func TestBesidePyTorch(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	for _, p := range peers {
		if p.framework == "torch" {
			if err := imports(t.Context(), python, p.packages); err != nil {
				t.Skip(err)
			}
		}
	}
	if err := run(t.Context(), plan{tasks: "mlp-tabular,infer-mlp", threads: "1", epochs: 1, rounds: 1, seed: 1, quick: true, peers: true, only: "torch", python: python}); err != nil {
		t.Error(err)
	}
}

// A side whose losses are not ours did other work.
func TestAgree(t *testing.T) {
	ours := []float64{2, 1.5, 1}
	for _, same := range [][]float64{{2, 1.5, 1}, {2.0001, 1.502, 0.999}} {
		if err := agree(ours, same); err != nil {
			t.Error(err)
		}
	}
	for _, other := range [][]float64{{2.001, 1.5, 1}, {2, 1.51, 1}, {2, 1.5}, nil} {
		if err := agree(ours, other); err == nil {
			t.Errorf("%v passes beside %v", other, ours)
		}
	}
	if err := agree(nil, nil); err != nil {
		t.Errorf("tasks without losses: %v", err)
	}
}

// What the peers read is what we train on.
func TestExchange(t *testing.T) {
	load := find("bag-sgd").workload(1, true)
	dir, remove, err := exchange(load)
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	f, err := formats.OpenSafetensors(dir + "/batches.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := strings.Join(f.Names(), " "); got != "ids labels" {
		t.Errorf("the file holds %s", got)
	}
	ids, err := f.Ints("ids")
	if err != nil || len(ids) != distinct*quickBatch*100 {
		t.Fatalf("%d ids, %v", len(ids), err)
	}
	if last := load.batches[distinct-1].IDs; int32(ids[len(ids)-1]) != last[len(last)-1] {
		t.Error("the ids are others")
	}
}
