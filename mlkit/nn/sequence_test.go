package nn_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// golden is one case of testdata/sequence.golden, which sequence.py beside it
// printed.
type golden struct {
	state  []string // name and dimensions
	values map[string][]float32
	dims   map[string][]int
	order  []string
}

func readGoldens(t *testing.T) map[string]*golden {
	f, err := os.Open("testdata/sequence.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := map[string]*golden{}
	var g *golden
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		switch kind {
		case "case":
			g = &golden{values: map[string][]float32{}, dims: map[string][]int{}}
			cases[rest] = g
		case "state":
			g.state = append(g.state, rest)
		default:
			head, numbers, _ := strings.Cut(rest, ":")
			words := strings.Fields(head)
			name := kind + " " + words[0]
			for _, w := range words[1:] {
				d, _ := strconv.Atoi(w)
				g.dims[name] = append(g.dims[name], d)
			}
			for _, w := range strings.Fields(numbers) {
				v, err := strconv.ParseFloat(w, 32)
				if err != nil {
					t.Fatal(err)
				}
				g.values[name] = append(g.values[name], float32(v))
			}
			g.order = append(g.order, name)
		}
	}
	return cases
}

// check runs the module as sequence.py did and compares names, results and
// gradients.
func (g *golden) check(t *testing.T, module any, run func(tape *tensor.Tape, x []T) []T) {
	t.Helper()
	state := nn.State(module)
	var names []string
	for k, s := range state {
		names = append(names, strings.TrimSpace(s.Name+" "+strings.Trim(fmt.Sprint(s.Param.Dims()), "[]")))
		for i := range s.Param.Data {
			s.Param.Data[i] = float32(0.4 * math.Sin(1.3*float64(i)+0.7*float64(k)+0.5))
		}
	}
	if !slices.Equal(names, g.state) {
		t.Fatalf("state\n%q\nPyTorch's\n%q", names, g.state)
	}
	tape := tensor.NewTape(1)
	var xs []T
	for j := 0; g.dims[fmt.Sprint("input ", j)] != nil; j++ {
		x := make([]float32, len(g.values[fmt.Sprint("input ", j)]))
		for i := range x {
			x[i] = float32(math.Sin(0.9*float64(i) + 2*float64(j)))
		}
		xs = append(xs, tape.Variable(x, g.dims[fmt.Sprint("input ", j)]...))
	}
	loss := tape.Scalar(0)
	got := map[string][]float32{}
	for j, y := range run(tape, xs) {
		w := make([]float32, y.Size())
		for i := range w {
			w[i] = float32(math.Cos(7*float64(j) + 3*float64(i) + 1))
		}
		name := fmt.Sprint("out ", j)
		if !slices.Equal(y.Dims(), g.dims[name]) {
			t.Errorf("%s has shape %v, PyTorch's %v", name, y.Dims(), g.dims[name])
		}
		got[name] = y.Data()
		loss = loss.Add(y.Mul(tape.Input(w, y.Dims()...)).Sum())
	}
	grads := loss.Backward()
	for j, x := range xs {
		got[fmt.Sprint("input ", j)] = grads.Wrt(x)
	}
	for _, s := range state {
		got["grad "+s.Name] = grads.Of(s.Param)
	}
	// Float32 on both sides, in another order: the largest deviation seen is
	// 2e-6.
	const tolerance = 1e-5
	for _, name := range g.order {
		a, b := got[name], g.values[name]
		if len(a) != len(b) {
			t.Errorf("%s has %d elements, PyTorch's %d", name, len(a), len(b))
			continue
		}
		for i := range a {
			if d := math.Abs(float64(a[i] - b[i])); !(d <= tolerance*max(1, math.Abs(float64(b[i])))) {
				t.Errorf("%s, element %d: %v, PyTorch says %v", name, i, a[i], b[i])
				break
			}
		}
	}
}

func TestSequenceLayersLikePyTorch(t *testing.T) {
	goldens := readGoldens(t)
	rng := nn.NewRand(1)
	lengths := tensor.NewInts([]int32{3, 1, 4})
	padding := tensor.NewInts([]int32{0, 0, 1, 0, 0, 0, 0, 0, 0, 1}, 2, 5)
	small := nn.Recurrent{In: 2, Hidden: 3}
	deep := nn.Recurrent{In: 2, Hidden: 3, Layers: 2, Bidirectional: true}
	reluRNN := nn.Recurrent{In: 2, Hidden: 3, NoBias: true, ReLU: true}
	lstm, gru, rnn, relu, plain := nn.NewLSTM(rng, deep), nn.NewGRU(rng, deep), nn.NewRNN(rng, deep), nn.NewRNN(rng, reluRNN), nn.NewLSTM(rng, small)
	mha := nn.NewMultiHeadAttention(rng, 4, 2)
	post := nn.Transformer{Width: 4, Heads: 2, Hidden: 6}
	pre := nn.Transformer{Width: 4, Heads: 2, Hidden: 6, PreNorm: true, GELU: true}
	preReLU := nn.Transformer{Width: 4, Heads: 2, Hidden: 6, PreNorm: true}
	emb := nn.NewPaddedEmbedding(rng, 5, 3, 1)
	both := nn.Mask{Causal: true, Padding: padding}
	encoderLayer := func(c nn.Transformer) (any, func(*tensor.Tape, []T) []T) {
		e := nn.NewTransformerEncoderLayer(rng, c)
		return e, func(_ *tensor.Tape, x []T) []T { return []T{e.Run(x[0], both)} }
	}
	decoderLayer := func(c nn.Transformer) (any, func(*tensor.Tape, []T) []T) {
		d := nn.NewTransformerDecoderLayer(rng, c)
		return d, func(_ *tensor.Tape, x []T) []T {
			return []T{d.Run(x[0], x[1], nn.Mask{Causal: true}, nn.Mask{Padding: padding})}
		}
	}
	encoder, decoder := nn.NewTransformerEncoder(rng, 2, preReLU), nn.NewTransformerDecoder(rng, 2, preReLU)
	ctc := nn.Spelling{Labels: tensor.NewInts([]int32{1, 1, 2, 3, 2, 0, 0, 0, 0}, 3, 3),
		InputLengths: tensor.NewInts([]int32{6, 4, 5}), LabelLengths: tensor.NewInts([]int32{3, 2, 0})}
	impossible := nn.Spelling{Labels: tensor.NewInts([]int32{1, 1, 2, 0}, 2, 2), InputLengths: tensor.NewInts([]int32{2, 3})}

	type run = func(*tensor.Tape, []T) []T
	two := func(a, b T) []T { return []T{a, b} }
	three := func(a, b, c T) []T { return []T{a, b, c} }
	for name, c := range map[string]func() (any, run){
		"lstm": func() (any, run) {
			return lstm, func(_ *tensor.Tape, x []T) []T {
				return three(lstm.Run(x[0], nn.Sequences{Lengths: lengths, H0: x[1], C0: x[2]}))
			}
		},
		"gru": func() (any, run) {
			return gru, func(_ *tensor.Tape, x []T) []T { return two(gru.Run(x[0], nn.Sequences{Lengths: lengths, H0: x[1]})) }
		},
		"rnn": func() (any, run) {
			return rnn, func(_ *tensor.Tape, x []T) []T { return two(rnn.Run(x[0], nn.Sequences{Lengths: lengths, H0: x[1]})) }
		},
		"rnn relu": func() (any, run) {
			return relu, func(_ *tensor.Tape, x []T) []T { return two(relu.Run(x[0], nn.Sequences{})) }
		},
		"lstm plain": func() (any, run) {
			return plain, func(_ *tensor.Tape, x []T) []T { return three(plain.Run(x[0], nn.Sequences{})) }
		},
		"attention": func() (any, run) {
			return mha, func(_ *tensor.Tape, x []T) []T { return two(mha.Attend(x[0], x[0], x[0], both)) }
		},
		"cross attention": func() (any, run) {
			return mha, func(_ *tensor.Tape, x []T) []T { return two(mha.Attend(x[0], x[1], x[1], nn.Mask{Padding: padding})) }
		},
		"attention of three": func() (any, run) {
			return mha, func(_ *tensor.Tape, x []T) []T { return two(mha.Attend(x[0], x[1], x[2], nn.Mask{})) }
		},
		"encoder layer post-norm": func() (any, run) { return encoderLayer(post) },
		"encoder layer pre-norm":  func() (any, run) { return encoderLayer(pre) },
		"decoder layer post-norm": func() (any, run) { return decoderLayer(post) },
		"decoder layer pre-norm":  func() (any, run) { return decoderLayer(pre) },
		"encoder": func() (any, run) {
			return encoder, func(_ *tensor.Tape, x []T) []T { return []T{encoder.Forward(x[0])} }
		},
		"decoder": func() (any, run) {
			return decoder, func(_ *tensor.Tape, x []T) []T { return []T{decoder.Run(x[0], x[1], nn.Mask{}, nn.Mask{})} }
		},
		"embedding": func() (any, run) {
			return emb, func(t *tensor.Tape, _ []T) []T {
				return []T{emb.Forward(t, tensor.NewInts([]int32{0, 1, 4, 4, 1, 2}, 2, 3))}
			}
		},
		"ctc none": func() (any, run) {
			return nil, func(_ *tensor.Tape, x []T) []T { return []T{nn.CTCLoss{Reduction: nn.ReduceNone}.Loss(x[0], ctc)} }
		},
		"ctc mean": func() (any, run) {
			return nil, func(_ *tensor.Tape, x []T) []T { return []T{nn.CTC(x[0], ctc).Reshape(1)} }
		},
		"ctc impossible": func() (any, run) {
			return nil, func(_ *tensor.Tape, x []T) []T {
				return []T{nn.CTCLoss{Blank: 3, ZeroInfinity: true, Reduction: nn.ReduceNone}.Loss(x[0], impossible)}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := goldens[name]
			if g == nil {
				t.Fatal("no golden of this name")
			}
			module, f := c()
			g.check(t, module, f)
		})
		delete(goldens, name)
	}
	for name := range goldens {
		t.Errorf("the golden %q is not used", name)
	}
}
