package compress_test

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/compress"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func TestShareIsKMeans(t *testing.T) {
	g := read(t)
	w := make([]float32, len(g.Calibrated.Weight))
	sum := 0.
	for k, v := range g.Calibrated.Weight {
		w[k] = v * g.Calibrated.Wanda[k]
		sum += (float64(w[k]) - float64(g.Shared[k])) * (float64(w[k]) - float64(g.Shared[k]))
	}
	p := tensor.ParamOf(w, 5, 140)
	moved, err := compress.Share([]*tensor.Param{p}, 6)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "weights", p.Data, g.Shared, 1e-6)
	near(t, "moved", moved, []float64{math.Sqrt(sum / float64(len(w)))}, 1e-6)
}

// Few values stay what they are; zeros stay zeros, and nothing else becomes
// one.
func TestShareKeepsZeros(t *testing.T) {
	p := tensor.ParamOf([]float32{0, 1, 0, -1, 1, 2}, 6)
	before := slices.Clone(p.Data)
	if _, err := compress.Share([]*tensor.Param{p}, 3); err != nil || !slices.Equal(p.Data, before) {
		t.Errorf("%v, %v", p.Data, err)
	}
	moved, err := compress.Share([]*tensor.Param{p, tensor.NewParam(3)}, 1)
	if want := []float32{0, .75, 0, .75, .75, .75}; err != nil || !slices.Equal(p.Data, want) || moved[1] != 0 {
		t.Errorf("%v, %v, %v", p.Data, moved, err)
	}
	p = tensor.ParamOf([]float32{1, -1, 0}, 3)
	if _, err := compress.Share([]*tensor.Param{p}, 1); err != nil || p.Data[0] == 0 || p.Data[1] == 0 || p.Data[2] != 0 {
		t.Errorf("%v, %v", p.Data, err)
	}
}

// coded are models of all kinds: pruned, with few values, with many, dense,
// with long gaps, with none but zeros, with numbers that are none.
func coded(t *testing.T) map[string]nn.Sequential {
	rng := nn.NewRand(7)
	many := nn.NewLinear(rng, 700, 3)
	for k := range many.Weight.Data {
		many.Weight.Data[k] = float32(1 + k%300)
	}
	odd := nn.NewLinear(rng, 3, 2)
	copy(odd.Weight.Data, []float32{float32(math.NaN()), float32(math.Inf(-1)), float32(math.Copysign(0, -1)), 0, math.SmallestNonzeroFloat32})
	far := &nn.Linear{Weight: tensor.NewParam(1, 2000)}
	far.Weight.Data[255], far.Weight.Data[511], far.Weight.Data[1022] = 1, 2, 3
	last := &nn.Linear{Weight: tensor.NewParam(1, 510)}
	last.Weight.Data[509] = 4
	norm := nn.NewBatchNorm(4)
	norm.RunningMean.Data[2], norm.RunningMean.Count = 5, 123456789
	shared := pruned(t, 1, 100, 60, 0.9)
	if _, err := compress.Share([]*tensor.Param{shared.Weight}, 16); err != nil {
		t.Fatal(err)
	}
	return map[string]nn.Sequential{
		"dense": dense(1), "pruned": {pruned(t, 2, 40, 40, 0.95), norm}, "shared": {shared, nn.ReLU{}, far, last},
		"many": {many}, "odd": {odd}, "zeros": {&nn.Linear{Weight: tensor.NewParam(40, 50)}},
	}
}

func bitsOf(model any) (all []uint32) {
	for _, n := range nn.State(model) {
		x := []float32{}
		if n.Param != nil {
			x = n.Param.Data
		} else {
			x = append(append(x, n.Buffer.Data...), float32(n.Buffer.Count))
		}
		for _, v := range x {
			all = append(all, math.Float32bits(v))
		}
	}
	return all
}

// scribble puts other numbers into a model.
func scribble(model any) {
	for _, n := range nn.State(model) {
		if n.Param != nil {
			n.Param.Data[0] = 77
		} else {
			n.Buffer.Data[0], n.Buffer.Count = 77, 77
		}
	}
}

func TestEncodeRestoresEveryBit(t *testing.T) {
	for name, model := range coded(t) {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			if err := compress.Encode(&file, model); err != nil {
				t.Fatal(err)
			}
			if n, err := compress.EncodedSize(model); err != nil || n != file.Len() {
				t.Errorf("a size of %d, but %d bytes: %v", n, file.Len(), err)
			}
			want := bitsOf(model)
			scribble(model)
			if err := compress.Decode(&file, model); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(bitsOf(model), want) {
				t.Error("other weights")
			}
		})
	}
}

// A pruned layer of few values costs little more than the entropy of its places
// and values.
func TestEncodeIsSmall(t *testing.T) {
	l := pruned(t, 1, 784, 300, 0.95)
	l.Bias = nil
	if _, err := compress.Share([]*tensor.Param{l.Weight}, 16); err != nil {
		t.Fatal(err)
	}
	n, err := compress.EncodedSize(l)
	if err != nil {
		t.Fatal(err)
	}
	size := float64(l.Weight.Size())
	h := -0.05*math.Log2(0.05) - 0.95*math.Log2(0.95) // bits for a weight: zero or not
	counts := map[float32]float64{}
	for _, w := range l.Weight.Data {
		counts[w]++
	}
	for w, c := range counts {
		if w != 0 {
			h -= c / size * math.Log2(c/(0.05*size))
		}
	}
	if least := size * h / 8; float64(n) > 1.08*least {
		t.Errorf("%d bytes; the entropy is %.0f", n, least)
	}
}

// Every damaged file is an error, and leaves the model as it was.
func TestDecodeDamaged(t *testing.T) {
	for name, model := range coded(t) {
		if name == "many" {
			continue // as shared, but long
		}
		var file bytes.Buffer
		if err := compress.Encode(&file, model); err != nil {
			t.Fatal(err)
		}
		whole := bitsOf(model)
		scribble(model)
		want := bitsOf(model)
		try := func(what string, k int, b []byte) {
			if err := compress.Decode(bytes.NewReader(b), model); err == nil {
				t.Fatalf("%s: %s %d of %d bytes is no error", name, what, k, file.Len())
			}
			if !slices.Equal(bitsOf(model), want) {
				t.Fatalf("%s: %s %d of %d bytes has changed the model", name, what, k, file.Len())
			}
		}
		step := max(1, file.Len()/300)
		for k := 0; k < file.Len(); k += step {
			try("cut to", k, file.Bytes()[:k])
			b := slices.Clone(file.Bytes())
			b[k] ^= 1 << (k % 8)
			// Some bits are padding between blocks: then every weight is right.
			if err := compress.Decode(bytes.NewReader(b), model); err == nil {
				if !slices.Equal(bitsOf(model), whole) {
					t.Fatalf("%s: flipped in %d of %d bytes: other weights, and no error", name, k, file.Len())
				}
				scribble(model)
				continue
			}
			try("flipped in", k, b)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	var file bytes.Buffer
	if err := compress.Encode(&file, nn.Sequential{nn.NewLinear(nn.NewRand(1), 4, 3)}); err != nil {
		t.Fatal(err)
	}
	only := func(_ any, err error) error { return err }
	bytesOf, err := compress.QuantizeDynamic(nn.Sequential{nn.NewLinear(nn.NewRand(1), 4, 3)})
	if err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		"the file has 0.weight [3 4] where the model has 0.weight [4 3]": compress.Decode(bytes.NewReader(file.Bytes()), nn.Sequential{nn.NewLinear(nn.NewRand(1), 3, 4)}),
		"the file has 2 parameters and buffers, the model 4":             compress.Decode(bytes.NewReader(file.Bytes()), nn.Sequential{nn.NewLinear(nn.NewRand(1), 4, 3), nn.NewLinear(nn.NewRand(1), 3, 3)}),
		"not a file of Encode":        compress.Decode(strings.NewReader("PK\x03\x04 and so on, and on"), nn.Sequential{}),
		"the model has no parameters": compress.Encode(io.Discard, nn.Sequential{nn.ReLU{}}),
		"holds an int8 network":       compress.Encode(io.Discard, nn.Sequential{bytesOf, nn.NewLinear(nn.NewRand(1), 3, 3)}),
		"Share: 0 values":             only(compress.Share(nil, 0)),
		"weight 1 of parameter 0":     only(compress.Share([]*tensor.Param{tensor.ParamOf([]float32{0, float32(math.NaN())}, 2)}, 3)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
