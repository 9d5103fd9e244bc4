package models

import (
	"math"

	"descent/mlkit/internal/kernel/blocks"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// What a model with quantized weights computes beside their products. It
// follows llama.cpp (2025, on AVX-512) rounding by rounding: activations of 8
// bits amplify a difference in the last bit to tenths of a logit.

var (
	plainNormOp = tensor.NewOp("RMSNorm", nil)
	turnOp      = tensor.NewOp("Rotary", nil)
	swiGLUOp    = tensor.NewOp("SwiGLU", nil)
)

// plainNorm is l.Forward with a sum of squares in double precision, from the
// first to the last.
func plainNorm(l *nn.RMSNorm, x tensor.Tensor) tensor.Tensor {
	w, in := l.Weight.Data, x.Data()
	y := x.Tape().Scratch(len(in))
	for at := 0; at < len(in); at += len(w) {
		row := in[at:][:len(w)]
		sum := 0.0
		for _, v := range row {
			sum += float64(float32(v * v))
		}
		mean := float32(sum / float64(len(w)))
		scale := 1 / float32(math.Sqrt(float64(mean+l.Eps)))
		for i, v := range row {
			y[at+i] = float32(v*scale) * w[i]
		}
	}
	return plainNormOp.Apply(y, x.Dims(), []tensor.Tensor{x})
}

// turns are cosine and sine for the pairs of a head, [time, width/2, 2], of
// positions from at on.
func (s *LlamaSize) turns(t *tensor.Tape, at, time int) []float32 {
	width := s.Width / s.Heads
	base := s.RopeBase
	if base == 0 {
		base = 10000
	}
	step := float32(math.Pow(float64(float32(base)), float64(-2/float32(width))))
	turns := t.Scratch(time * width)
	for i := range time {
		angle := float32(at + i)
		for j := 0; j < width; j += 2 {
			turns[i*width+j+1], turns[i*width+j] = sinCos(angle)
			angle *= step
		}
	}
	return turns
}

// turn turns the pairs of queries and keys in x, [batch, time, columns], in
// place.
func (s *LlamaSize) turn(x tensor.Tensor, turns []float32) tensor.Tensor {
	width, columns := s.Width/s.Heads, x.Dim(-1)
	y := x.Data()
	for row := 0; row*columns < len(y); row++ {
		of := turns[row*width%len(turns):][:width]
		part := y[row*columns:][:(s.Heads+s.KVHeads)*width]
		for ; len(part) > 0; part = part[width:] {
			for j := 0; j < width; j += 2 {
				a, b, c, s := part[j], part[j+1], of[j], of[j+1]
				part[j], part[j+1] = blocks.FMA(a, c, -float32(b*s)), blocks.FMA(a, s, float32(b*c))
			}
		}
	}
	return turnOp.Apply(y, x.Dims(), []tensor.Tensor{x})
}

// swiGLU is the gated activation of x, which has the gate's and the other
// columns side by side: [..., 2·hidden] → [..., hidden].
func swiGLU(x tensor.Tensor, hidden int) tensor.Tensor {
	in, d := x.Data(), x.Dims()
	y := x.Tape().Scratch(len(in) / 2)
	for i := 0; i < len(y); i += hidden {
		blocks.SwiGLU(y[i:][:hidden], in[2*i:][:hidden], in[2*i+hidden:][:hidden])
	}
	return swiGLUOp.Apply(y, append(append(make([]int, 0, tensor.MaxRank), d[:len(d)-1]...), hidden),
		[]tensor.Tensor{x})
}

// sinCos are sine and cosine as glibc (2.28 and later) rounds them, up to some
// thousand turns: one in a hundred is not the nearest number.
func sinCos(x float32) (sin, cos float32) {
	const high, low = 0x1.921FB54442D18p0, 0x1.1A62633145C07p-54 // π/2
	n := math.Round(float64(x) * (2 / math.Pi))
	r := math.FMA(-n, low, math.FMA(-n, high, float64(x)))
	r2 := r * r
	r3, r4 := r*r2, r2*r2
	s := math.FMA(r3*r2, math.FMA(r2, -0x1.994eb3774cf24p-13, 0x1.1107605230bc4p-7),
		math.FMA(r3, -0x1.555545995a603p-3, r))
	c := math.FMA(r4*r2, math.FMA(r2, 0x1.99343027bf8c3p-16, -0x1.6c087e89a359dp-10),
		math.FMA(r4, 0x1.55553e1068f19p-5, math.FMA(r2, -0x1.ffffffd0c621cp-2, 1)))
	switch int(n) & 3 {
	case 1:
		s, c = c, -s
	case 2:
		s, c = -s, -c
	case 3:
		s, c = -c, s
	}
	return float32(s), float32(c)
}
