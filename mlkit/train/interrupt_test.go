package train_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// stuck is a data set that blocks at some sample until it is let go.
type stuck struct {
	data.Dataset
	at      int
	reached chan struct{}
	free    chan struct{}
	once    sync.Once
}

func newStuck(set data.Dataset, at int) *stuck {
	return &stuck{Dataset: set, at: at, reached: make(chan struct{}), free: make(chan struct{})}
}

func (s *stuck) Batch(index []int, b *data.Batch) error {
	for _, i := range index {
		if i == s.at {
			s.once.Do(func() { close(s.reached) })
			<-s.free
		}
	}
	return s.Dataset.Batch(index, b)
}

// Cancelling returns while a data set blocks, in whatever loop, and what was
// done up to there is kept.
func TestCancelWhileTheDataBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	o := train.Supervised(mlp(1), nn.MSE)
	for name, f := range map[string]func(ctx context.Context, s *stuck) error{
		"fit": func(ctx context.Context, s *stuck) error {
			h, err := train.Fit(ctx, o, &data.Loader{Dataset: s, BatchSize: 4}, train.Config{Epochs: 3, Callbacks: []train.Callback{train.Checkpoint(path, 0)}})
			if h.Steps != 2 || len(h.Epochs) != 1 || !strings.Contains(err.Error(), "interrupted at step 2") {
				t.Errorf("%+v %v", h, err)
			}
			return err
		},
		"prefetch": func(ctx context.Context, s *stuck) error {
			_, err := train.Fit(ctx, o, &data.Loader{Dataset: s, BatchSize: 4, Prefetch: 1}, train.Config{})
			return err
		},
		"accumulate": func(ctx context.Context, s *stuck) error {
			_, err := train.Fit(ctx, o, &data.Loader{Dataset: s, BatchSize: 4}, train.Config{Accumulate: 3})
			return err
		},
		"the first batch": func(ctx context.Context, s *stuck) error {
			_, err := train.Fit(ctx, o, &data.Loader{Dataset: s}, train.Config{})
			return err
		},
		"a source that cannot seek": func(ctx context.Context, s *stuck) error {
			_, err := train.Fit(ctx, o, seq{&data.Loader{Dataset: s, BatchSize: 4}}, train.Config{})
			return err
		},
		"validation": func(ctx context.Context, s *stuck) error {
			_, err := train.Fit(ctx, o, &data.Loader{Dataset: line(4)}, train.Config{Validation: train.Validate(o, &data.Loader{Dataset: s, BatchSize: 4})})
			return err
		},
		"evaluate": func(ctx context.Context, s *stuck) error {
			_, err := train.Evaluate(ctx, o, &data.Loader{Dataset: s, BatchSize: 4})
			return err
		},
		"predict": func(ctx context.Context, s *stuck) error {
			_, _, err := train.NewPredictor(mlp(1)).All(ctx, &data.Loader{Dataset: s, BatchSize: 4})
			return err
		},
		"range test": func(ctx context.Context, s *stuck) error {
			_, err := train.LRRangeTest(ctx, o, &data.Loader{Dataset: s, BatchSize: 4}, train.LRRange{})
			return err
		},
	} {
		s := newStuck(line(20), 9)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- f(ctx, s) }()
		<-s.reached
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(time.Minute): // not a measurement: else it would never end
			t.Fatalf("%s waits for the data set", name)
		}
		close(s.free)
	}
	// The checkpoint of the interrupted run resumes like any other.
	if _, err := train.Fit(context.Background(), o, &data.Loader{Dataset: line(20), BatchSize: 4}, train.Config{Epochs: 3, Resume: path}); err != nil {
		t.Error(err)
	}
}

// A training with a context that can end takes the same way, to the bit, and
// its panics arrive.
func TestTheContextDoesNotMatter(t *testing.T) {
	fit := func(ctx context.Context) []float32 {
		m := mlp(1)
		if _, err := train.Fit(ctx, train.Supervised(m, nn.MSE), &data.Loader{Dataset: line(22), BatchSize: 4, Shuffle: true}, train.Config{Epochs: 4, Optimizer: optim.Adam(0.01)}); err != nil {
			t.Fatal(err)
		}
		return bits(m)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a, b := fit(context.Background()), fit(ctx)
	for i := range a {
		if a[i] != b[i] {
			t.Fatal("the context changes bits")
		}
	}
	func() {
		defer func() {
			if p := recover(); p != "a bug" {
				t.Errorf("recovered %v", p)
			}
		}()
		o := train.Supervised(mlp(1), func(x, y tensor.Tensor) tensor.Tensor { panic("a bug") })
		train.Fit(ctx, o, &data.Loader{Dataset: line(4)}, train.Config{})
		t.Error("no panic")
	}()
}
