package nn

import (
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// Transformer describes the layers of an encoder or a decoder.
type Transformer struct {
	Width, Heads int
	KVHeads      int // heads of keys and values, see [Attention]; 0 means Heads
	Hidden       int // width of the feed-forward block; 0 means 4·Width
	// Dropout is the probability of dropping, in training, an attention
	// weight, a hidden unit, or an element of a branch before it is added.
	Dropout float32
	// PreNorm normalises at the start of each residual branch (Xiong et al.
	// 2020) instead of after its end (Vaswani et al. 2017): easier to train.
	PreNorm bool
	GELU    bool // exact GELU in the feed-forward block instead of ReLU
	// Rotary rotates queries and keys of self-attention by their positions; nil
	// for none.
	Rotary *RotaryPositions
}

func (c Transformer) attention(rng *rand.Rand) *MultiHeadAttention {
	a := NewAttention(rng, Attention{Width: c.Width, Heads: c.Heads, KVHeads: c.KVHeads, Rotary: c.Rotary})
	a.Dropout = c.Dropout
	return a
}

func (c Transformer) hidden() int {
	if c.Hidden == 0 {
		return 4 * c.Width
	}
	return c.Hidden
}

// TransformerEncoderLayer is self-attention and a feed-forward block, each
// with a residual and a layer norm (Vaswani et al. 2017, §3.1).
type TransformerEncoderLayer struct {
	SelfAttn         *MultiHeadAttention
	Linear1, Linear2 *Linear // [hidden, width] and [width, hidden]
	Norm1, Norm2     *LayerNorm
	Config           Transformer `nn:"-"`
}

// NewTransformerEncoderLayer makes a layer, started as PyTorch does.
func NewTransformerEncoderLayer(rng *rand.Rand, c Transformer) *TransformerEncoderLayer {
	l := &TransformerEncoderLayer{SelfAttn: c.attention(rng),
		Linear1: NewLinear(rng, c.Width, c.hidden()), Linear2: NewLinear(rng, c.hidden(), c.Width),
		Norm1: NewLayerNorm(c.Width), Norm2: NewLayerNorm(c.Width), Config: c}
	return l
}

// Forward is Run without a mask: [batch, time, width] → the same shape.
func (l *TransformerEncoderLayer) Forward(x tensor.Tensor) tensor.Tensor { return l.Run(x, Mask{}) }

// Run maps [batch, time, width] to the same shape.
func (l *TransformerEncoderLayer) Run(x tensor.Tensor, mask Mask) tensor.Tensor {
	c := &l.Config
	x = c.attend(l.SelfAttn, l.Norm1, x, tensor.Tensor{}, mask)
	return c.feedForward(l.Linear1, l.Linear2, l.Norm2, x)
}

// attend is a residual branch of attention: to x itself, or to memory.
func (c *Transformer) attend(a *MultiHeadAttention, norm *LayerNorm, x, memory tensor.Tensor, mask Mask) tensor.Tensor {
	q := x
	if c.PreNorm {
		q = norm.Forward(x)
	}
	if memory == (tensor.Tensor{}) { // only the zero Tensor; a stale one panics below, as everywhere
		memory = q
	}
	if c.Dropout > 0 && x.Tape().Training() {
		y, _ := a.attend(q, memory, memory, tensor.Tensor{}, mask)
		return c.after(norm, x.Add(y.Dropout(c.Dropout)))
	}
	y, _ := a.attend(q, memory, memory, x, mask)
	return c.after(norm, y)
}

// feedForward is the residual branch of two dense layers.
func (c *Transformer) feedForward(l1, l2 *Linear, norm *LayerNorm, x tensor.Tensor) tensor.Tensor {
	h := x
	if c.PreNorm {
		h = norm.Forward(x)
	}
	t := x.Tape()
	w, b := t.Use(l1.Weight), useOptional(t, l1.Bias)
	if c.Dropout == 0 || !t.Training() {
		x = h.FeedForward(tensor.FeedForward{Weight1: w, Bias1: b, Weight2: t.Use(l2.Weight),
			Bias2: useOptional(t, l2.Bias), Add: x, GELU: c.GELU})
		return c.after(norm, x)
	}
	if c.GELU {
		h = h.LinearGELU(w, b)
	} else {
		h = h.LinearReLU(w, b)
	}
	return c.after(norm, x.Add(l2.Forward(h.Dropout(c.Dropout)).Dropout(c.Dropout)))
}

// after is the norm of a branch where it comes last.
func (c *Transformer) after(norm *LayerNorm, y tensor.Tensor) tensor.Tensor {
	if c.PreNorm {
		return y
	}
	return norm.Forward(y)
}

// TransformerDecoderLayer is self-attention, attention to an encoder's result
// and a feed-forward block, each with a residual and a layer norm.
type TransformerDecoderLayer struct {
	SelfAttn, MultiheadAttn *MultiHeadAttention
	Linear1, Linear2        *Linear
	Norm1, Norm2, Norm3     *LayerNorm
	Config                  Transformer `nn:"-"`
}

// NewTransformerDecoderLayer makes a layer, started as PyTorch does.
func NewTransformerDecoderLayer(rng *rand.Rand, c Transformer) *TransformerDecoderLayer {
	l := &TransformerDecoderLayer{SelfAttn: c.attention(rng), MultiheadAttn: c.attention(rng),
		Linear1: NewLinear(rng, c.Width, c.hidden()), Linear2: NewLinear(rng, c.hidden(), c.Width),
		Norm1: NewLayerNorm(c.Width), Norm2: NewLayerNorm(c.Width), Norm3: NewLayerNorm(c.Width), Config: c}
	l.MultiheadAttn.Rotary = nil // positions of two texts have no distance
	return l
}

// Run maps x, [batch, time, width], and an encoder's result, [batch, memory
// time, width], to the shape of x. mask is for x itself (usually Causal),
// memoryMask for what x sees of memory.
func (l *TransformerDecoderLayer) Run(x, memory tensor.Tensor, mask, memoryMask Mask) tensor.Tensor {
	if memory == (tensor.Tensor{}) {
		panic("nn: TransformerDecoderLayer: memory, an encoder's result, is missing")
	}
	c := &l.Config
	x = c.attend(l.SelfAttn, l.Norm1, x, tensor.Tensor{}, mask)
	x = c.attend(l.MultiheadAttn, l.Norm2, x, memory, memoryMask)
	return c.feedForward(l.Linear1, l.Linear2, l.Norm3, x)
}

// TransformerEncoder is a stack of encoder layers.
type TransformerEncoder struct {
	Layers    []*TransformerEncoderLayer
	Norm      *LayerNorm   // applied last; nil for none
	Positions PositionBias // for every layer; nil for none
}

// NewTransformerEncoder makes a stack of layers. With PreNorm a last norm
// follows, which the residuals have not passed yet.
func NewTransformerEncoder(rng *rand.Rand, layers int, c Transformer) *TransformerEncoder {
	e := &TransformerEncoder{}
	for range layers {
		e.Layers = append(e.Layers, NewTransformerEncoderLayer(rng, c))
	}
	if c.PreNorm {
		e.Norm = NewLayerNorm(c.Width)
	}
	return e
}

// Forward is Run without a mask: [batch, time, width] → the same shape.
func (e *TransformerEncoder) Forward(x tensor.Tensor) tensor.Tensor { return e.Run(x, Mask{}) }

// Run maps [batch, time, width] to the same shape.
func (e *TransformerEncoder) Run(x tensor.Tensor, mask Mask) tensor.Tensor {
	mask = placed(e.Positions, mask, x, nil)
	for _, l := range e.Layers {
		x = l.Run(x, mask)
	}
	if e.Norm != nil {
		x = e.Norm.Forward(x)
	}
	return x
}

// TransformerDecoder is a stack of decoder layers.
type TransformerDecoder struct {
	Layers    []*TransformerDecoderLayer
	Norm      *LayerNorm   // applied last; nil for none
	Positions PositionBias // for every layer's self-attention; nil for none
}

// NewTransformerDecoder makes a stack of layers, with a last norm if PreNorm is
// set.
func NewTransformerDecoder(rng *rand.Rand, layers int, c Transformer) *TransformerDecoder {
	d := &TransformerDecoder{}
	for range layers {
		d.Layers = append(d.Layers, NewTransformerDecoderLayer(rng, c))
	}
	if c.PreNorm {
		d.Norm = NewLayerNorm(c.Width)
	}
	return d
}

// Run maps x, [batch, time, width], and an encoder's result to the shape of x;
// see [TransformerDecoderLayer.Run].
func (d *TransformerDecoder) Run(x, memory tensor.Tensor, mask, memoryMask Mask) tensor.Tensor {
	mask = placed(d.Positions, mask, x, nil)
	for _, l := range d.Layers {
		x = l.Run(x, memory, mask, memoryMask)
	}
	if d.Norm != nil {
		x = d.Norm.Forward(x)
	}
	return x
}
