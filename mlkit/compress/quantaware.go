package compress

import (
	"fmt"
	"slices"

	kernel "descent/mlkit/internal/kernel/int8"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Aware is a model in training that knows it will be quantized: inputs and
// weights of its products are rounded as bytes round them, and gradients pass
// the rounding as if it were not there (straight through: Bengio, Léonard &
// Courville 2013; Jacob et al. 2018, §3). An input beyond its range passes no
// gradient. Train it like any other layer, usually from a trained model and at
// a small learning rate; [Aware.Quantize] makes the int8 network, which
// computes what the Aware does in evaluation, up to the rounding of float32.
type Aware struct {
	Model nn.Layer // what is trained; its parameters are full float32
	// Ranges are the bounds of the units' inputs, [2]: moving averages over the
	// steps of training, the newest batch with a weight of 0.01; the first
	// batch sets them.
	Ranges []*tensor.Buffer

	layers stage   `nn:"-"`
	take   *taking `nn:"-"`
}

// QuantizationAware takes a model apart for training. What cannot be quantized
// is an error that names the layer.
func QuantizationAware(model nn.Layer) (*Aware, error) {
	t := &taking{op: "QuantizationAware"}
	s, err := t.start(model)
	if err != nil {
		return nil, err
	}
	a := &Aware{Model: model, layers: s, take: t}
	for _, u := range t.units {
		b := tensor.NewBuffer(0, 2)
		u.fake = &fake{b}
		a.Ranges = append(a.Ranges, b)
	}
	for _, e := range t.tables {
		e.fake = true
	}
	return a, nil
}

// Forward computes the model's outputs, of the model's shapes, with everything
// rounded that will be.
func (a *Aware) Forward(x tensor.Tensor) tensor.Tensor { return a.layers.Forward(x) }

// Quantize makes an int8 network with the ranges that training has found. A
// layer that no training step has reached is an error that names it.
func (a *Aware) Quantize() (*Int8, error) {
	for i, u := range a.take.units {
		b := a.Ranges[i]
		if b.Count == 0 {
			return nil, fmt.Errorf("compress: Aware.Quantize: no training step has reached %s: its range is not known", u)
		}
		if k := slices.IndexFunc(b.Data, notFinite); k >= 0 {
			return nil, fmt.Errorf("compress: Aware.Quantize: the range of %s is %v: the training has failed", u, b.Data)
		}
		u.rng = affineOf(b.Data[0], b.Data[1])
	}
	return a.take.finish(a.layers, true, nil)
}

// fake rounds the input of a unit.
type fake struct{ bounds *tensor.Buffer }

// newest is the weight of a batch in the moving averages, PyTorch's.
const newest = 0.01

func (f *fake) input(x tensor.Tensor) tensor.Tensor {
	t := x.Tape()
	lo, hi, _ := kernel.Extent(x.Data())
	if t.Training() {
		seen := t.Scratch(2)
		seen[0], seen[1] = lo, hi
		weight := float32(newest)
		if f.bounds.Count == 0 {
			weight = 1
		}
		t.CollectBuffer(f.bounds, seen, weight)
	}
	if f.bounds.Count > 0 {
		lo, hi = f.bounds.Data[0], f.bounds.Data[1]
	}
	a := affineOf(lo, hi)
	r := rooms.Get()
	defer rooms.Put(r)
	n := len(x.Data())
	q, y, kept := grown(&r.bytes[0], n), t.Scratch(n), t.Scratch(2)
	if !kernel.Quantize(q, x.Data(), a.inverse(), a.zero) {
		copy(y, x.Data()) // a training that has failed is to look like it
		return roundInput.Apply(y, x.Dims(), []tensor.Tensor{x}, kept)
	}
	zero := int32(a.zero)
	for i, v := range q {
		y[i] = float32(int32(v)-zero) * a.scale
	}
	kept[0], kept[1] = -float32(zero)*a.scale, float32(255-zero)*a.scale
	return roundInput.Apply(y, x.Dims(), []tensor.Tensor{x}, kept)
}

var roundInput = tensor.NewOp("RoundInput", func(b tensor.Back) {
	dx := b.DX(0)
	if dx == nil {
		return
	}
	kept := b.Saved(0)
	lo, hi := kept[0], kept[1]
	for i, x := range b.X(0) {
		if lo <= x && x <= hi {
			dx[i] += b.DY()[i]
		}
	}
})

// fakeWeight rounds the rows of a weight.
func fakeWeight(w tensor.Tensor) tensor.Tensor {
	x := w.Data()
	y := w.Tape().Scratch(len(x))
	k := len(x) / w.Dims()[0]
	for r := 0; r < len(x); r += k {
		row := x[r : r+k]
		scale := rowScale(row, 127)
		for i, v := range row {
			y[r+i] = symmetric(v, scale, 127) * scale
		}
	}
	return roundWeight.Apply(y, w.Dims(), []tensor.Tensor{w})
}

var roundWeight = tensor.NewOp("RoundWeight", func(b tensor.Back) {
	if dx := b.DX(0); dx != nil {
		for i, d := range b.DY() {
			dx[i] += d
		}
	}
})
