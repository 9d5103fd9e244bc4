package compress

import (
	"fmt"
	"slices"

	kernel "descent/mlkit/internal/kernel/int8"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// chain makes a chain of a list that begins and ends with a unit.
func (m *making) chain(s stage) (*chain, error) {
	c := &chain{static: m.q.static}
	channels := 0 // of the images before a Flatten
	for _, it := range s {
		switch l := it.layer.(type) {
		case nn.MaxPool1D, nn.MaxPool2D:
			o, _ := poolOf(l)
			last := c.steps[len(c.steps)-1].product
			if last != nil && last.act == nil && o == (tensor.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}) {
				last.pool = true
				continue
			}
			c.steps = append(c.steps, step{pool: o})
		case nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid:
			c.steps[len(c.steps)-1].product.act = actOf(l)
		case *unit:
			p, err := m.product(l, channels)
			if err != nil {
				return nil, err
			}
			c.steps = append(c.steps, step{product: p})
			if channels = 0; l.conv != nil {
				channels = p.w.N
			}
		}
	}
	m.q.chains = append(m.q.chains, c)
	for i := range c.steps {
		if p := c.steps[i].product; p != nil && c.static && i < len(c.steps)-1 {
			p.inSteps(c.productAfter(i).rng)
		}
	}
	return c, nil
}

// inSteps brings what the product multiplies by and adds to the steps of the
// next unit's bytes.
func (p *product) inSteps(next affine) {
	if p.act != nil { // which wants the numbers themselves
		p.shift = p.bias
		return
	}
	p.shift = make([]float32, len(p.bias))
	for i, b := range p.bias {
		p.shift[i] = b * next.inverse()
		p.mixed[i] *= next.inverse()
	}
}

// product packs a unit. A Linear that reads the bytes of images, channels last,
// gets its weights in that order.
func (m *making) product(u *unit, channels int) (*product, error) {
	w, err := m.weights(u)
	if err != nil {
		return nil, err
	}
	d := u.dims
	n, k := d[0], len(w.q)/d[0]
	p := &product{form: u.form, rng: u.rng}
	segments, length := 1, k
	q := w.q
	if u.conv != nil {
		window, _, _ := p.window()
		size := window[0] * window[1]
		q = channelsLast(q, n, d[1], size)
		if segments, length = window[0], window[1]*d[1]; p.flatConv() {
			segments, length = size, d[1]
			if max(u.conv.Dilation[0], 1) == 1 {
				segments, length = 1, size*d[1]
			}
		}
	} else if channels > 0 {
		if k%channels != 0 {
			return nil, fmt.Errorf("compress: %s: %s reads %d numbers, which are not images of %d channels", m.t.op, u, k, channels)
		}
		p.flat = channels
		q = channelsLast(q, n, channels, k/channels)
	}
	if segments*length > kernel.MaxK {
		return nil, fmt.Errorf("compress: %s: %s cannot be quantized: a sum of %d products; at most %d fit 32 bits", m.t.op, u, segments*length, kernel.MaxK)
	}
	p.w = kernel.Pack(q, n, segments, length)
	padded := p.w.Padded()
	p.scales, p.bias = make([]float32, padded), make([]float32, padded)
	copy(p.scales, w.scales)
	copy(p.bias, w.bias)
	if m.q.static {
		p.minus, p.mixed = make([]int32, padded), make([]float32, padded)
		p.mix(p.minus, p.mixed, p.rng)
	}
	return p, nil
}

// weights are a unit's in bytes: those of a file or, of a network of floats,
// rounded.
func (m *making) weights(u *unit) (weights, error) {
	if m.stored != nil {
		return m.stored[u.path], nil
	}
	w, b := u.folded()
	for _, xs := range [][]float32{w, b} {
		if i := slices.IndexFunc(xs, notFinite); i >= 0 {
			return weights{}, fmt.Errorf("compress: %s: a weight or bias of %s is %v", m.t.op, u, xs[i])
		}
	}
	q, scales := rounding(w, u.weight.Dims()[0])
	return weights{q, scales, b}, nil
}

// channelsLast reorders columns of [channels, size] to [size, channels].
func channelsLast(q []int8, n, channels, size int) []int8 {
	out := make([]int8, len(q))
	for r := range n {
		for c := range channels {
			for s := range size {
				out[(r*size+s)*channels+c] = q[(r*channels+c)*size+s]
			}
		}
	}
	return out
}
