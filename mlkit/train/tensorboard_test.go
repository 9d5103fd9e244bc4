package train_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/train"
)

// TensorBoard's own reader, of the interpreter that MLKIT_PYTHON names or
// python3, finds the curves, histograms and pictures.
func TestTensorBoardReadsEvents(t *testing.T) {
	python := os.Getenv("MLKIT_PYTHON")
	if python == "" {
		python = "python3"
	}
	const reader = "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator"
	if err := exec.Command(python, "-c", reader).Run(); err != nil {
		t.Skipf("needs %s with tensorboard (set MLKIT_PYTHON): %v", python, err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	picture := func(r *train.Run, log *train.EventLog) error {
		p := image.NewRGBA(image.Rect(0, 0, 5, 3))
		p.Set(1, 2, color.RGBA{255, 0, 0, 255})
		return log.Image("corner", p)
	}
	fixed := func(r *train.Run, log *train.EventLog) error {
		return errors.Join(log.Histogram("four", []float32{-1, 0, 0, 3}), log.Histogram("same", []float32{2, 2}), log.Histogram("none", nil))
	}
	model := nn.NewLinear(nn.NewRand(1), 1, 1)
	if _, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5},
		train.Config{Epochs: 2, Callbacks: []train.Callback{train.TensorBoard(dir, 4, train.Histograms, picture, fixed)}}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-c", reader+`
import sys
a = EventAccumulator(sys.argv[1], {"histograms": 0, "images": 0}).Reload()
tags = a.Tags()
assert sorted(tags["scalars"]) == ["learning_rate", "loss", "step_loss"], tags
assert [e.step for e in a.Scalars("loss")] == [4, 8], a.Scalars("loss")
assert sorted(tags["histograms"]) == ["bias", "four", "none", "same", "weight"], tags
h = a.Histograms("four")[1]
v = h.histogram_value
assert (h.step, v.min, v.max, v.num, v.sum, v.sum_squares) == (8, -1, 3, 4, 2, 10), h
assert len(v.bucket) == len(v.bucket_limit) == 65 and sum(v.bucket) == 4 and v.bucket[0] == 0, h
assert v.bucket[1] == 1 and v.bucket[64] == 1 and v.bucket[17] == 2 and v.bucket_limit[16] == 0, h
v = a.Histograms("same")[0].histogram_value
assert v.bucket == [0, 2] and v.bucket_limit[0] == 2 < v.bucket_limit[1], v
assert a.Histograms("none")[0].histogram_value.num == 0
assert tags["images"] == ["corner"], tags
i = a.Images("corner")[1]
assert (i.step, i.width, i.height) == (8, 5, 3) and i.encoded_image_string[1:4] == b"PNG", i
`, dir).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestHistogramOfWhatIsNotFinite(t *testing.T) {
	model := nn.NewLinear(nn.NewRand(1), 1, 1)
	spoil := func(r *train.Run, log *train.EventLog) error {
		model.Bias.Data[0] = float32(math.NaN())
		return train.Histograms(r, log)
	}
	_, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), &data.Loader{Dataset: line(4), BatchSize: 4},
		train.Config{Callbacks: []train.Callback{train.TensorBoard(t.TempDir(), 0, spoil)}})
	if err == nil || !strings.Contains(err.Error(), `"bias": element 0 is NaN`) {
		t.Error(err)
	}
}
