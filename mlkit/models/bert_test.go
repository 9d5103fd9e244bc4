package models_test

import (
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/datasets"
	"descent/mlkit/models"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func TestBERTIsHuggingFaces(t *testing.T) {
	var g struct {
		IDs, Lengths []int32
		Cases        []struct {
			Segments        []int32
			Vectors, Pooled []float64
			Grads           map[string][]float64
		}
	}
	goldens(t, "testdata/bert.json", &g)
	m := models.NewBERT(nn.NewRand(1), models.BERTSize{Vocabulary: 30, Positions: 10, Layers: 2, Width: 8, Heads: 2, Hidden: 12})
	m.Dropout = 0
	state := nn.State(m)
	slices.SortFunc(state, func(a, b nn.Named) int { return cmp.Compare(a.Name, b.Name) })
	params := map[string]*tensor.Param{}
	for k, n := range state {
		params[n.Name] = n.Param
		for i := range n.Param.Data {
			n.Param.Data[i] = float32(fill(k, i) / 4)
			if strings.HasSuffix(n.Name, "LayerNorm.weight") {
				n.Param.Data[i] = float32(1 + fill(k, i)/8)
			}
		}
	}
	ids, lengths := tensor.NewInts(g.IDs, 2, 5), tensor.NewInts(g.Lengths, 2)
	for _, c := range g.Cases {
		var segments tensor.Ints
		if c.Segments != nil {
			segments = tensor.NewInts(c.Segments, 2, 5)
		}
		for _, training := range []bool{false, true} {
			m.Dropout = 0
			tape := tensor.NewTape(1)
			tape.SetTraining(training)
			x := m.Forward(tape, ids, lengths, segments)
			keep, w := make([]float32, x.Size()), make([]float32, x.Size())
			for i := range keep {
				if i%40/8 < int(g.Lengths[i/40]) {
					keep[i], w[i] = 1, float32(math.Cos(float64(i)))
				}
			}
			kept := x.Mul(tape.Input(keep, x.Dims()...))
			if d := farthest(kept.Data(), c.Vectors); !(d < 1e-5) {
				t.Errorf("vectors differ by %.2g of the largest", d)
			}
			if d := farthest(m.Pooled(x).Data(), c.Pooled); !(d < 1e-5) {
				t.Errorf("the pooled ones differ by %.2g", d)
			}
			grads := x.Mul(tape.Input(w, x.Dims()...)).Sum().Backward()
			for name, want := range c.Grads {
				if d := farthest(grads.Of(params[name]), want); !(d < 1e-4) {
					t.Errorf("%s: gradients differ by %.2g of the largest", name, d)
				}
			}
		}
	}
}

// In training with dropout the branches are other operations.
func TestBERTDropsOutInTrainingOnly(t *testing.T) {
	m := models.NewBERT(nn.NewRand(1), models.BERTSize{Vocabulary: 9, Positions: 4, Layers: 1, Width: 4, Heads: 2, Hidden: 6})
	ids := tensor.NewInts([]int32{1, 2, 3}, 1, 3)
	run := func(training bool, p float32) []float32 {
		m.Dropout = p
		tape := tensor.NewTape(1)
		tape.SetTraining(training)
		return slices.Clone(m.Forward(tape, ids, tensor.Ints{}, tensor.Ints{}).Data())
	}
	plain := run(false, 0.5)
	if !slices.Equal(plain, run(true, 0)) || slices.Equal(plain, run(true, 0.5)) {
		t.Error("dropout does not follow the tape's mode")
	}
}

func TestBERTRefuses(t *testing.T) {
	m := models.NewBERT(nn.NewRand(1), models.BERTSize{Vocabulary: 9, Positions: 4, Layers: 1, Width: 4, Heads: 2, Hidden: 6})
	for want, f := range map[string]func(){
		"a time of at most 4": func() {
			m.Forward(tensor.NewTape(1), tensor.NewInts(make([]int32, 5), 1, 5), tensor.Ints{}, tensor.Ints{})
		},
		"Width a multiple of Heads": func() { models.NewBERT(nn.NewRand(1), models.BERTSize{9, 4, 1, 4, 3, 6}) },
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, want) {
					t.Errorf("got %q, want %q", r, want)
				}
			}()
			f()
		}()
	}
	if _, err := models.OpenSentences("none.safetensors", "none.txt", models.MiniLM6); err == nil {
		t.Error("opened what is not there")
	}
}

// needs skips what needs published weights, where tests are to be short, and
// where the weights would have to be fetched first, which only CI does.
func needs(t testing.TB, atHand bool) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: computes with a published network")
	}
	if !atHand && os.Getenv("CI") == "" {
		t.Skip("the published weights are not at hand: call the function of package datasets once, which fetches them")
	}
}

func miniLM(t testing.TB) *models.Sentences {
	needs(t, datasets.MiniLMAtHand())
	weights, vocabulary, err := datasets.MiniLM()
	if err != nil {
		t.Skipf("the published weights are not at hand: %v", err)
	}
	s, err := models.OpenSentences(weights, vocabulary, models.MiniLM6)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type sentences struct {
	Sentences []string
	IDs       [][]int32
	Vectors   string
}

func readSentences(t testing.TB) (g sentences) {
	f, err := os.Open("testdata/minilm.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(&g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestMiniLMIsSentenceTransformers(t *testing.T) {
	s, g := miniLM(t), readSentences(t)
	raw, err := base64.StdEncoding.DecodeString(g.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range g.Sentences { // one that is cut at 256 loses all but its end
		if got := s.Words.Encode(x); len(got) <= 256 && !slices.Equal(got, g.IDs[i]) {
			t.Errorf("%q: %v, want %v", x, got, g.IDs[i])
		}
	}
	vectors := s.Vectors(g.Sentences...)
	for i, v := range vectors {
		var both, ours, theirs float64
		for k := range v {
			w := half(binary.LittleEndian.Uint16(raw[2*(i*len(v)+k):]))
			u := float64(v[k])
			both, ours, theirs = both+u*w, ours+u*u, theirs+w*w
		}
		if c := both / math.Sqrt(ours*theirs); !(c > 0.99999) || math.Abs(ours-1) > 1e-5 {
			t.Errorf("%.60q: cosine %v, length² %v", g.Sentences[i], c, ours)
		}
	}
	// Neither company nor order change a sentence.
	alone := s.Vectors(g.Sentences[7])[0]
	for k := range alone {
		if d := math.Abs(float64(alone[k] - vectors[7][k])); !(d < 1e-5) {
			t.Fatalf("element %d differs by %v when the sentence is alone", k, d)
		}
	}
}

// half is a number of 16 bits, normal or zero.
func half(h uint16) float64 {
	if h&0x7fff == 0 {
		return 0
	}
	if h&0x7c00 == 0 {
		return math.Copysign(float64(h&0x3ff)/(1<<24), float64(int16(h)))
	}
	return float64(math.Float32frombits(uint32(h>>15)<<31 | (uint32(h>>10)&31+112)<<23 | uint32(h)&1023<<13))
}

func BenchmarkMiniLM(b *testing.B) {
	s, g := miniLM(b), readSentences(b)
	for b.Loop() {
		s.Vectors(g.Sentences...)
	}
	b.ReportMetric(float64(len(g.Sentences)*b.N)/b.Elapsed().Seconds(), "sentences/s")
}
