package compress

import (
	"fmt"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// attention is self-attention with quantized projections. Between them, scores
// and weights stay in float32.
type attention struct {
	in, out nn.Layer
	attend  tensor.Attend
}

func (a *attention) Forward(x tensor.Tensor) tensor.Tensor {
	return a.lent(x, nil)
}

// lent is Forward, with the result in to unless that is nil.
func (a *attention) lent(x tensor.Tensor, to *room) tensor.Tensor {
	r := rooms.Get()
	defer rooms.Put(r)
	y, _ := lend(a.in, x, r).SelfAttention(a.attend)
	if to == nil {
		return a.out.Forward(y)
	}
	return lend(a.out, y, to)
}

func (t *taking) attention(path string, l *nn.MultiHeadAttention) (*attention, error) {
	if l.InProjWeight == nil {
		return nil, fmt.Errorf("compress: %s: layer %q (%T) cannot be quantized: its keys or values have a width of their own", t.op, path, l)
	}
	in, err := t.unit(below(path, "in_proj"), &unit{form: form{kind: "the projections of *nn.MultiHeadAttention"}, weight: l.InProjWeight, bias: l.InProjBias})
	if err != nil {
		return nil, err
	}
	out, err := t.take(below(path, "out_proj"), l.OutProj)
	return &attention{in, out, tensor.Attend{Heads: l.Heads, KVHeads: l.KVHeads, Dropout: l.Dropout}}, err
}

// encoderLayer is a layer of a Transformer's encoder.
type encoderLayer struct {
	attention    *attention
	feedForward  nn.Layer
	norm1, norm2 *nn.LayerNorm
	preNorm      bool
	dropout      float32
}

func (e *encoderLayer) Forward(x tensor.Tensor) tensor.Tensor {
	x = e.branch(x, e.norm1, e.attention)
	return e.branch(x, e.norm2, e.feedForward)
}

// branch is a residual one.
func (e *encoderLayer) branch(x tensor.Tensor, norm *nn.LayerNorm, l nn.Layer) tensor.Tensor {
	h := x
	if e.preNorm {
		h = norm.Forward(x)
	}
	r := rooms.Get()
	defer rooms.Put(r)
	var y tensor.Tensor
	if a, ok := l.(*attention); ok {
		y = a.lent(h, r)
	} else {
		y = lend(l, h, r)
	}
	if e.dropout > 0 {
		y = y.Dropout(e.dropout)
	}
	x = x.Add(y)
	if !e.preNorm {
		x = norm.Forward(x)
	}
	return x
}

func (t *taking) encoderLayer(path string, l *nn.TransformerEncoderLayer) (stage, error) {
	a, err := t.attention(below(path, "self_attn"), l.SelfAttn)
	if err != nil {
		return nil, err
	}
	first, err := t.take(below(path, "linear1"), l.Linear1)
	if err != nil {
		return nil, err
	}
	second, err := t.take(below(path, "linear2"), l.Linear2)
	if err != nil {
		return nil, err
	}
	between := item{below(path, "activation"), nn.ReLU{}}
	if l.Config.GELU {
		between.layer = nn.GELU{}
	}
	ff := append(first, between)
	if l.Config.Dropout > 0 {
		ff = append(ff, item{below(path, "dropout"), nn.Dropout{P: l.Config.Dropout}})
	}
	return stage{{path, &encoderLayer{
		attention: a, feedForward: append(ff, second...).joined(), norm1: l.Norm1, norm2: l.Norm2,
		preNorm: l.Config.PreNorm, dropout: l.Config.Dropout,
	}}}, nil
}

func (t *taking) encoder(path string, l *nn.TransformerEncoder) (stage, error) {
	if l.Positions != nil {
		return nil, fmt.Errorf("compress: %s: layer %q (%T) cannot be quantized: its attention has biases by position", t.op, path, l)
	}
	var s stage
	for i, one := range l.Layers {
		part, err := t.encoderLayer(fmt.Sprintf("%s.%d", below(path, "layers"), i), one)
		if err != nil {
			return nil, err
		}
		s = append(s, part...)
	}
	if l.Norm != nil {
		s = append(s, item{below(path, "norm"), l.Norm})
	}
	return s, nil
}
