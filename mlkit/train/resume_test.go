package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// net has everything that a resume must bring back: running statistics,
// dropout.
type net struct {
	In, Out                 *nn.Linear
	RunningMean, RunningVar *tensor.Buffer
}

func newNet() *net {
	return &net{In: nn.NewLinear(nn.NewRand(1), 1, 6), Out: nn.NewLinear(nn.NewRand(2), 6, 1),
		RunningMean: tensor.NewBuffer(0, 6), RunningVar: tensor.NewBuffer(1, 6)}
}

func (n *net) Forward(x tensor.Tensor) tensor.Tensor {
	h := n.In.Forward(x).BatchNorm(tensor.Tensor{}, tensor.Tensor{}, n.RunningMean, n.RunningVar, 0.1, 1e-5)
	return n.Out.Forward(h.Tanh().Dropout(0.2))
}

func (n *net) bits() []float32 {
	return append(append(bits(n), n.RunningMean.Data...), n.RunningVar.Data...)
}

// tally is a callback with a state, and with floats.
func tally(last *int, floats []float32) train.Callback {
	count := struct{ Steps, Epochs int }{}
	return func(e train.Event, r *train.Run) error {
		switch e {
		case train.Begin:
			if err := r.Keep("tally", &count); err != nil {
				return err
			}
			return r.KeepFloats("tally", floats)
		case train.StepEnd:
			count.Steps++
			floats[1] += float32(r.Loss)
		case train.EpochEnd:
			count.Epochs++
		}
		*last = 1000*count.Epochs + count.Steps
		return nil
	}
}

func TestResumeEndsInTheSameBits(t *testing.T) {
	const epochs, perEpoch = 3, 4
	dir := t.TempDir()
	type result struct {
		h      train.History
		net    *net
		tally  int
		floats []float32
	}
	run := func(t *testing.T, ctx context.Context, accumulate int, path string, every int, more ...train.Callback) (result, error) {
		n := newNet()
		res := result{net: n, floats: make([]float32, 2)}
		loader := &data.Loader{Dataset: line(20 * accumulate), BatchSize: 5, Shuffle: true, Seed: 3}
		// The checkpoint callback stands first: it must still see what those
		// after it did.
		callbacks := append([]train.Callback{train.Checkpoint(path, every), tally(&res.tally, res.floats)}, more...)
		rule := optim.Lookahead(optim.Adam(0.05), 3, 0.5)
		if accumulate == 2 { // its checkpoints hold other weights than those in training
			rule = optim.ScheduleFreeAdamW(0.05)
		}
		h, err := train.Fit(ctx, train.Supervised(n, nn.MSE), loader, train.Config{Epochs: epochs, Seed: 7, KeepSteps: true,
			Optimizer: rule, Schedule: func(step int) float64 { return 1 / (1 + float64(step)) },
			Validation: train.Validate(train.Supervised(n, nn.MSE), &data.Loader{Dataset: line(7), BatchSize: 3}),
			Accumulate: accumulate, Resume: path, Callbacks: callbacks})
		res.h = h
		return res, err
	}
	strip := func(h train.History) train.History { // times differ
		h.Time = 0
		for i := range h.Epochs {
			h.Epochs[i].Time = 0
		}
		return h
	}
	for _, accumulate := range []int{1, 2} {
		want, err := run(t, context.Background(), accumulate, filepath.Join(dir, fmt.Sprint("whole", accumulate)), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, every := range []int{0, 1, 3} {
			for stop := 1; stop < epochs*perEpoch; stop++ {
				if testing.Short() && (every == 3 || stop%4 != 1) {
					continue
				}
				for _, how := range []string{"cancel", "crash"} {
					path := filepath.Join(dir, fmt.Sprint(accumulate, every, stop, how))
					ctx, cancel := context.WithCancel(context.Background())
					crash := errors.New("crash")
					_, err := run(t, ctx, accumulate, path, every, train.OnStep(func(r *train.Run) error {
						if r.Step != stop {
							return nil
						}
						if how == "crash" {
							return crash
						}
						cancel()
						return nil
					}))
					cancel()
					if !errors.Is(err, context.Canceled) && !errors.Is(err, crash) {
						t.Fatal(err)
					}
					got, err := run(t, context.Background(), accumulate, path, every)
					if err != nil {
						t.Fatalf("%s: %v", path, err)
					}
					if !reflect.DeepEqual(got.net.bits(), want.net.bits()) || !reflect.DeepEqual(strip(got.h), strip(want.h)) ||
						got.tally != want.tally || !reflect.DeepEqual(got.floats, want.floats) || got.net.RunningMean.Count != want.net.RunningMean.Count {
						t.Fatalf("%s: not as if never stopped\n%v\n%v\n%+v\n%+v\n%d %d %v %v", path, got.net.bits(), want.net.bits(), strip(got.h), strip(want.h), got.tally, want.tally, got.floats, want.floats)
					}
				}
			}
		}
		// A finished training has nothing left to do.
		again, err := run(t, context.Background(), accumulate, filepath.Join(dir, fmt.Sprint("whole", accumulate)), 0)
		if err != nil || !reflect.DeepEqual(again.net.bits(), want.net.bits()) || !reflect.DeepEqual(strip(again.h), strip(want.h)) {
			t.Errorf("finished: %v %+v", err, again.h)
		}
	}
}

func TestResumeRefusesAnotherTraining(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	fit := func(model nn.Layer, batch int, c train.Config) error {
		c.Callbacks = append(c.Callbacks, train.Checkpoint(path, 0))
		_, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), &data.Loader{Dataset: line(20), BatchSize: batch}, c)
		return err
	}
	if err := fit(mlp(1), 5, train.Config{Optimizer: optim.Adam(0.1)}); err != nil {
		t.Fatal(err)
	}
	adam := train.Config{Optimizer: optim.Adam(0.1), Resume: path}
	seed := adam
	seed.Seed = 9
	kept := train.Config{Optimizer: optim.Adam(0.1), Resume: path, Callbacks: []train.Callback{func(e train.Event, r *train.Run) error {
		return r.Keep("x", new(int))
	}}}
	keep := adam
	keep.Epochs, keep.KeepSteps = 2, true
	keep.Callbacks = []train.Callback{train.OnEpoch(func(r *train.Run) error {
		if l := r.History.StepLoss; len(l) != 8 || !math.IsNaN(l[3]) || math.IsNaN(l[4]) {
			t.Errorf("losses of steps that an earlier run did not keep: %v", l)
		}
		return nil
	})}
	if err := fit(mlp(1), 5, keep); err != nil {
		t.Error(err)
	}
	adam.Epochs, seed.Epochs, kept.Epochs = 2, 2, 3
	less := adam
	less.Epochs = 1
	for why, err := range map[string]error{
		"2 epochs are done, Config.Epochs is 1": fit(mlp(1), 5, less),
		"Seed was 0 and is now 9":               fit(mlp(1), 5, seed),
		"steps an epoch was 4":                  fit(mlp(1), 10, adam),
		"another optimizer was trained":         fit(mlp(1), 5, train.Config{Epochs: 2, Optimizer: optim.SGD(0.1), Resume: path}),
		"file [4 1], model [5 1]": fit(nn.Sequential{nn.NewLinear(nn.NewRand(1), 1, 5), nn.Func(tensor.Tensor.Tanh), nn.NewLinear(nn.NewRand(2), 5, 1)}, 5,
			train.Config{Epochs: 2, Optimizer: optim.SGD(0.1), Resume: path}),
	} {
		if err == nil || !strings.Contains(err.Error(), why) && !strings.Contains(err.Error(), "another optimizer") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := fit(mlp(1), 5, kept); err != nil { // a new callback begins anew
		t.Error(err)
	}
	if err := train.SaveWeights(path, mlp(1), nil); err != nil {
		t.Fatal(err)
	}
	if err := fit(mlp(1), 5, adam); err == nil || !strings.Contains(err.Error(), "load it with LoadWeights") {
		t.Error(err)
	}
}

// A checkpoint is also a file of weights.
func TestLoadWeightsOfACheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	a, b := newNet(), newNet()
	_, err := train.Fit(context.Background(), train.Supervised(a, nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5},
		train.Config{Optimizer: optim.Adam(0.1), Callbacks: []train.Callback{train.Checkpoint(path, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := train.LoadWeights(path, b); err != nil || !reflect.DeepEqual(a.bits(), b.bits()) || b.RunningVar.Count != 4 {
		t.Errorf("%v, count %d", err, b.RunningVar.Count)
	}
}

// A process that is killed at any instant, again and again, and always
// resumed, ends in the bits of one that never was.
func TestKilledAgainAndAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	const epochs = 40
	train1 := func(path string) *net {
		n := newNet()
		_, err := train.Fit(context.Background(), train.Supervised(n, nn.MSE),
			&data.Loader{Dataset: line(40), BatchSize: 5, Shuffle: true, Seed: 3},
			train.Config{Epochs: epochs, Seed: 7, Optimizer: optim.Adam(0.05), Resume: path, Callbacks: []train.Callback{train.Checkpoint(path, 1)}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if path := os.Getenv("MLKIT_KILLED_CHECKPOINT"); path != "" {
		train1(path)
		fmt.Println("finished")
		return
	}
	dir := t.TempDir()
	want := train1(filepath.Join(dir, "whole"))
	path := filepath.Join(dir, "killed")
	rng := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledAgainAndAgain$", "-test.v")
		cmd.Env = append(os.Environ(), "MLKIT_KILLED_CHECKPOINT="+path)
		var out strings.Builder
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if kills < 25 {
			time.Sleep(time.Duration(5+rng.IntN(60)) * time.Millisecond)
			cmd.Process.Kill()
		}
		cmd.Wait()
		if strings.Contains(out.String(), "finished") {
			break
		}
		if kills++; kills > 40 {
			t.Fatalf("does not finish: %s", out.String())
		}
		if _, err := os.Stat(path); err == nil {
			if err := train.LoadWeights(path, newNet()); err != nil {
				t.Fatalf("after %d kills: %v", kills, err)
			}
		}
	}
	got := newNet()
	if err := train.LoadWeights(path, got); err != nil || !reflect.DeepEqual(got.bits(), want.bits()) {
		t.Errorf("after %d kills: %v\n%v\n%v", kills, err, got.bits(), want.bits())
	}
	t.Logf("%d kills", kills)
}

// A damaged checkpoint is an error with the file's name, and changes nothing.
func FuzzResume(f *testing.F) {
	path := filepath.Join(f.TempDir(), "c.safetensors")
	if _, err := train.Fit(context.Background(), train.Supervised(newNet(), nn.MSE), &data.Loader{Dataset: line(10), BatchSize: 5},
		train.Config{Optimizer: optim.Adam(0.1), KeepSteps: true, Callbacks: []train.Callback{train.Checkpoint(path, 0)}}); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "c.safetensors")
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		n := newNet()
		before := n.bits()
		_, err := train.Fit(context.Background(), train.Supervised(n, nn.MSE), &data.Loader{Dataset: line(10), BatchSize: 5},
			train.Config{Optimizer: optim.Adam(0.1), Resume: path, KeepSteps: true, AllowNonFinite: true})
		if err != nil && !reflect.DeepEqual(before, n.bits()) && !hasNaN(n.bits()) {
			t.Errorf("%v, and the model changed", err)
		}
	})
}

func hasNaN(x []float32) bool {
	for _, v := range x {
		if math.IsNaN(float64(v)) {
			return true
		}
	}
	return false
}

// seq is a source that can only begin at the beginning.
type seq struct{ l *data.Loader }

func (s seq) Len() int                                  { return s.l.Len() }
func (s seq) Epoch(epoch int) train.Batches[data.Batch] { return s.l.Epoch(epoch) }

func TestResumeWithASourceThatCannotSeek(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	fit := func(source train.Source[data.Batch], path string, stop int) ([]float32, error) {
		n := newNet()
		_, err := train.Fit(context.Background(), train.Supervised(n, nn.MSE), source, train.Config{Epochs: 2, Optimizer: optim.Adam(0.05), Resume: path,
			Callbacks: []train.Callback{train.Checkpoint(path, 1), train.OnStep(func(r *train.Run) error {
				if r.Step == stop+1 {
					return errors.New("crash")
				}
				return nil
			})}})
		return n.bits(), err
	}
	loader := &data.Loader{Dataset: line(20), BatchSize: 5, Shuffle: true}
	want, err := fit(loader, path, 99)
	if err != nil {
		t.Fatal(err)
	}
	path += "2"
	if _, err := fit(seq{loader}, path, 6); err == nil {
		t.Fatal("no crash")
	}
	got, err := fit(seq{loader}, path, 99)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%v\n%v", err, got, want)
	}
}

// Every piece of a batch has random numbers of its own, and goes on with them,
// whichever tape it is on.
func TestResumeWithMicroBatches(t *testing.T) {
	fit := func(path string, stop int) ([]float32, error) {
		m := nn.Sequential{nn.NewLinear(nn.NewRand(1), 1, 8), nn.Func(func(x tensor.Tensor) tensor.Tensor { return x.Dropout(0.5) }), nn.NewLinear(nn.NewRand(2), 8, 1)}
		_, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5, Prefetch: 1}, train.Config{
			Epochs: 2, Optimizer: optim.Adam(0.05), Resume: path, MicroBatch: 2, Callbacks: []train.Callback{train.Checkpoint(path, 1), train.OnStep(func(r *train.Run) error {
				if r.Step == stop {
					return errors.New("crash")
				}
				return nil
			})}})
		return bits(m), err
	}
	dir := t.TempDir()
	want, err := fit(filepath.Join(dir, "whole"), 99)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fit(filepath.Join(dir, "part"), 6); err == nil {
		t.Fatal("no crash")
	}
	if got, err := fit(filepath.Join(dir, "part"), 99); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%v\n%v", err, got, want)
	}
}

// A state that JSON would lose is refused, not forgotten.
func TestKeepRefusesWhatIsLost(t *testing.T) {
	_, err := train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(4)}, train.Config{
		Callbacks: []train.Callback{func(e train.Event, r *train.Run) error { return r.Keep("counts", &struct{ count int }{}) }}})
	if err == nil || !strings.Contains(err.Error(), `state "counts"`) || !strings.Contains(err.Error(), `unexported field "count"`) {
		t.Error(err)
	}
}
