package compress

import (
	"fmt"
	"slices"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Int8 is a network that multiplies 8-bit integers (Jacob et al. 2018): weights
// of 8 bits, symmetric, with a scale for each output, and activations of 8 bits
// with a scale and a zero point for each layer. Sums are exact, in 32 bits. It
// predicts like any other layer: give it to [train.NewPredictor]. It has no
// parameters, so nothing trains it.
//
// Normalisations, attention's scores, an LSTM's gates and cells and activation
// functions other than ReLU are computed in float32. A ReLU and a BatchNorm
// behind a Linear or a convolution are part of it; where such layers follow
// each other directly, or with MaxPool and Flatten between them, only bytes
// pass from one to the next.
//
// An input that is NaN panics with a *tensor.ShapeError that names the layer,
// which a Predictor returns as an error.
type Int8 struct {
	layers stage    `nn:"-"`
	chains []*chain `nn:"-"`
	tables []*int8Embedding
	static bool
}

// Forward computes the network's outputs, in float32: the shapes are those of
// the model that was quantized. No gradient flows back.
func (q *Int8) Forward(x tensor.Tensor) tensor.Tensor { return q.layers.Forward(x) }

// QuantizeDynamic makes an int8 network without looking at data: a layer
// measures the range of its inputs anew for each batch. That suits layers whose
// inputs vary, and costs a pass over them. A layer that cannot be quantized is
// an error that names it, and so is a weight that is not finite. The model
// itself stays as it is, and may be trained on.
func QuantizeDynamic(model nn.Layer) (*Int8, error) {
	t := &taking{op: "QuantizeDynamic"}
	s, err := t.start(model)
	if err != nil {
		return nil, err
	}
	return t.finish(s, false, nil)
}

// QuantizeStatic makes an int8 network whose activations have the ranges that r
// chooses ([MinMax] if it is nil) from what goes into each layer for the
// samples: a few hundred of the training set, X or IDs with the batch first.
// Samples that are missing, not finite or do not fit the model are errors, as
// is what [QuantizeDynamic] refuses.
func QuantizeStatic(model nn.Layer, samples data.Batch, r Range) (*Int8, error) {
	t := &taking{op: "QuantizeStatic"}
	s, err := t.start(model)
	if err != nil {
		return nil, err
	}
	if err := t.calibrate(s, samples, r); err != nil {
		return nil, err
	}
	return t.finish(s, true, nil)
}

// start takes the model apart.
func (t *taking) start(model nn.Layer) (stage, error) {
	s, err := t.take("", model)
	if err != nil {
		return nil, err
	}
	if len(t.units) == 0 {
		return nil, fmt.Errorf("compress: %s: the model has no layer with a product", t.op)
	}
	nn.State(model) // names the parameters as they were
	return s, nil
}

// calibrate runs the samples through the network and gives its units ranges.
func (t *taking) calibrate(s stage, samples data.Batch, r Range) (err error) {
	if r == nil {
		r = MinMax
	}
	if len(samples.X)+len(samples.IDs) == 0 {
		return fmt.Errorf("compress: %s: there are no samples to find ranges with: give some inputs of the training set", t.op)
	}
	if k := slices.IndexFunc(samples.X, notFinite); k >= 0 {
		return fmt.Errorf("compress: %s: number %d of the samples is %v", t.op, k, samples.X[k])
	}
	seen := map[*unit][]float32{}
	for _, u := range t.units {
		u.see = func(u *unit, x tensor.Tensor) { seen[u] = append(seen[u], x.Data()...) }
		defer func() { u.see = nil }()
	}
	at := "the model"
	defer func() {
		if p := recover(); p != nil {
			shape, ok := p.(*tensor.ShapeError)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("compress: %s: the samples do not fit %s: %w", t.op, at, shape)
		}
	}()
	tape := tensor.NewEvalTape()
	var x tensor.Tensor
	if samples.X != nil {
		x = tape.Input(samples.X, samples.XDims...)
	}
	for i, it := range s {
		at = fmt.Sprintf("layer %q (%T)", it.path, it.layer)
		if u, ok := it.layer.(*unit); ok {
			at = u.String()
		}
		if i == 0 && samples.X == nil {
			x = s[:1].ForwardTokens(tape, tensor.NewInts(samples.IDs, samples.IDsDims...))
			continue
		}
		x = it.layer.Forward(x)
	}
	for _, u := range t.units {
		values := seen[u]
		if len(values) == 0 {
			return fmt.Errorf("compress: %s: the samples do not reach %s", t.op, u)
		}
		if k := slices.IndexFunc(values, notFinite); k >= 0 {
			return fmt.Errorf("compress: %s: an input of %s is %v", t.op, u, values[k])
		}
		u.rng = affineOf(r(values))
	}
	return nil
}

// weights of a unit, and what is stored with them.
type weights struct {
	q      []int8
	scales []float32
	bias   []float32
}

// finish makes the int8 network; stored, unless it is nil, has the weights.
func (t *taking) finish(s stage, static bool, stored map[string]weights) (*Int8, error) {
	q := &Int8{static: static}
	m := making{t: t, q: q, stored: stored}
	var err error
	if q.layers, err = m.stage(s); err != nil {
		return nil, err
	}
	return q, nil
}

// making builds an Int8 of a list.
type making struct {
	t      *taking
	q      *Int8
	stored map[string]weights
}

// stage makes chains of the units that follow each other.
func (m *making) stage(s stage) (stage, error) {
	var out stage
	var err error
	inner := func(l nn.Layer) stage {
		part, wrong := m.stage(l.(stage))
		if err == nil {
			err = wrong
		}
		return part
	}
	for i := 0; i < len(s); i++ {
		switch l := s[i].layer.(type) {
		case nn.Dropout, nn.SpatialDropout, nn.GaussianNoise: // of training
		case *unit:
			end := i + 1
			if m.q.static {
				end = i + chained(s[i:])
			}
			c, err := m.chain(s[i:end])
			if err != nil {
				return nil, err
			}
			out = append(out, item{s[i].path, c})
			i = end - 1
		case *embedding:
			e, wrong := m.embedding(l)
			if wrong != nil {
				return nil, wrong
			}
			out = append(out, item{s[i].path, e})
		default:
			out = append(out, item{s[i].path, within(l, inner)})
		}
	}
	return out, err
}

// chained is how many of the first layers of s, which begin with a unit, can
// pass bytes on: the last of them is a unit.
func chained(s stage) int {
	n, flat := 1, false
	conv := s[0].layer.(*unit).conv != nil
	for i := 1; i < len(s); i++ {
		switch l := s[i].layer.(type) {
		case nn.Dropout, nn.SpatialDropout, nn.GaussianNoise:
		case nn.Flatten:
			if !conv {
				return n
			}
			flat = true
		case nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid:
			if _, ok := s[i-1].layer.(*unit); !ok {
				return n
			}
		case nn.MaxPool1D, nn.MaxPool2D:
			if _, ok := poolOf(l); !ok || !conv || flat {
				return n
			}
		case *unit:
			if (l.conv == nil) != (flat || !conv) { // a Linear along the last axis of images, or a convolution of vectors
				return n
			}
			n, conv = i+1, l.conv != nil
			flat = flat && conv
		default:
			return n
		}
	}
	return n
}

// Bytes is the memory of the weights, scales and biases in bytes.
func (q *Int8) Bytes() int {
	n := 0
	for _, c := range q.chains {
		for _, s := range c.steps {
			if s.product != nil {
				n += s.product.w.Bytes() + 4*(len(s.product.scales)+len(s.product.bias))
			}
		}
	}
	for _, e := range q.tables {
		n += len(e.q) + 4*len(e.scales)
	}
	return n + 4*floatsIn(q.layers)
}

// floatsIn counts the parameters that stayed in float32.
func floatsIn(s stage) (n int) {
	for _, st := range keptIn(s) {
		if st.Param != nil {
			n += st.Param.Size()
		} else {
			n += len(st.Buffer.Data)
		}
	}
	return n
}

// keptIn lists parameters and buffers that stayed in float32, by their names in
// the model.
func keptIn(s stage) (all []nn.Named) {
	add := func(path string, l nn.Layer) {
		for _, n := range nn.State(l) {
			n.Name = below(path, n.Name)
			all = append(all, n)
		}
	}
	for _, it := range s {
		switch l := it.layer.(type) {
		case *chain, *attention, *lstm, *int4Linear, *int8Embedding:
		case *embedding:
			all = append(all, nn.Named{Name: below(it.path, "weight"), Param: l.weight})
		case *unit: // a convolution
			all = append(all, nn.Named{Name: below(it.path, "weight"), Param: l.weight},
				nn.Named{Name: below(it.path, "bias"), Param: l.bias})
		case *residual:
			all = append(all, keptIn(l.body.(stage))...)
			if l.shortcut != nil {
				all = append(all, keptIn(l.shortcut.(stage))...)
			}
		case *encoderLayer:
			add(below(it.path, "norm1"), l.norm1)
			add(below(it.path, "norm2"), l.norm2)
		default:
			add(it.path, l)
		}
	}
	return all
}
