package models_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/datasets"
	"descent/mlkit/models"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func TestLlamaIsHuggingFaces(t *testing.T) {
	var g struct {
		IDs    []int32
		Logits []float64
		Grads  map[string][]float64
	}
	goldens(t, "testdata/llama.json", &g)
	m := models.NewLlama(nn.NewRand(1), models.LlamaSize{Vocabulary: 13, Layers: 2, Width: 16, Heads: 4, KVHeads: 2, Hidden: 12, RopeBase: 500})
	state := nn.State(m)
	slices.SortFunc(state, func(a, b nn.Named) int { return cmp.Compare(a.Name, b.Name) })
	params := map[string]*tensor.Param{}
	for k, n := range state {
		params[n.Name] = n.Param
		for i := range n.Param.Data {
			n.Param.Data[i] = float32(fill(k, i) / 4)
			if strings.Contains(n.Name, "norm") {
				n.Param.Data[i] = float32(1 + fill(k, i)/8)
			}
		}
	}
	tape := tensor.NewTape(1)
	y := m.Forward(tape, tensor.NewInts(g.IDs, 2, 6))
	if d := farthest(y.Data(), g.Logits); !(d < 1e-5) {
		t.Errorf("logits differ by %.2g of the largest", d)
	}
	w := make([]float32, y.Size())
	for i := range w {
		w[i] = float32(math.Cos(float64(i)))
	}
	grads := y.Mul(tape.Input(w, y.Dims()...)).Sum().Backward()
	for name, want := range g.Grads {
		if params[name] == nil {
			t.Fatalf("no parameter %s among %d", name, len(params))
		}
		if d := farthest(grads.Of(params[name]), want); !(d < 1e-4) {
			t.Errorf("%s: gradients differ by %.2g of the largest", name, d)
		}
	}
	next := m.Next() // one more token at a time gives what all at once give
	for time := 1; time <= 6; time++ {
		rows, err := next([][]int32{g.IDs[:time], g.IDs[6 : 6+time]})
		if err != nil {
			t.Fatal(err)
		}
		for b, row := range rows {
			if d := farthest(row, g.Logits[(b*6+time-1)*13:][:13]); !(d < 1e-5) {
				t.Errorf("text %d, token %d: logits differ by %.2g", b, time, d)
			}
		}
	}
	// So does a long prompt, which is read in pieces, of two texts.
	long := make([]int32, 2*19)
	for i := range long {
		long[i] = int32(i * 5 % 13)
	}
	all := m.Forward(tape, tensor.NewInts(long, 2, 19)).Data()
	rows, err := m.Next()([][]int32{long[:19], long[19:]})
	if err != nil {
		t.Fatal(err)
	}
	for b, row := range rows {
		for i, v := range row {
			if want := all[(b*19+18)*13+i]; math.Abs(float64(v-want)) > 1e-4 {
				t.Errorf("text %d of 19 tokens: logit %d is %v, want %v", b, i, v, want)
			}
		}
	}
	if _, err := next([][]int32{{13}}); err == nil || !strings.Contains(err.Error(), "token 13") {
		t.Error(err)
	}
}

// Quantized weights in place give what their numbers give, but for activations
// of 8 bits.
func TestOpenLlama(t *testing.T) {
	f, err := models.OpenLlama("testdata/llama.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.End != 0 || f.Size != (models.LlamaSize{Vocabulary: 259, Layers: 2, Width: 64, Heads: 4, KVHeads: 2, Hidden: 96, RopeBase: 1000, Eps: 1e-5}) {
		t.Errorf("%d %+v", f.End, f.Size)
	}
	exact, err := f.Unpacked()
	if err != nil {
		t.Fatal(err)
	}
	ids, err := f.Tokens.Encode("the thing")
	if err != nil || len(ids) != 6 {
		t.Fatal(ids, err)
	}
	tape := tensor.NewEvalTape()
	want := exact.Forward(tape, tensor.NewInts(ids, 1, len(ids))).Data()
	got := f.Forward(tape, tensor.NewInts(ids, 1, len(ids))).Data()
	largest, square := 0., 0.
	for i, v := range want {
		largest = max(largest, math.Abs(float64(v)))
		square += math.Pow(float64(v-got[i]), 2)
	}
	if far := math.Sqrt(square/float64(len(want))) / largest; !(far < 0.01) || far == 0 {
		t.Errorf("root mean square of the differences: %.3g of the largest logit", far)
	}
	next := f.Next()
	for time := 1; time <= len(ids); time++ {
		rows, err := next([][]int32{ids[:time]})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range rows[0] {
			if d := math.Abs(float64(v - got[(time-1)*259+i])); !(d < 0.02*largest) {
				t.Fatalf("token %d: logit %d is %v, all at once %v", time, i, v, got[(time-1)*259+i])
			}
		}
	}
	for want, fail := range map[string]func(){
		"no way back":         func() { f.Forward(tensor.NewTape(1), tensor.NewInts(ids, 1, len(ids))) },
		"id 259 is not":       func() { f.Forward(tensor.NewEvalTape(), tensor.NewInts([]int32{259}, 1, 1)) },
		"as long as the rows": func() { f.Blocks[0].FFNDown.Forward(tape.Full(1, 2, 64)) },
		"a multiple of KVHead": func() {
			models.NewLlama(nn.NewRand(1), models.LlamaSize{Vocabulary: 1, Layers: 1, Width: 6, Heads: 3, KVHeads: 2, Hidden: 1})
		},
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, want) {
					t.Errorf("got %q, want %q", r, want)
				}
			}()
			fail()
		}()
	}
	for path, why := range map[string]string{"testdata/none.gguf": "no such file", "testdata/bert.json": "not a GGUF file", "../formats/testdata/small.gguf": "the tokenizer is"} {
		if _, err := models.OpenLlama(path); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q in it", path, err, why)
		}
	}
	file, err := os.ReadFile("testdata/llama.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for old, changed := range map[string]string{"llama.rope.freq_base": "llama.rope.long_base"} {
		path := filepath.Join(t.TempDir(), "changed.gguf")
		if err := os.WriteFile(path, bytes.Replace(file, []byte(old), []byte(changed), 1), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := models.OpenLlama(path); err == nil || !strings.Contains(err.Error(), changed+" is not known") {
			t.Errorf("%s: %v", changed, err)
		}
	}
}

func smolLM2(t testing.TB) *models.LlamaFile {
	needs(t, datasets.SmolLM2AtHand())
	path, err := datasets.SmolLM2()
	if err != nil {
		t.Skipf("the published weights are not at hand: %v", err)
	}
	f, err := models.OpenLlama(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// chat is a question in the frame that SmolLM2 was trained with.
func chat(question string) string {
	return "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n"
}

// continuation is what llama.cpp has made of a prompt, and what transformers
// thinks likeliest at the first places of that, with its logit.
type continuation struct {
	Prompt             string
	IDs, Tokens, Exact []int32
	Top                []float64
}

// With the weights as numbers, the model is that of transformers: at all 2,560
// places it thinks the same token likeliest, of which 240 are tried here.
func TestSmolLM2UnpackedIsTransformers(t *testing.T) {
	m, err := smolLM2(t).Unpacked()
	if err != nil {
		t.Fatal(err)
	}
	var g []continuation
	goldens(t, "testdata/smollm2.json", &g)
	tape := tensor.NewEvalTape()
	for _, c := range g {
		tape.Reset()
		n := len(c.Exact)
		text := slices.Concat(c.IDs, c.Tokens[:n-1])
		logits := m.Forward(tape, tensor.NewInts(text, 1, len(text))).Data()
		for k, token := range c.Exact {
			row := logits[(len(c.IDs)-1+k)*m.Size.Vocabulary:][:m.Size.Vocabulary]
			best := slices.Max(row)
			if slices.Index(row, best) != int(token) || !(math.Abs(float64(best)-c.Top[k]) < 2e-3) {
				t.Errorf("%.60q, token %d: %d with %v, want %d with %v", c.Prompt, k, slices.Index(row, best), best, token, c.Top[k])
			}
		}
	}
}

// This model writes what llama.cpp wrote after it had read the prompt in one
// go. The golden has 256 tokens of each of ten texts; the first 40 are compared
// here, for the sake of time.
func TestSmolLM2WritesAsLlamaCPP(t *testing.T) {
	f := smolLM2(t)
	var g []continuation
	goldens(t, "testdata/smollm2.json", &g)
	for _, c := range g {
		ids, err := f.Tokens.EncodeSpecial(c.Prompt)
		if err != nil || !slices.Equal(ids, c.IDs) {
			t.Fatalf("%q: %v %v, want %v", c.Prompt, ids, err, c.IDs)
		}
		n := 40
		answer, err := nn.Sampling{Max: n, End: -1, TopK: 1}.Generate([][]int32{ids}, f.Next())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(answer[0], c.Tokens[:n]) {
			t.Errorf("%.60q: %q, want %q", c.Prompt, f.Tokens.Decode(answer[0]), f.Tokens.Decode(c.Tokens[:n]))
		}
	}
}

func BenchmarkSmolLM2(b *testing.B) {
	f := smolLM2(b)
	ids, err := f.Tokens.EncodeSpecial(chat("What is gravity?"))
	if err != nil {
		b.Fatal(err)
	}
	next := f.Next()
	for b.Loop() {
		if _, err := next([][]int32{ids}); err != nil {
			b.Fatal(err)
		}
		ids = append(ids, 28)
		if len(ids) > 300 {
			ids = ids[:40]
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}
