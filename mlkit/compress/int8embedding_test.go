package compress_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/compress"
	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// A model that reads ids is quantized, saved and loaded like others.
func TestQuantizedTokens(t *testing.T) {
	rng := nn.NewRand(1)
	mean := nn.Func(func(x tensor.Tensor) tensor.Tensor { return x.Mean(1) })
	model := nn.Sequential{nn.NewPaddedEmbedding(rng, 50, 24, 0), nn.NewTransformerEncoder(rng, 1, nn.Transformer{Width: 24, Heads: 2}), mean, nn.NewLinear(rng, 24, 4)}
	ids := make([]int32, 3*7)
	for i := range ids {
		ids[i] = int32(rng.IntN(50))
	}
	predict := func(m nn.Layer) []float32 {
		t.Helper()
		y, _, err := train.NewPredictor(m).PredictTokens(ids, 3, 7)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	want := predict(model)
	static, err := compress.QuantizeStatic(model, data.Batch{IDs: ids, IDsDims: []int{3, 7}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dynamic, err := compress.QuantizeDynamic(model)
	if err != nil {
		t.Fatal(err)
	}
	int4, err := compress.QuantizeInt4(model)
	if err != nil {
		t.Fatal(err)
	}
	aware, err := compress.QuantizationAware(model)
	if err != nil {
		t.Fatal(err)
	}
	for what, m := range map[string]nn.Layer{"static": static, "dynamic": dynamic, "int4": int4, "aware": aware} {
		limit := 0.05
		if what == "int4" {
			limit = 0.3
		}
		if e := relative(predict(m), want); !(e > 0 && e < limit) {
			t.Errorf("%s: outputs differ by %.4f of themselves", what, e)
		}
	}
	path := filepath.Join(t.TempDir(), "tokens.safetensors")
	if err := static.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := compress.LoadInt8(path, model)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(predict(loaded), predict(static)) {
		t.Error("other outputs after loading")
	}
	if s := static.Summary(3, 7); s.Rows[0].Layer != "Embedding in int8" || s.ParamBytes != static.Bytes() {
		t.Errorf("summary %+v", s)
	}
	if _, _, err := train.NewPredictor(static).PredictTokens([]int32{50}, 1, 1); err == nil || !strings.Contains(err.Error(), `layer "0" (*nn.Embedding) in int8`) {
		t.Errorf("an id outside of the table: error %v", err)
	}
	if _, _, err := train.NewPredictor(static).Predict([]float32{1}, 1, 1); err == nil || !strings.Contains(err.Error(), "reads token ids") {
		t.Errorf("features for ids: error %v", err)
	}
}
