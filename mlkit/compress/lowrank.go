package compress

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"

	"gonum.org/v1/gonum/mat"
)

// LowRank replaces a Linear layer of [in] → [out] by two, [in] → [rank] →
// [out], whose product is the nearest matrix of that rank (Eckart & Young
// 1936): rank·(in + out) multiplications instead of in·out. dropped are the
// singular values that are left out, the largest first; the root of the sum of
// their squares is the Frobenius norm of the difference of the weights. The
// first of the two has no bias, and the singular values are shared out between
// them evenly. What was frozen stays so. A rank that is not from 1 to min(in,
// out) is an error, and so are weights that are not finite.
func LowRank(l *nn.Linear, rank int) (layers nn.Sequential, dropped []float64, err error) {
	out, in := l.Weight.Dims()[0], l.Weight.Dims()[1]
	if rank < 1 || rank > min(in, out) {
		return nil, nil, fmt.Errorf("compress: LowRank: rank %d of a Linear layer %d → %d: need 1 to %d", rank, in, out, min(in, out))
	}
	w := mat.NewDense(out, in, nil)
	if k := slices.IndexFunc(l.Weight.Data, notFinite); k >= 0 {
		return nil, nil, fmt.Errorf("compress: LowRank: weight %d of %s is %v", k, called(l.Weight, 0), l.Weight.Data[k])
	}
	for k, v := range l.Weight.Data {
		w.Set(k/in, k%in, float64(v))
	}
	var svd mat.SVD
	if !svd.Factorize(w, mat.SVDThin) {
		return nil, nil, fmt.Errorf("compress: LowRank: the singular value decomposition of %s does not converge", called(l.Weight, 0))
	}
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	s := svd.Values(nil)
	first, second := &nn.Linear{Weight: tensor.NewParam(rank, in)}, &nn.Linear{Weight: tensor.NewParam(out, rank)}
	first.Weight.Frozen, second.Weight.Frozen = l.Weight.Frozen, l.Weight.Frozen
	for r := range rank {
		root := math.Sqrt(s[r])
		for j := range in {
			first.Weight.Data[r*in+j] = float32(root * v.At(j, r))
		}
		for i := range out {
			second.Weight.Data[i*rank+r] = float32(u.At(i, r) * root)
		}
	}
	if l.Bias != nil {
		second.Bias = copyOf(l.Bias)
	}
	return nn.Sequential{first, second}, s[rank:], nil
}

func copyOf(p *tensor.Param) *tensor.Param {
	q := tensor.ParamOf(slices.Clone(p.Data), p.Dims()...)
	q.Frozen = p.Frozen
	return q
}
