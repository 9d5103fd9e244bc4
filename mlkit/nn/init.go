package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"descent/mlkit/tensor"
)

// Initialisers fill a parameter in place, element by element in row-major
// order from the given generator. Layers come with PyTorch's start; to choose
// another, apply one of these to the layer's Weight:
//
//	nn.HeNormal(layer.Weight, rng)

// Constant sets every element to v.
func Constant(p *tensor.Param, v float32) {
	for i := range p.Data {
		p.Data[i] = v
	}
}

// Uniform draws from the uniform distribution on [low, high).
func Uniform(p *tensor.Param, rng *rand.Rand, low, high float64) {
	for i := range p.Data {
		p.Data[i] = float32(low + (high-low)*rng.Float64())
	}
}

// Normal draws from the normal distribution.
func Normal(p *tensor.Param, rng *rand.Rand, mean, std float64) {
	for i := range p.Data {
		p.Data[i] = float32(mean + std*rng.NormFloat64())
	}
}

// TruncatedNormal draws from the normal distribution without what lies more
// than two standard deviations from the mean. (That makes the standard
// deviation of the result 0.88·std.)
func TruncatedNormal(p *tensor.Param, rng *rand.Rand, mean, std float64) {
	for i := range p.Data {
		z := rng.NormFloat64()
		for math.Abs(z) > 2 {
			z = rng.NormFloat64()
		}
		p.Data[i] = float32(mean + std*z)
	}
}

// GlorotUniform is uniform in ±√(6/(fan-in + fan-out)), for tanh and sigmoid
// (Glorot & Bengio 2010, eq. 16; PyTorch's xavier_uniform_, Keras's default).
func GlorotUniform(p *tensor.Param, rng *rand.Rand) {
	in, out := fans("GlorotUniform", p)
	symmetric(p, rng, 6/(in+out))
}

// GlorotNormal is normal with variance 2/(fan-in + fan-out).
func GlorotNormal(p *tensor.Param, rng *rand.Rand) {
	in, out := fans("GlorotNormal", p)
	Normal(p, rng, 0, math.Sqrt(2/(in+out)))
}

// HeUniform is uniform in ±√(6/fan-in), for ReLU (He et al. 2015, eq. 10;
// PyTorch's kaiming_uniform_ with nonlinearity relu).
func HeUniform(p *tensor.Param, rng *rand.Rand) {
	in, _ := fans("HeUniform", p)
	symmetric(p, rng, 6/in)
}

// HeNormal is normal with variance 2/fan-in. (Keras truncates it.)
func HeNormal(p *tensor.Param, rng *rand.Rand) {
	in, _ := fans("HeNormal", p)
	Normal(p, rng, 0, math.Sqrt(2/in))
}

// LeCunUniform is uniform in ±√(3/fan-in) (LeCun et al., Efficient BackProp,
// 1998, sec. 4.6).
func LeCunUniform(p *tensor.Param, rng *rand.Rand) {
	in, _ := fans("LeCunUniform", p)
	symmetric(p, rng, 3/in)
}

// LeCunNormal is normal with variance 1/fan-in, for SELU
// (Klambauer et al. 2017). (Keras truncates it.)
func LeCunNormal(p *tensor.Param, rng *rand.Rand) {
	in, _ := fans("LeCunNormal", p)
	Normal(p, rng, 0, math.Sqrt(1/in))
}

// Orthogonal makes the rows of the weight, read as a matrix [first axis, rest],
// orthogonal and of length gain; where there are more rows than columns, its
// columns (Saxe et al. 2013). The matrix is the Q of a normal matrix's QR
// decomposition, with the signs that make it uniformly distributed (Mezzadri
// 2007).
func Orthogonal(p *tensor.Param, rng *rand.Rand, gain float64) {
	fans("Orthogonal", p)
	rows := p.Dims()[0]
	cols := p.Size() / max(rows, 1)
	long, short := max(rows, cols), min(rows, cols)
	if short == 0 {
		return
	}
	a := mat.NewDense(long, short, nil)
	for i := range long {
		for j := range short {
			a.Set(i, j, rng.NormFloat64())
		}
	}
	var qr mat.QR
	var q, r mat.Dense
	qr.Factorize(a)
	qr.QTo(&q)
	qr.RTo(&r)
	for i := range rows {
		for j := range cols {
			at, by := i, j
			if rows < cols {
				at, by = j, i
			}
			p.Data[i*cols+j] = float32(gain * math.Copysign(1, r.At(by, by)) * q.At(at, by))
		}
	}
}

// fans gives the number of inputs that one output of a weight depends on, and
// of outputs that one input acts on: for [out, in, window...] it is in·window
// and out·window.
func fans(op string, p *tensor.Param) (in, out float64) {
	d := p.Dims()
	if len(d) < 2 {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{append([]int{}, d...)}, Param: p.Name,
			Why: fmt.Sprintf("a weight with %d axes has no fan-in: this initialiser is for [out, in, ...]", len(d))})
	}
	window := 1
	for _, k := range d[2:] {
		window *= k
	}
	return float64(d[1] * window), float64(d[0] * window)
}

// symmetric is uniform in ±√square.
func symmetric(p *tensor.Param, rng *rand.Rand, square float64) {
	Uniform(p, rng, -math.Sqrt(square), math.Sqrt(square))
}
