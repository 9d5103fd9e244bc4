package train_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

// told is a source that says what it yields.
type told struct {
	seq
	what string
}

func (t told) Fingerprint() string { return t.what }

// A resumed training that is not the one that was stopped is refused, with the
// name of what changed; with AllowChanged it goes on.
func TestResumeNoticesChanges(t *testing.T) {
	type training struct {
		loader data.Loader
		source func(l *data.Loader) train.Source[data.Batch]
		train.Config
	}
	moved := func(by float32) data.Dataset { // line(24), with its last targets moved
		x, y := make([]float32, 24), make([]float32, 24)
		for i := range x {
			x[i] = float32(i) / 24
			y[i] = 2*x[i] + 1
			if i > 12 {
				y[i] += by
			}
		}
		return data.FromSlices(x, []int{1}, y, []int{1})
	}
	plain := func() training {
		return training{loader: data.Loader{Dataset: moved(0), BatchSize: 4, Shuffle: true, Seed: 1},
			source: func(l *data.Loader) train.Source[data.Batch] { return l },
			Config: train.Config{Epochs: 2, Seed: 5, Optimizer: optim.Adam(0.01), Schedule: optim.Cosine(100, 0.1)}}
	}
	run := func(tr training, resume string, callbacks ...train.Callback) error {
		tr.Resume, tr.Callbacks = resume, callbacks
		_, err := train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), tr.source(&tr.loader), tr.Config)
		return err
	}
	dir := t.TempDir()
	write := func(tr training, name string, stop int) string {
		path := filepath.Join(dir, name)
		err := run(tr, "", train.Checkpoint(path, 1), train.OnStep(func(r *train.Run) error {
			if r.Step == stop+1 {
				return errors.New("crash")
			}
			return nil
		}))
		if err == nil {
			t.Fatal("no crash")
		}
		return path
	}
	for _, stop := range []int{1, 6, 9} { // in the first epoch, at its end, in the second
		path := write(plain(), fmt.Sprint("plain", stop), stop)
		if err := run(plain(), path); err != nil {
			t.Fatalf("unchanged: %v", err)
		}
		for want, change := range map[string]func(*training){
			"Loader.Seed was 1 and is now 2":             func(tr *training) { tr.loader.Seed = 2 },
			"Loader.Shuffle was true and is now false":   func(tr *training) { tr.loader.Shuffle = false },
			"Loader.SameOrder was false and is now true": func(tr *training) { tr.loader.SameOrder = true },
			"Loader.DropLast was false and is now true":  func(tr *training) { tr.loader.DropLast = true },
			"Loader.BatchSize was 4 and is now 5":        func(tr *training) { tr.loader.BatchSize = 5; tr.loader.DropLast = false },
			"Loader.Order was nil and is now 24 samples": func(tr *training) { tr.loader.Order = make([]int, 24) },
			"Loader.Weights was nil and is now 24 with": func(tr *training) {
				tr.loader.Weights = slices.Repeat([]float64{1}, 24)
			},
			"the data are others":                        func(tr *training) { tr.loader.Dataset = moved(1e-6) },
			"the number of samples was 24 and is now 22": func(tr *training) { tr.loader.Dataset = line(22) },
			"Seed was 5 and is now 6":                    func(tr *training) { tr.Config.Seed = 6 },
			"MicroBatch was 0 and is now 2":              func(tr *training) { tr.MicroBatch = 2 },
			"Accumulate was 1 and is now 2":              func(tr *training) { tr.Accumulate = 2 },
			"SAM was off and is now rho 0.1":             func(tr *training) { tr.SAM = &optim.SAM{Rho: 0.1} },
			"learning rate 0.01, beta1":                  func(tr *training) { tr.Optimizer = optim.Adam(0.02) },
			"beta2 0.99, eps":                            func(tr *training) { tr.Optimizer = optim.Adam(0.01, optim.Betas(0.9, 0.99)) },
			"ClipByGlobalNorm":                           func(tr *training) { tr.Optimizer = optim.Chain(optim.ClipByGlobalNorm(1), optim.Adam(0.01)) },
			"a Schedule was set and is now not set":      func(tr *training) { tr.Schedule = nil },
			"the Schedule's factor at step 1 was":        func(tr *training) { tr.Schedule = optim.Cosine(50, 0.1) },
		} {
			tr := plain()
			change(&tr)
			err := run(tr, path)
			var changed *train.ChangedError
			if !errors.As(err, &changed) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "AllowChanged") {
				t.Errorf("after %d steps, %s: %v", stop, want, err)
			}
			tr = plain()
			change(&tr)
			tr.AllowChanged = true
			if err := run(tr, path); err != nil && !(strings.Contains(err.Error(), "in the middle of an epoch") && stop != 6) {
				t.Errorf("after %d steps, %s, allowed: %v", stop, want, err)
			}
		}
		// What changes nothing is no change.
		tr := plain()
		tr.Epochs, tr.loader.Prefetch, tr.KeepSteps = 5, 3, true
		if err := run(tr, path); err != nil {
			t.Errorf("after %d steps: %v", stop, err)
		}
	}
	// Sources that are no Loader: data are compared, and what they say.
	other := plain()
	other.source = func(l *data.Loader) train.Source[data.Batch] { return told{seq{l}, "the first"} }
	path := write(other, "other", 3)
	if err := run(other, path); err != nil {
		t.Error(err)
	}
	second := other
	second.source = func(l *data.Loader) train.Source[data.Batch] { return told{seq{l}, "the second"} }
	if err := run(second, path); err == nil || !strings.Contains(err.Error(), "the source was the first and is now the second") {
		t.Error(err)
	}
	second = other
	second.loader.Dataset = moved(1)
	if err := run(second, path); err == nil || !strings.Contains(err.Error(), "the data are others") {
		t.Error(err)
	}
}

// A training that goes on with another learning rate does so with that one, and
// its own checkpoints are those of the new settings.
func TestResumeWithAllowedChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	run := func(epochs int, rate float64, allow bool) (train.History, error) {
		return train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5},
			train.Config{Epochs: epochs, Optimizer: optim.SGD(rate), Resume: path, AllowChanged: allow, Callbacks: []train.Callback{train.Checkpoint(path, 0)}})
	}
	if _, err := run(1, 0.1, false); err != nil {
		t.Fatal(err)
	}
	if _, err := run(2, 0.01, false); err == nil {
		t.Error("a smaller rate is not noticed")
	}
	h, err := run(2, 0.01, true)
	if err != nil || h.Epochs[0].LearningRate != 0.1 || h.Epochs[1].LearningRate != 0.01 {
		t.Errorf("%v %+v", err, h)
	}
	if _, err := run(3, 0.01, false); err != nil {
		t.Errorf("the change was not kept: %v", err)
	}
}

// Any flipped bit of a checkpoint is an error that names the file, and the
// model stays as it was.
func TestFlippedBits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	run := func(n *net) error {
		_, err := train.Fit(context.Background(), train.Supervised(n, nn.MSE), &data.Loader{Dataset: line(10), BatchSize: 5},
			train.Config{Optimizer: optim.Adam(0.1), KeepSteps: true, Resume: path, Callbacks: []train.Callback{train.Checkpoint(path, 0)}})
		return err
	}
	if err := run(newNet()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole); at += 1 + at/40 {
		b := append([]byte{}, whole...)
		b[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		n := newNet()
		before := n.bits()
		if err := run(n); err == nil || !strings.Contains(err.Error(), path) || !reflect.DeepEqual(n.bits(), before) {
			t.Fatalf("byte %d of %d: %v", at, len(whole), err)
		}
		if err := train.LoadWeights(path, n); err == nil {
			t.Fatalf("byte %d of %d: the weights load", at, len(whole))
		}
	}
	if err := os.WriteFile(path, whole, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := run(newNet()); err != nil {
		t.Error(err)
	}
}

// A place that cannot be written is found before the first step.
func TestUnwritablePlaces(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(file, "below") // also root cannot write below a file
	fresh := filepath.Join(dir, "new", "log.csv")
	for name, c := range map[string]train.Callback{"checkpoint": train.Checkpoint(below, 0), "a folder": train.Checkpoint(dir, 0), "early stop": train.EarlyStop{Path: below}.Callback(),
		"csv": train.CSVLog(below), "csv in a folder": train.CSVLog(dir), "tensorboard": train.TensorBoard(below, 0)} {
		m := mlp(1)
		before := bits(m)
		h, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), &data.Loader{Dataset: line(10)},
			train.Config{Callbacks: []train.Callback{train.CSVLog(fresh), c}})
		if err == nil || h.Steps != 0 || !reflect.DeepEqual(bits(m), before) {
			t.Errorf("%s: %v after %d steps", name, err, h.Steps)
		}
		if _, err := os.Stat(fresh); err == nil {
			t.Errorf("%s: an empty log is left", name)
		}
	}
	t.Setenv("MLKIT_CACHE", file)
	if _, err := train.Cached("x", mlp(1), func() (train.History, error) { t.Error("trained in vain"); return train.History{}, nil }); err == nil {
		t.Error("a cache below a file")
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "old" {
		t.Errorf("%q %v", b, err)
	}
}
