package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// together runs a training on the given number of ranks and returns what each
// returns.
func together[R any](ranks int, run func(g train.Group) R) []R {
	all := make([]R, ranks)
	var wg sync.WaitGroup
	for r, g := range train.LocalGroup(ranks) {
		wg.Go(func() { all[r] = run(g) })
	}
	wg.Wait()
	return all
}

// sending is a group whose ranks share no memory.
type sending struct{ train.Group }

type outcome struct {
	bits []float32
	h    train.History
	err  error
}

// timeless is a history without what differs between runs.
func timeless(h train.History) string {
	h.Time = 0
	s := fmt.Sprint(h.StepLoss, h.Steps, h.Stopped)
	for _, e := range h.Epochs {
		s += fmt.Sprint(e.Number, e.Loss, e.LearningRate, e.Metrics)
	}
	return s
}

func sameBits(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return true
}

// groupTask is a training of every kind that Group has to get right: dropout,
// running statistics, ignored labels, a last batch that is not full, a table
// that is looked up, a parameter that some shards do not use.
type groupTask struct {
	name string
	run  func(c train.Config) outcome
}

type tokens struct {
	Table *nn.Embedding
	Out   *nn.Linear
	Rare  *tensor.Param
}

var groupTasks = []groupTask{
	{"dropout and statistics", func(c train.Config) outcome {
		n := newNet()
		c.Validation = train.Validate(train.Supervised(n, nn.MSE), &data.Loader{Dataset: line(7), BatchSize: 3})
		h, err := train.Fit(context.Background(), train.Supervised(n, nn.MSE), &data.Loader{Dataset: line(92), BatchSize: 24, Shuffle: true, Seed: 3}, c)
		return outcome{n.bits(), h, err}
	}},
	{"ignored labels", func(c train.Config) outcome {
		m := nn.NewLinear(nn.NewRand(1), 2, 3)
		h, err := train.Fit(context.Background(), train.Supervised(m, nn.CrossEntropyLoss{Weight: []float32{0.5, 4, 1}}.Loss),
			&data.Loader{Dataset: uneven(), BatchSize: 5, Shuffle: true, Seed: 3, Prefetch: 2}, c)
		return outcome{bits(m), h, err}
	}},
	{"a table and a rare parameter", func(c train.Config) outcome {
		m := &tokens{Table: nn.NewEmbedding(nn.NewRand(1), 9, 3), Out: nn.NewLinear(nn.NewRand(2), 3, 1), Rare: tensor.NewParam(1)}
		o := train.Objective[data.Batch]{Model: m, Size: data.Batch.Len, Split: data.Batch.Split,
			Loss: func(t *tensor.Tape, b data.Batch) tensor.Tensor {
				ids := t.ScratchInts(b.Len())
				for i, k := range b.Index {
					ids[i] = int32(k % 9)
				}
				y := m.Out.Forward(m.Table.ForwardTokens(t, tensor.NewInts(ids, len(ids))))
				if b.Index[0]%5 == 0 {
					y = y.Add(t.Use(m.Rare))
				}
				return nn.MSE(y, b.Target(t).Reshape(b.Len(), 1))
			}}
		set := line(45)
		h, err := train.Fit(context.Background(), o, source{&data.Loader{Dataset: set, BatchSize: 7, Shuffle: true, Seed: 3}}, c)
		return outcome{bits(m), h, err}
	}},
}

// source hides that a loader can read parts of a batch.
type source struct{ l *data.Loader }

func (s source) Len() int                              { return s.l.Len() }
func (s source) Epoch(e int) train.Batches[data.Batch] { return s.l.Epoch(e) }

// TestGroupHasTheSameBits trains on one, two and four ranks, and on one and two
// processors, with every setting that changes how.
func TestGroupHasTheSameBits(t *testing.T) {
	configs := map[string]train.Config{
		"plain":      {Epochs: 2, Seed: 7, KeepSteps: true, Optimizer: optim.Momentum(0.05, 0.9)},
		"clipped":    {Epochs: 2, Seed: 7, KeepSteps: true, Optimizer: optim.Chain(optim.ClipByGlobalNorm(0.1), optim.Adam(0.05)), Schedule: func(k int) float64 { return 1 / (1 + float64(k)) }},
		"accumulate": {Epochs: 2, Seed: 7, KeepSteps: true, Optimizer: optim.Adam(0.05), Accumulate: 3},
		"eight":      {Epochs: 2, Seed: 7, KeepSteps: true, Optimizer: optim.Adam(0.05), Shards: 8},
	}
	for _, task := range groupTasks {
		for name, c := range configs {
			var want *outcome
			for _, ranks := range []int{1, 2, 4} {
				for _, share := range []bool{false, true} {
					for _, procs := range []int{1, 2} {
						before := runtime.GOMAXPROCS(procs)
						all := together(ranks, func(g train.Group) outcome {
							c := c
							if c.Group, c.ShareState = g, share; procs == 2 {
								c.Group = sending{g}
							}
							return task.run(c)
						})
						runtime.GOMAXPROCS(before)
						for r, got := range all {
							if got.err != nil {
								t.Fatalf("%s, %s, rank %d of %d: %v", task.name, name, r, ranks, got.err)
							}
							if want == nil {
								want = &got
							}
							if !sameBits(got.bits, want.bits) || timeless(got.h) != timeless(want.h) {
								t.Errorf("%s, %s, rank %d of %d, %d processors, shared %v: other bits\n%v\n%v\n%v\n%v", task.name, name, r, ranks, procs, share,
									got.bits, want.bits, timeless(got.h), timeless(want.h))
							}
						}
					}
				}
			}
		}
	}
}

// TestGroupIsOneBatch compares with a training without Group, whose sums are
// rounded in another order.
func TestGroupIsOneBatch(t *testing.T) {
	for _, task := range groupTasks[1:] { // batch statistics are of shards
		for _, accumulate := range []int{1, 3} {
			c := train.Config{Epochs: 3, KeepSteps: true, Optimizer: optim.Chain(optim.ClipByGlobalNorm(0.2), optim.Adam(0.05)), Accumulate: accumulate}
			want := task.run(c)
			if want.err != nil {
				t.Fatal(want.err)
			}
			if task.name == groupTasks[2].name { // there it depends on the first sample of a batch
				continue
			}
			for _, got := range together(2, func(g train.Group) outcome { c := c; c.Group = g; return task.run(c) }) {
				if got.err != nil {
					t.Fatal(got.err)
				}
				for i, v := range want.bits {
					if d := math.Abs(float64(v - got.bits[i])); d > 1e-5 {
						t.Errorf("%s: weight %d is %v, want %v", task.name, i, got.bits[i], v)
					}
				}
				for i, l := range want.h.StepLoss {
					if d := math.Abs(l - got.h.StepLoss[i]); d > 1e-5 {
						t.Errorf("%s: step %d has loss %v, want %v", task.name, i, got.h.StepLoss[i], l)
					}
				}
			}
		}
	}
}

// TestGroupsOfOddNumbers: the sum of three and of six ranks is that of one with
// as many shards.
func TestGroupsOfOddNumbers(t *testing.T) {
	c := train.Config{Epochs: 2, Seed: 7, Optimizer: optim.Adam(0.05), Shards: 6}
	var want []float32
	for _, ranks := range []int{1, 3, 6} {
		for _, got := range together(ranks, func(g train.Group) outcome { c := c; c.Group = g; return groupTasks[0].run(c) }) {
			if got.err != nil {
				t.Fatal(got.err)
			}
			if want == nil {
				want = got.bits
			}
			if !sameBits(got.bits, want) {
				t.Errorf("%d ranks: other bits", ranks)
			}
		}
	}
	for _, got := range together(2, func(g train.Group) outcome { c := c; c.Group = g; return groupTasks[0].run(c) }) {
		if got.err == nil || !strings.Contains(got.err.Error(), "6 shards for 2 ranks") {
			t.Errorf("error %v", got.err)
		}
	}
}

// TestGroupResumes stops a training of some ranks and goes on with other
// numbers of them, with shares of the state and without.
func TestGroupResumes(t *testing.T) {
	dir := t.TempDir()
	run := func(ctx context.Context, g train.Group, share bool, path string, more ...train.Callback) outcome {
		n := newNet()
		c := train.Config{Epochs: 3, Seed: 7, KeepSteps: true, Group: g, ShareState: share, Shards: 4, Resume: path,
			Optimizer: optim.Lookahead(optim.Chain(optim.ClipByGlobalNorm(1), optim.Adam(0.05)), 3, 0.5),
			Callbacks: append([]train.Callback{train.Checkpoint(path, 1), train.EarlyStop{Metric: "loss", Patience: 2}.Callback()}, more...)}
		h, err := train.Fit(ctx, train.Supervised(n, nn.MSE), &data.Loader{Dataset: line(92), BatchSize: 24, Shuffle: true, Seed: 3}, c)
		return outcome{n.bits(), h, err}
	}
	want := together(1, func(g train.Group) outcome {
		return run(context.Background(), g, false, filepath.Join(dir, "whole"))
	})[0]
	if want.err != nil {
		t.Fatal(want.err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"cancel", "crash"} {
		for stop := 1; stop < 12; stop += 3 {
			path := filepath.Join(dir, how+fmt.Sprint(stop))
			ctx, cancel := context.WithCancel(context.Background())
			crash := errors.New("crash")
			for r, got := range together(4, func(g train.Group) outcome {
				return run(ctx, g, true, path, train.OnStep(func(r *train.Run) error {
					if r.Step == stop && r.Rank() == 2 {
						if how == "crash" {
							return crash
						}
						cancel()
					}
					return nil
				}))
			}) {
				var rank *train.RankError
				switch {
				case how == "cancel" && !errors.Is(got.err, context.Canceled):
					t.Fatalf("rank %d: %v", r, got.err)
				case how == "crash" && r == 2 && !errors.Is(got.err, crash):
					t.Fatalf("rank %d: %v", r, got.err)
				case how == "crash" && r != 2 && (!errors.As(got.err, &rank) || rank.Rank != 2 || !strings.Contains(got.err.Error(), "crash")):
					t.Fatalf("rank %d: %v", r, got.err)
				}
			}
			cancel()
			for r, got := range together(2, func(g train.Group) outcome { return run(context.Background(), g, stop%2 == 0, path) }) {
				if got.err != nil {
					t.Fatal(got.err)
				}
				if !sameBits(got.bits, want.bits) || timeless(got.h) != timeless(want.h) {
					t.Fatalf("%s %d, rank %d: not as if never stopped\n%v\n%v", how, stop, r, timeless(got.h), timeless(want.h))
				}
			}
		}
	}
	if len(whole) == 0 {
		t.Error("no checkpoint")
	}
}

// TestRanksThatDiffer are told before the first step, in words that name it.
func TestRanksThatDiffer(t *testing.T) {
	type change struct {
		want string
		do   func(c *train.Config, n *net, l *data.Loader)
	}
	for _, change := range []change{
		{"Seed is 8, on rank 0 7", func(c *train.Config, _ *net, _ *data.Loader) { c.Seed = 8 }},
		{"Loader.BatchSize is 6", func(_ *train.Config, _ *net, l *data.Loader) { l.BatchSize = 6 }},
		{"the optimizer is Adam", func(c *train.Config, _ *net, _ *data.Loader) { c.Optimizer = optim.Adam(0.2) }},
		{"the contents of in.weight", func(_ *train.Config, n *net, _ *data.Loader) { n.In.Weight.Data[0] = 9 }},
		{"the shape of out.weight is [2 6], on rank 0 [1 6]", func(_ *train.Config, n *net, _ *data.Loader) { n.Out = nn.NewLinear(nn.NewRand(2), 6, 2) }},
		{"Frozen of in.weight is true", func(_ *train.Config, n *net, _ *data.Loader) { n.In.Weight.Frozen = true }},
		{"Epochs is 5", func(c *train.Config, _ *net, _ *data.Loader) { c.Epochs = 5 }},
		{"Shards is 8", func(c *train.Config, _ *net, _ *data.Loader) { c.Shards = 8 }},
		{"number of callbacks is 1", func(c *train.Config, _ *net, _ *data.Loader) { c.Callbacks = []train.Callback{train.OnStep(nil)} }},
		{"the number of samples is 7", func(_ *train.Config, _ *net, l *data.Loader) { l.Dataset = line(7) }},
	} {
		for r, err := range together(2, func(g train.Group) error {
			n, l := newNet(), &data.Loader{Dataset: line(8), BatchSize: 4}
			before := n.bits()
			c := train.Config{Seed: 7, Group: g, Optimizer: optim.Adam(0.1)}
			if g.Rank() == 1 {
				change.do(&c, n, l)
				before = n.bits()
			}
			_, err := train.Fit(context.Background(), train.Supervised(n, nn.MSE), l, c)
			if !sameBits(before, n.bits()) {
				t.Error("a step was taken")
			}
			return err
		}) {
			if err == nil || !strings.Contains(err.Error(), change.want) || !strings.Contains(err.Error(), "On rank 1") {
				t.Errorf("rank %d: %v, want %q", r, err, change.want)
			}
		}
	}
}

// faulty fails on a sample.
type faulty struct {
	data.Dataset
	at int
}

func (f faulty) Batch(index []int, b *data.Batch) error {
	for _, i := range index {
		if i == f.at {
			return errors.New("sample lost")
		}
	}
	return f.Dataset.Batch(index, b)
}

// TestGroupFaults: what goes wrong on one rank ends all.
func TestGroupFaults(t *testing.T) {
	x := make([]float32, 32)
	x[29] = float32(math.NaN())
	nan := data.FromSlices(x, []int{1}, make([]float32, 32), []int{1})
	for want, set := range map[string]data.Dataset{"sample lost": faulty{line(32), 30}, "the loss is NaN at step 1": nan,
		"step 0: tensor": data.FromSlices(make([]float32, 64), []int{2}, make([]float32, 32), []int{1})} {
		for r, err := range together(4, func(g train.Group) error {
			_, err := train.Fit(context.Background(), train.Supervised(nn.NewLinear(nn.NewRand(1), 1, 1), nn.MSE), &data.Loader{Dataset: set, BatchSize: 16}, train.Config{Group: g})
			return err
		}) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("rank %d: %v, want %q", r, err, want)
			}
		}
	}
	for want, c := range map[string]train.Config{"MicroBatch": {MicroBatch: 2}, "SAM": {SAM: &optim.SAM{}}, "the link": {ShareState: true, Optimizer: optim.Chain(optim.Stateless(func(*optim.Step) {}), optim.SGD(1))},
		"7 shards": {Shards: 7}} {
		for _, err := range together(2, func(g train.Group) error {
			c := c
			c.Group = g
			_, err := train.Fit(context.Background(), train.Supervised(nn.NewLinear(nn.NewRand(1), 1, 1), nn.MSE), &data.Loader{Dataset: line(8)}, c)
			return err
		}) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	if _, err := train.Fit(context.Background(), train.Supervised(nn.NewLinear(nn.NewRand(1), 1, 1), nn.MSE), &data.Loader{Dataset: line(8)}, train.Config{Shards: 4}); err == nil {
		t.Error("Shards without a Group")
	}
}

// TestGroupStops: a stop on one rank is a stop on all, after the same step.
func TestGroupStops(t *testing.T) {
	for r, got := range together(3, func(g train.Group) outcome {
		c := train.Config{Epochs: 9, Group: g, Callbacks: []train.Callback{train.OnStep(func(r *train.Run) error {
			if r.Step == 5 && r.Rank() == 1 {
				return train.Stop("enough")
			}
			return nil
		})}}
		return groupTasks[0].run(c)
	}) {
		if got.err != nil || got.h.Steps != 5 || got.h.Stopped != "enough" {
			t.Errorf("rank %d: %v, %d steps, stopped %q", r, got.err, got.h.Steps, got.h.Stopped)
		}
	}
}

// TestGroupFilesAreOfRankZero: nobody else writes or shows anything.
func TestGroupFilesAreOfRankZero(t *testing.T) {
	dir := t.TempDir()
	together(3, func(g train.Group) error {
		own := filepath.Join(dir, fmt.Sprint(g.Rank()))
		var text strings.Builder
		m := nn.NewLinear(nn.NewRand(1), 1, 1)
		_, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), &data.Loader{Dataset: line(24), BatchSize: 12}, train.Config{Group: g, Callbacks: []train.Callback{
			train.Checkpoint(filepath.Join(own, "checkpoint"), 1), train.CSVLog(filepath.Join(own, "log.csv")), train.TensorBoard(filepath.Join(own, "board"), 1),
			train.EarlyStop{Path: filepath.Join(own, "best")}.Callback(), train.Progress(&text)}})
		if err != nil {
			t.Error(err)
		}
		if (text.Len() > 0) != (g.Rank() == 0) {
			t.Errorf("rank %d writes %q", g.Rank(), text.String())
		}
		return nil
	})
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || entries[0].Name() != "0" {
		t.Errorf("files of ranks %v", entries)
	}
	entries, _ = os.ReadDir(filepath.Join(dir, "0"))
	if len(entries) != 4 {
		t.Errorf("rank 0 has %v", entries)
	}
}

// TestGroupCheckpointIsThatOfOneRank: the file does not tell how many ranks
// wrote it, nor whether they shared the state.
func TestGroupCheckpointIsThatOfOneRank(t *testing.T) {
	dir := t.TempDir()
	var want [][]float32
	for _, rule := range []optim.Rule{optim.Adam(0.05), optim.Muon(0.02, optim.AdamW(0.01)), optim.Adafactor(0.01)} {
		want = nil
		for _, ranks := range []int{1, 2, 4} {
			path := filepath.Join(dir, fmt.Sprint(ranks))
			for _, got := range together(ranks, func(g train.Group) outcome {
				return groupTasks[0].run(train.Config{Group: g, ShareState: true, Optimizer: rule, Callbacks: []train.Callback{train.Checkpoint(path, 0)}})
			}) {
				if got.err != nil {
					t.Fatal(got.err)
				}
			}
			got := train.CheckpointArrays(t, path)
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%d ranks write another checkpoint", ranks)
			}
		}
	}
}

// TestGroupStepAllocatesNothing counts what a run of many more steps allocates
// beyond one of few.
func TestGroupStepAllocatesNothing(t *testing.T) {
	run := func(epochs int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		together(2, func(g train.Group) error {
			m := nn.Sequential{nn.NewLinear(nn.NewRand(1), 1, 8), nn.Func(tensor.Tensor.ReLU), nn.NewLinear(nn.NewRand(2), 8, 1)}
			_, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), &data.Loader{Dataset: line(2000), BatchSize: 4}, train.Config{Epochs: epochs, Group: g, Optimizer: optim.Adam(0.01)})
			return err
		})
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	run(1)
	few, many := run(1), run(5) // 2 ranks × 500 steps an epoch
	if many > few+400 {
		t.Errorf("%d allocations in 500 steps, %d in 2500", few, many)
	}
}
