package compress

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// A network to be quantized is taken apart into a list: units, whose products
// will be of bytes, and what lies between them. The list computes what the
// network does, and sees what goes into its units.

// item is a layer of the list with its path in the model.
type item struct {
	path  string
	layer nn.Layer
}

// stage is a list of layers, as one layer.
type stage []item

func (s stage) Forward(x tensor.Tensor) tensor.Tensor {
	for _, it := range s {
		x = it.layer.Forward(x)
	}
	return x
}

// form is a unit's place and shape.
type form struct {
	path, kind string
	dims       []int        // of the weight
	conv       *tensor.Conv // nil for a Linear
	relu       bool         // last
}

func (f *form) String() string { return fmt.Sprintf("layer %q (%s)", f.path, f.kind) }

// unit is a Linear or a convolution with what is computed with it.
type unit struct {
	form
	weight, bias *tensor.Param
	norm         *nn.BatchNorm // behind the product, or nil
	// see is told what goes in; nil while nobody wants to know.
	see func(u *unit, x tensor.Tensor)
	// fake rounds as bytes would, in training that knows of it; or nil.
	fake *fake
	rng  affine // of the input, once it is known
}

// Forward computes in float32.
func (u *unit) Forward(x tensor.Tensor) tensor.Tensor {
	if u.see != nil {
		u.see(u, x)
	}
	t := x.Tape()
	w := t.Use(u.weight)
	if u.fake != nil {
		x, w = u.fake.input(x), fakeWeight(w)
	}
	b := tensor.Tensor{}
	if u.bias != nil {
		b = t.Use(u.bias)
	}
	switch {
	case u.conv == nil:
		x = x.Linear(w, b)
	case len(u.weight.Dims()) == 3:
		x = x.Conv1D(w, b, *u.conv)
	default:
		x = x.Conv2D(w, b, *u.conv)
	}
	if u.norm != nil {
		x = u.norm.Forward(x)
	}
	if u.relu {
		x = x.ReLU()
	}
	return x
}

// folded are weight and bias with the normalisation behind them.
func (u *unit) folded() (w, b []float32) {
	n := u.weight.Dims()[0]
	w, b = slices.Clone(u.weight.Data), make([]float32, n)
	if u.bias != nil {
		copy(b, u.bias.Data)
	}
	if u.norm == nil {
		return w, b
	}
	k := len(w) / n
	for c := range n {
		f := 1 / math.Sqrt(float64(u.norm.RunningVar.Data[c])+float64(u.norm.Eps))
		if u.norm.Weight != nil {
			f *= float64(u.norm.Weight.Data[c])
		}
		shift := 0.
		if u.norm.Bias != nil {
			shift = float64(u.norm.Bias.Data[c])
		}
		for i := c * k; i < (c+1)*k; i++ {
			w[i] = float32(float64(w[i]) * f)
		}
		b[c] = float32((float64(b[c])-float64(u.norm.RunningMean.Data[c]))*f + shift)
	}
	return w, b
}

// taking takes a model apart.
type taking struct {
	units  []*unit
	tables []*embedding
	op     string
}

// take lists the layers of l, whose path is given.
func (t *taking) take(path string, l nn.Layer) (stage, error) {
	refuse := func(why string) (stage, error) {
		return nil, fmt.Errorf("compress: %s: layer %q (%T) cannot be quantized: %s", t.op, path, l, why)
	}
	switch l := l.(type) {
	case nil:
		return refuse("there is no layer")
	case nn.Sequential:
		var s stage
		for i, one := range l {
			part, err := t.take(below(path, strconv.Itoa(i)), one)
			if err != nil {
				return nil, err
			}
			s = append(s, part...)
		}
		return s.joined(), nil
	case nn.Dropout, nn.SpatialDropout, nn.GaussianNoise, nn.Flatten,
		nn.MaxPool1D, nn.MaxPool2D, nn.ReLU, *nn.BatchNorm:
		return stage{{path, l}}, nil
	case *nn.Linear:
		return t.unit(path, &unit{form: form{kind: "*nn.Linear"}, weight: l.Weight, bias: l.Bias})
	case *nn.Conv1D:
		return t.unit(path, &unit{form: form{kind: "*nn.Conv1D", conv: &l.Options}, weight: l.Weight, bias: l.Bias})
	case *nn.Conv2D:
		return t.unit(path, &unit{form: form{kind: "*nn.Conv2D", conv: &l.Options}, weight: l.Weight, bias: l.Bias})
	case nn.Residual:
		return t.residual(path, l)
	case *nn.TransformerEncoder:
		return t.encoder(path, l)
	case *nn.TransformerEncoderLayer:
		return t.encoderLayer(path, l)
	case *nn.MultiHeadAttention:
		a, err := t.attention(path, l)
		return stage{{path, a}}, err
	case *nn.LSTM:
		r, err := t.lstm(path, l)
		return stage{{path, r}}, err
	case *nn.Embedding:
		if l.Weight == nil {
			return refuse("it has no weight: was it made by its constructor?")
		}
		e := &embedding{path: path, weight: l.Weight, padding: l.Padding}
		t.tables = append(t.tables, e)
		return stage{{path, e}}, nil
	case *nn.LayerNorm, *nn.RMSNorm, *nn.GroupNorm, *nn.PReLU, *nn.LearnedPositions:
		return stage{{path, l}}, nil // cheap beside a product, and sensitive: they stay in float32
	}
	if len(nn.State(l)) > 0 {
		return refuse("its parameters would stay in float32 unsaid; quantized are Linear, Conv1D, Conv2D, Embedding, LSTM, attention and the encoder of a Transformer, in Sequential and Residual")
	}
	return stage{{path, l}}, nil
}

// unit checks a unit and lists it.
func (t *taking) unit(path string, u *unit) (stage, error) {
	u.path = path
	if u.weight == nil {
		return nil, fmt.Errorf("compress: %s: %s has no weight: was it made by its constructor?", t.op, u)
	}
	u.dims = u.weight.Dims()
	if u.weight.LowRank != nil || u.weight.Norm != nil {
		return nil, fmt.Errorf("compress: %s: %s cannot be quantized: its weight is used with a change; nn.MergeLoRA or nn.MergeNorms writes it into the weight first", t.op, u)
	}
	if c := u.conv; c != nil {
		if c.More != [2]int{} {
			return nil, fmt.Errorf("compress: %s: %s cannot be quantized: it has further zeros below or on the right (More, nn.Same with an even kernel); only those on both sides are possible", t.op, u)
		}
		flat := len(u.weight.Dims()) == 3
		if c.Groups > 1 {
			return nil, fmt.Errorf("compress: %s: %s cannot be quantized: it has %d groups; only 1 is possible", t.op, u, c.Groups)
		}
		if !flat && c.Dilation[1] > 1 {
			return nil, fmt.Errorf("compress: %s: %s cannot be quantized: a horizontal dilation of %d; only 1 is possible", t.op, u, c.Dilation[1])
		}
	}
	t.units = append(t.units, u)
	return stage{{path, u}}, nil
}

func below(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// joined puts normalisations and ReLUs to the unit before them: also a ReLU
// behind a max pooling, which may as well come first.
func (s stage) joined() stage {
	var out stage
	for _, it := range s {
		var u *unit
		pooled := false
		for i := len(out) - 1; i >= 0 && u == nil; i-- {
			if l, ok := out[i].layer.(*unit); ok {
				u = l
			} else if isPool(out[i].layer) {
				pooled = true
			} else {
				break
			}
		}
		switch l := it.layer.(type) {
		case nn.ReLU:
			if u != nil {
				u.relu = true
				continue
			}
		case *nn.BatchNorm:
			if u != nil && !pooled && !u.relu && u.norm == nil && l.RunningMean != nil &&
				len(l.RunningMean.Data) == u.weight.Dims()[0] {
				u.norm = l
				u.kind += " with its BatchNorm"
				continue
			}
		}
		out = append(out, it)
	}
	return out
}

func isPool(l nn.Layer) bool {
	switch l.(type) {
	case nn.MaxPool1D, nn.MaxPool2D:
		return true
	}
	return false
}

// residual is a Residual of stages.
type residual struct{ body, shortcut nn.Layer }

func (r *residual) Forward(x tensor.Tensor) tensor.Tensor {
	return nn.Residual{Body: r.body, Shortcut: r.shortcut}.Forward(x)
}

func (t *taking) residual(path string, l nn.Residual) (stage, error) {
	body, err := t.take(below(path, "body"), l.Body)
	if err != nil {
		return nil, err
	}
	r := &residual{body: body}
	if l.Shortcut != nil {
		s, err := t.take(below(path, "shortcut"), l.Shortcut)
		if err != nil {
			return nil, err
		}
		r.shortcut = s
	}
	return stage{{path, r}}, nil
}

// mapped is s with every unit replaced and everything else detached from the
// model; layers of training are left out.
func (s stage) mapped(replace func(u *unit) (nn.Layer, error)) (stage, error) {
	var out stage
	var err error
	inner := func(l nn.Layer) stage {
		part, wrong := l.(stage).mapped(replace)
		if err == nil {
			err = wrong
		}
		return part
	}
	for _, it := range s {
		switch l := it.layer.(type) {
		case nn.Dropout, nn.SpatialDropout, nn.GaussianNoise:
		case *unit:
			n, wrong := replace(l)
			if wrong != nil {
				return nil, wrong
			}
			out = append(out, item{it.path, n})
		case *embedding:
			c := *l
			c.weight = copyOf(l.weight)
			out = append(out, item{it.path, &c})
		default:
			out = append(out, item{it.path, within(l, inner)})
		}
	}
	return out, err
}

// within is a layer of the list with its own lists replaced.
func within(l nn.Layer, inner func(nn.Layer) stage) nn.Layer {
	switch l := l.(type) {
	case stage:
		return inner(l)
	case *residual:
		r := &residual{body: inner(l.body)}
		if l.shortcut != nil {
			r.shortcut = inner(l.shortcut)
		}
		return r
	case *attention:
		return &attention{inner(l.in), inner(l.out), l.attend}
	case *encoderLayer:
		e := *l
		e.attention = within(l.attention, inner).(*attention)
		e.feedForward = inner(l.feedForward)
		e.norm1, e.norm2 = detached(l.norm1).(*nn.LayerNorm), detached(l.norm2).(*nn.LayerNorm)
		e.dropout = 0
		return &e
	case *lstm:
		return l.with(inner)
	}
	return detached(l)
}
