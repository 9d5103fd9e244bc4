package train_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// normed is the network of testdata/syncnorm.py.
type normed struct {
	Conv  *nn.Conv2D
	Norm  *nn.BatchNorm
	Conv2 *nn.Conv2D
	Norm2 *nn.BatchNorm
	FC    *nn.Linear `nn:"fc"`
	Norm3 *nn.BatchNorm
	Out   *nn.Linear
}

func newNormed(t *testing.T, file string) *normed {
	t.Helper()
	rng := nn.NewRand(1)
	m := &normed{nn.NewConv2D(rng, nn.Conv{In: 1, Out: 4, Kernel: 3, Padding: nn.Same}), nn.NewBatchNorm(4), nn.NewConv2D(rng, nn.Conv{In: 4, Out: 3, Kernel: 3}), nn.NewBatchNorm(3),
		nn.NewLinear(rng, 48, 5), nn.NewBatchNorm(5), nn.NewLinear(rng, 5, 3)}
	if err := train.LoadWeights("testdata/syncnorm-"+file+".safetensors", m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *normed) Forward(x tensor.Tensor) tensor.Tensor {
	x = nn.Sequential{m.Conv, m.Norm, nn.ReLU{}}.Forward(x)
	x = m.Norm2.Forward(m.Conv2.Forward(x)).Tanh()
	return m.Out.Forward(nn.Sequential{nn.Flatten{}, m.FC, m.Norm3, nn.ReLU{}}.Forward(x))
}

func (m *normed) bits() []float32 {
	all := bits(m)
	for _, n := range nn.State(m) {
		if n.Buffer != nil {
			all = append(append(all, n.Buffer.Data...), float32(n.Buffer.Count))
		}
	}
	return all
}

func syncnormData(t *testing.T) (set data.Dataset, losses []float32) {
	t.Helper()
	arrays, err := formats.LoadNPZ("testdata/syncnorm.npz")
	if err != nil {
		t.Fatal(err)
	}
	return data.FromLabels(arrays[0].Data.([]float32), arrays[0].Dims[1:], arrays[1].Data.([]int32)), arrays[2].Data.([]float32)
}

func trainNormed(t *testing.T, set data.Dataset, c train.Config, batch int) outcome {
	t.Helper()
	m := newNormed(t, "before")
	c.Epochs, c.KeepSteps, c.Optimizer = 3, true, optim.Momentum(0.1, 0.9)
	h, err := train.Fit(context.Background(), train.Supervised(m, nn.CrossEntropy), &data.Loader{Dataset: set, BatchSize: batch}, c)
	return outcome{m.bits(), h, err}
}

// farthest is the largest difference.
func farthest(a, b []float32) float64 {
	most := 0.0
	for i := range a {
		most = max(most, math.Abs(float64(a[i]-b[i])))
	}
	return most
}

// TestSyncBatchNormIsThatOfTheWholeBatch: any number of ranks trains as PyTorch
// does on the whole batch, all to the same bits; statistics by shard do not.
func TestSyncBatchNormIsThatOfTheWholeBatch(t *testing.T) {
	set, losses := syncnormData(t)
	golden := newNormed(t, "after").bits()
	for _, shards := range []int{4, 8} {
		var want *outcome
		for _, ranks := range []int{1, 2, 4} {
			for _, procs := range []int{1, 2} {
				before := runtime.GOMAXPROCS(procs)
				all := together(ranks, func(g train.Group) outcome {
					return trainNormed(t, set, train.Config{Group: g, Shards: shards, SyncBatchNorm: true, ShareState: procs == 2}, 16)
				})
				runtime.GOMAXPROCS(before)
				for r, got := range all {
					if got.err != nil {
						t.Fatalf("rank %d of %d: %v", r, ranks, got.err)
					}
					if want == nil {
						want = &got
					}
					if !sameBits(got.bits, want.bits) || timeless(got.h) != timeless(want.h) {
						t.Errorf("rank %d of %d, %d processors, %d shards: other bits", r, ranks, procs, shards)
					}
				}
			}
		}
		if d := farthest(want.bits, golden); d > 2e-5 {
			t.Errorf("%d shards: %v away from PyTorch", shards, d)
		}
		for i, l := range want.h.StepLoss {
			if d := math.Abs(l - float64(losses[i])); d > 1e-5 {
				t.Errorf("%d shards: step %d has loss %v, PyTorch %v", shards, i, l, losses[i])
			}
		}
	}
	apart := together(2, func(g train.Group) outcome { return trainNormed(t, set, train.Config{Group: g}, 16) })[0]
	if d := farthest(apart.bits, golden); apart.err != nil || d < 1e-2 {
		t.Errorf("statistics by shard: %v away from PyTorch, error %v", d, apart.err)
	}
	if got := trainNormed(t, set, train.Config{}, 16); got.err != nil || farthest(got.bits, golden) > 2e-5 {
		t.Errorf("without Group: %v away from PyTorch, error %v", farthest(got.bits, golden), got.err)
	}
}

// TestSyncBatchNormOfOneShard has the bits of a training without Group.
func TestSyncBatchNormOfOneShard(t *testing.T) {
	set, _ := syncnormData(t)
	want := trainNormed(t, set, train.Config{}, 11)
	got := together(1, func(g train.Group) outcome {
		return trainNormed(t, set, train.Config{Group: g, Shards: 1, SyncBatchNorm: true}, 11)
	})[0]
	if got.err != nil || !sameBits(got.bits, want.bits) {
		t.Errorf("error %v; %v away", got.err, farthest(got.bits, want.bits))
	}
}

// TestSyncBatchNormOfNothing: a part of the batch whose labels all are ignored
// counts in the statistics, and nowhere else.
func TestSyncBatchNormOfNothing(t *testing.T) {
	set, _ := syncnormData(t)
	run := func(c train.Config) outcome {
		m := newNormed(t, "before")
		c.Epochs, c.Optimizer = 3, optim.Momentum(0.1, 0.9)
		o := train.Supervised(m, nn.CrossEntropy)
		ignoring := train.Supervised(m, nn.CrossEntropyLoss{Ignore: []int32{-1}}.Loss)
		o.Loss = func(tape *tensor.Tape, b data.Batch) tensor.Tensor {
			b.Labels = slices.Clone(b.Labels)
			for i, k := range b.Index {
				if k%16 < 5 { // all of the first of four parts
					b.Labels[i] = -1
				}
			}
			return ignoring.Loss(tape, b)
		}
		h, err := train.Fit(context.Background(), o, &data.Loader{Dataset: set, BatchSize: 16}, c)
		return outcome{m.bits(), h, err}
	}
	want := run(train.Config{})
	for _, ranks := range []int{1, 2, 4} {
		for r, got := range together(ranks, func(g train.Group) outcome { return run(train.Config{Group: g, SyncBatchNorm: true}) }) {
			if got.err != nil || want.err != nil {
				t.Fatal(got.err, want.err)
			}
			if d := farthest(got.bits, want.bits); !(d < 2e-5) {
				t.Errorf("rank %d of %d: %v away", r, ranks, d)
			}
		}
	}
}

// TestSyncBatchNormFaults: whatever fails in one part ends all, at once.
func TestSyncBatchNormFaults(t *testing.T) {
	set, _ := syncnormData(t)
	for want, change := range map[string]func(o *train.Objective[data.Batch], l *data.Loader){
		"fewer samples than the 4 parts": func(_ *train.Objective[data.Batch], l *data.Loader) { l.BatchSize = 3 },
		"sample lost":                    func(_ *train.Objective[data.Batch], l *data.Loader) { l.Dataset = faulty{l.Dataset, 21} },
		"step 1: tensor": func(o *train.Objective[data.Batch], _ *data.Loader) {
			loss := o.Loss
			o.Loss = func(t *tensor.Tape, b data.Batch) tensor.Tensor {
				l := loss(t, b)
				if slices.Contains(b.Index, 21) {
					return l.Reshape(2)
				}
				return l
			}
		},
		"must be finite and at least 0": func(o *train.Objective[data.Batch], _ *data.Loader) {
			o.Weight = func(b data.Batch) float64 {
				if slices.Contains(b.Index, 21) {
					return -1
				}
				return 1
			}
		},
		"other batch normalisations": func(o *train.Objective[data.Batch], _ *data.Loader) {
			m, loss := o.Model.(*normed), o.Loss
			o.Loss = func(t *tensor.Tape, b data.Batch) tensor.Tensor {
				l := loss(t, b)
				if b.Index[0]%8 == 0 { // the first of the two shards of a rank
					l = l.Add(m.Norm3.Forward(t.Full(1, 4, 5)).Sum().Scale(0))
				}
				return l
			}
		},
	} {
		for r, err := range together(2, func(g train.Group) error {
			m := newNormed(t, "before")
			o, l := train.Supervised(m, nn.CrossEntropy), &data.Loader{Dataset: set, BatchSize: 16}
			change(&o, l)
			_, err := train.Fit(context.Background(), o, l, train.Config{Group: g, SyncBatchNorm: true})
			return err
		}) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("rank %d: %v, want %q", r, err, want)
			}
		}
	}
	if _, err := train.Fit(context.Background(), train.Supervised(newNormed(t, "before"), nn.CrossEntropy), &data.Loader{Dataset: set}, train.Config{SyncBatchNorm: true}); err == nil {
		t.Error("SyncBatchNorm without a Group")
	}
	panics := errors.New("own")
	func() {
		defer func() {
			if v := recover(); v != panics {
				t.Errorf("recovered %v", v)
			}
		}()
		o := train.Supervised(newNormed(t, "before"), nn.CrossEntropy)
		loss := o.Loss
		o.Loss = func(t *tensor.Tape, b data.Batch) tensor.Tensor {
			if b.Index[0] == 20 {
				panic(panics)
			}
			return loss(t, b)
		}
		_, _ = train.Fit(context.Background(), o, &data.Loader{Dataset: set, BatchSize: 16}, train.Config{Group: train.LocalGroup(1)[0], SyncBatchNorm: true})
	}()
}

// TestSyncBatchNormAllocatesNothing counts as TestGroupStepAllocatesNothing
// does.
func TestSyncBatchNormAllocatesNothing(t *testing.T) {
	run := func(epochs int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		together(2, func(g train.Group) error {
			m := nn.Sequential{nn.NewLinear(nn.NewRand(1), 1, 8), nn.NewBatchNorm(8), nn.NewLinear(nn.NewRand(2), 8, 1)}
			_, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), &data.Loader{Dataset: line(2000), BatchSize: 8}, train.Config{Epochs: epochs, Group: g, SyncBatchNorm: true, Optimizer: optim.Adam(0.01)})
			if err != nil {
				t.Error(err)
			}
			return err
		})
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	run(1)
	few, many := run(1), run(5) // 2 ranks × 250 steps an epoch
	if many > few+400 {
		t.Errorf("%d allocations in 250 steps, %d in 1250", few, many)
	}
}
