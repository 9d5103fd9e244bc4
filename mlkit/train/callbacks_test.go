package train_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

// scripted is a validation whose figures are given, so that a test decides
// which epoch is best.
func scripted(name string, figures ...float64) train.Validation {
	i := 0
	return func(_ context.Context, into map[string]float64) error {
		into[name] = figures[min(i, len(figures)-1)]
		i++
		return nil
	}
}

func TestEarlyStopBringsTheBestWeightsBack(t *testing.T) {
	fit := func(stop train.EarlyStop, v train.Validation, more ...train.Callback) (*net, train.History, [][]float32) {
		t.Helper()
		n := newNet()
		var each [][]float32
		h, err := train.Fit(context.Background(), train.Supervised(n, nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5},
			train.Config{Epochs: 12, Optimizer: optim.Adam(0.05), Validation: v, Callbacks: append([]train.Callback{
				train.OnEpoch(func(*train.Run) error { each = append(each, n.bits()); return nil }), stop.Callback()}, more...)})
		if err != nil {
			t.Fatal(err)
		}
		return n, h, each
	}
	path := filepath.Join(t.TempDir(), "best.safetensors")
	n, h, each := fit(train.EarlyStop{Patience: 3, Path: path}, scripted("val_loss", 5, 4, 3, 3.5, 3, 3.1))
	if len(h.Epochs) != 6 || !reflect.DeepEqual(n.bits(), each[2]) || n.RunningMean.Count != 12 ||
		h.Stopped != "val_loss did not get better for 3 epochs (best 3 at epoch 2)" {
		t.Errorf("%d epochs, %q, count %d", len(h.Epochs), h.Stopped, n.RunningMean.Count)
	}
	best := newNet()
	if err := train.LoadWeights(path, best); err != nil || !reflect.DeepEqual(best.bits(), each[2]) {
		t.Errorf("%v", err)
	}
	if n, h, each = fit(train.EarlyStop{Metric: "val_accuracy"}, scripted("val_accuracy", .5, .7, .6)); len(h.Epochs) != 7 || !reflect.DeepEqual(n.bits(), each[1]) {
		t.Errorf("accuracy: %d epochs", len(h.Epochs))
	}
	if n, h, each = fit(train.EarlyStop{Metric: "x", Maximize: true, Patience: -1}, scripted("x", 1, 2, 0)); len(h.Epochs) != 12 || !reflect.DeepEqual(n.bits(), each[1]) {
		t.Errorf("best only: %d epochs", len(h.Epochs))
	}
	if _, h, _ = fit(train.EarlyStop{Patience: 2, MinDelta: 0.5}, scripted("val_loss", 5, 4.9, 4.8)); len(h.Epochs) != 3 {
		t.Errorf("MinDelta: %d epochs", len(h.Epochs))
	}
	if _, h, _ = fit(train.EarlyStop{Patience: 2}, nil); h.Stopped != "" && !strings.HasPrefix(h.Stopped, "loss did") {
		t.Errorf("without validation: %q", h.Stopped)
	}
	_, err := train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(20)},
		train.Config{Callbacks: []train.Callback{train.EarlyStop{Metric: "val_f1"}.Callback()}})
	if err == nil || !strings.Contains(err.Error(), `watches "val_f1", which is not measured; there is loss`) {
		t.Errorf("%v", err)
	}
	for range 5 { // figures in one order, not in a map's
		figures := func(_ context.Context, into map[string]float64) error {
			into["d"], into["b"], into["a"], into["c"] = 1, 1, 1, 1
			return nil
		}
		_, err = train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(20)},
			train.Config{Validation: figures, Callbacks: []train.Callback{train.EarlyStop{Metric: "e"}.Callback()}})
		if err == nil || !strings.HasSuffix(err.Error(), "there is loss, a, b, c, d") {
			t.Errorf("%v", err)
		}
	}
}

// What one callback ends, the others still hear of: a log behind early stopping
// has the last epoch's row, and all see End.
func TestAllCallbacksSeeTheEnd(t *testing.T) {
	var seen []train.Event
	watch := func(e train.Event, r *train.Run) error {
		if e != train.StepEnd {
			seen = append(seen, e)
		}
		return nil
	}
	broken := errors.New("broken")
	failing := func(at train.Event, err error) train.Callback {
		return func(e train.Event, r *train.Run) error {
			if e == at {
				return err
			}
			return nil
		}
	}
	for _, c := range []struct {
		first train.Callback
		want  []train.Event
		err   error
	}{
		{failing(train.EpochEnd, train.Stop("enough")), []train.Event{train.Begin, train.EpochEnd, train.End}, nil},
		{failing(train.EpochEnd, broken), []train.Event{train.Begin, train.End}, broken},
		{failing(train.End, broken), []train.Event{train.Begin, train.EpochEnd, train.EpochEnd, train.End}, broken},
	} {
		seen = nil
		_, err := train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(20)},
			train.Config{Epochs: 2, Callbacks: []train.Callback{c.first, watch}})
		if !errors.Is(err, c.err) || !reflect.DeepEqual(seen, c.want) {
			t.Errorf("%v, events %v, want %v, %v", err, seen, c.err, c.want)
		}
	}
	both := []train.Callback{failing(train.StepEnd, train.Stop("enough")), failing(train.StepEnd, broken)}
	if _, err := train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(20)},
		train.Config{Callbacks: both}); !errors.Is(err, broken) {
		t.Errorf("a stop hides the error behind it: %v", err)
	}
}

func TestEarlyStopResumes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.safetensors")
	figures := []float64{5, 4, 3, 3.5, 3.6, 3.7}
	fit := func(n *net, from, epochs int, resume string) train.History {
		h, err := train.Fit(context.Background(), train.Supervised(n, nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5},
			train.Config{Epochs: epochs, Optimizer: optim.Adam(0.05), Resume: resume, Validation: scripted("val_loss", figures[from:]...),
				Callbacks: []train.Callback{train.Checkpoint(path, 0), train.EarlyStop{Patience: 3}.Callback()}})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	whole, part := newNet(), newNet()
	want := fit(whole, 0, 9, "")
	os.Remove(path)
	fit(newNet(), 0, 4, path)
	got := fit(part, 4, 9, path)
	if got.Stopped != want.Stopped || len(got.Epochs) != 6 || !reflect.DeepEqual(whole.bits(), part.bits()) {
		t.Errorf("%q %d, want %q %d", got.Stopped, len(got.Epochs), want.Stopped, len(want.Epochs))
	}
}

func TestCSVLog(t *testing.T) {
	dir := t.TempDir()
	path, saved := filepath.Join(dir, "new", "log.csv"), filepath.Join(dir, "c")
	fit := func(epochs int, v train.Validation) {
		t.Helper()
		_, err := train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(20)},
			train.Config{Epochs: epochs, Resume: saved, Validation: v, Callbacks: []train.Callback{train.CSVLog(path), train.Checkpoint(saved, 0)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	fit(2, nil)
	fit(4, scripted("val_loss", 0.25, 0.125))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) != 5 || lines[0] != "epoch,loss,learning_rate,val_loss,seconds" || !strings.HasPrefix(lines[1], "0,") ||
		!strings.Contains(lines[1], ",0.01,,") || !strings.HasPrefix(lines[4], "3,") || !strings.Contains(lines[4], ",0.01,0.125,") {
		t.Errorf("%q", lines)
	}
}

// The layout was checked with TensorBoard 2.21's own reader
// (EventAccumulator(dir).Reload().Scalars("loss")); this reads it back here.
func TestTensorBoard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	h, err := train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5},
		train.Config{Epochs: 3, Validation: scripted("val_loss", .5), Callbacks: []train.Callback{train.TensorBoard(dir, 2)}})
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if len(files) != 1 {
		t.Fatalf("%v", files)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("MLKIT_KEEP_EVENTS"); keep != "" { // to look at it with TensorBoard
		if err := os.WriteFile(filepath.Join(keep, filepath.Base(files[0])), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	crc := func(b []byte) uint32 {
		c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
		return (c>>15 | c<<17) + 0xa282ead8
	}
	records := 0
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		if crc(b[:8]) != binary.LittleEndian.Uint32(b[8:]) || crc(b[12:12+n]) != binary.LittleEndian.Uint32(b[12+n:]) {
			t.Fatalf("record %d: checksum", records)
		}
		if event := b[12 : 12+n]; records == 0 && !bytes.HasSuffix(event, []byte("brain.Event:2")) ||
			records == 3 && !bytes.Contains(event, append([]byte{0x10, 4, 0x2a, 13, 0x0a, 11, 0x0a, 4}, "loss\x15"...)) {
			t.Errorf("record %d: %q", records, event)
		}
		b = b[16+n:]
		records++
	}
	if records != 1+6+3*3 {
		t.Errorf("%d records; %+v", records, h)
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	fit := func(epochs int, c train.Callback) string {
		out.Reset()
		_, err := train.Fit(context.Background(), train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5},
			train.Config{Epochs: epochs, Validation: scripted("val_loss", .5), Callbacks: []train.Callback{c}})
		if err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if s := fit(2, train.Progress(&out)); strings.Count(s, "\n") != 2 || !strings.HasPrefix(s, "epoch 1/2 · loss ") || !strings.HasSuffix(s, "val_loss 0.5\n") {
		t.Errorf("%q", s)
	}
	if s := fit(50, train.Progress(&out)); strings.Count(s, "\n") != 17 || !strings.Contains(s, "epoch 50/50") {
		t.Errorf("%q", s)
	}
	if s := fit(3, train.LiveProgress(&out)); strings.Count(s, "\n") != 1 || !strings.Contains(s, "\r") || !strings.Contains(s[strings.LastIndex(s, "\r"):], "\rtraining: 12/12 · epoch 3/3 · loss ") || !strings.HasSuffix(s, " · val_loss 0.5\n") {
		t.Errorf("%q", s)
	}
	var calls []string
	fit(3, train.Report(func(done, total int, status string) { calls = append(calls, fmt.Sprint(done, total)) }))
	// Steps in between appear as time goes by.
	if s := strings.Join(calls, ","); !strings.HasSuffix(s, "12 12,12 12") || !strings.Contains(s, ",4 12,") || !strings.Contains(s, ",8 12,") {
		t.Errorf("%v", calls)
	}
}
