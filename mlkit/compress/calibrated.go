package compress

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"

	"gonum.org/v1/gonum/mat"
)

// Wanda prunes a Linear layer by what its weights do to inputs: of each output
// the given share of weights goes that have the lowest |w|·‖x‖, where ‖x‖ is
// the norm of the weight's input over the samples (Sun, Liu, Bair & Kolter, A
// simple and effective pruning approach for large language models, 2023,
// equation 1). inputs are samples of the layer's inputs, [samples, in]. The
// weights change only when the masks are applied. Missing inputs, and inputs
// that are not finite, are an error.
func Wanda(l *nn.Linear, inputs []float32, sparsity float64) (*Masks, error) {
	if err := calibration("Wanda", l, inputs, sparsity); err != nil {
		return nil, err
	}
	in := l.Weight.Dims()[1]
	norms := make([]float64, in)
	for k, x := range inputs {
		norms[k%in] += float64(x) * float64(x)
	}
	m := &Masks{Params: []*tensor.Param{l.Weight}, Keep: [][]float32{nil}}
	scores := make([]float32, in)
	for row := range slices.Chunk(l.Weight.Data, in) {
		for k, w := range row {
			scores[k] = float32(math.Abs(float64(w)) * math.Sqrt(norms[k]))
		}
		m.Keep[0] = append(m.Keep[0], highest(scores, sparsity)...)
	}
	return m, nil
}

// SparseGPT prunes a Linear layer and corrects the weights that stay, so that
// its outputs for the inputs change little (Frantar & Alistarh, SparseGPT,
// 2023, algorithm 1): going through the inputs in blocks of 128, it prunes the
// share of each block's weights with the lowest w²/c², where c is the diagonal
// of the Cholesky factor of the inverse Hessian, and makes up for each with the
// weights of the inputs behind it. inputs are samples of the layer's inputs,
// [samples, in]; a hundredth of the Hessian's mean diagonal is added to it, as
// in the authors' program. Unlike the other criteria it changes the weights,
// and masks only hold what is zero. What cannot be done is an error, and then
// nothing has changed.
func SparseGPT(l *nn.Linear, inputs []float32, sparsity float64) (*Masks, error) {
	if err := calibration("SparseGPT", l, inputs, sparsity); err != nil {
		return nil, err
	}
	out, in := l.Weight.Dims()[0], l.Weight.Dims()[1]
	w := mat.NewDense(out, in, nil)
	for k, v := range l.Weight.Data {
		w.Set(k/in, k%in, float64(v))
	}
	c, err := inverseFactor(w, inputs)
	if err != nil {
		return nil, fmt.Errorf("compress: SparseGPT: %s: %w", called(l.Weight, 0), err)
	}
	keep := slices.Repeat([]float32{1}, out*in)
	const block = 128
	for lo := 0; lo < in; lo += block {
		hi := min(lo+block, in)
		scores := make([]float32, 0, out*(hi-lo))
		for o := range out {
			for j := lo; j < hi; j++ {
				scores = append(scores, float32(math.Pow(w.At(o, j)/c.At(j, j), 2)))
			}
		}
		stays := highest(scores, sparsity)
		for o := range out {
			row := w.RawRowView(o)
			for j := lo; j < hi; j++ {
				if keep[o*in+j] = stays[o*(hi-lo)+j-lo]; keep[o*in+j] == 1 {
					continue
				}
				miss := row[j] / c.At(j, j)
				row[j] = 0
				for k := j + 1; k < in; k++ {
					row[k] -= miss * c.At(j, k)
				}
			}
		}
	}
	for k := range l.Weight.Data {
		l.Weight.Data[k] = float32(w.At(k/in, k%in))
	}
	return &Masks{Params: []*tensor.Param{l.Weight}, Keep: [][]float32{keep}}, nil
}

// inverseFactor is the upper triangular Cholesky factor of the inverse of the
// Hessian 2·XᵀX/n of a layer's squared error. Weights of inputs that are always
// zero become zero.
func inverseFactor(w *mat.Dense, inputs []float32) (*mat.TriDense, error) {
	_, in := w.Dims()
	n := len(inputs) / in
	h := mat.NewSymDense(in, nil)
	for row := range slices.Chunk(inputs, in) {
		x := make([]float64, in)
		for k, v := range row {
			x[k] = float64(v)
		}
		h.SymRankOne(h, 2/float64(n), mat.NewVecDense(in, x))
	}
	mean := 0.
	for k := range in {
		if h.At(k, k) == 0 {
			h.SetSym(k, k, 1)
			for o := range w.RawMatrix().Rows {
				w.Set(o, k, 0)
			}
		}
		mean += h.At(k, k) / float64(in)
	}
	for k := range in {
		h.SetSym(k, k, h.At(k, k)+mean/100)
	}
	var factor mat.Cholesky
	if !factor.Factorize(h) {
		return nil, fmt.Errorf("the Hessian of the inputs is not positive definite")
	}
	var inverse mat.SymDense
	if err := factor.InverseTo(&inverse); err != nil {
		return nil, err
	}
	if !factor.Factorize(&inverse) {
		return nil, fmt.Errorf("the inverse of the inputs' Hessian is not positive definite")
	}
	c := new(mat.TriDense)
	factor.UTo(c)
	return c, nil
}

// calibration checks what the criteria that look at inputs are given.
func calibration(op string, l *nn.Linear, inputs []float32, sparsity float64) error {
	in := l.Weight.Dims()[1]
	if err := checkShare(sparsity); err != nil {
		return fmt.Errorf("compress: %s: %w", op, err)
	}
	if len(inputs) == 0 || len(inputs)%in != 0 {
		return fmt.Errorf("compress: %s: %d inputs for %s, which reads %d a sample: give some samples", op, len(inputs), called(l.Weight, 0), in)
	}
	for _, xs := range [][]float32{inputs, l.Weight.Data} {
		if k := slices.IndexFunc(xs, notFinite); k >= 0 {
			return fmt.Errorf("compress: %s: input or weight %d of %s is %v", op, k, called(l.Weight, 0), xs[k])
		}
	}
	return nil
}
