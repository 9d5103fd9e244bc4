package compress

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
	"descent/mlkit/internal/kernel/sparse"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Sparse is a Linear layer that keeps and multiplies only the weights that are
// not zero: y = x·Wᵀ + b, from [..., in] to [..., out]. Of a batch it computes
// what the dense layer does, bit for bit up to the sign of a zero (8192 inputs
// at most; AVX2 or AVX-512), as long as nothing is infinite or NaN. How many
// zeros it takes until it is the quicker one depends on the batch and the
// processor: see the package's comment.
//
// It can be trained; a weight that was zero stays out. Its values are named
// after the places they belong to, as in "0.values_5c6ef372", so that a file of
// its weights loads only into a layer with the same zeros. To get one, keep the
// dense model and call [Sparsify] after loading.
type Sparse struct {
	Values *tensor.Param // one for each weight that is not zero, row by row
	Bias   *tensor.Param // [out]; nil for none

	matrix sparse.Matrix
	name   string
	op     *tensor.Op
}

// NewSparse takes the weights of a Linear that are not zero. The bias is
// shared with it; the values are a copy.
func NewSparse(l *nn.Linear) *Sparse {
	d := l.Weight.Dims()
	m, values := sparse.Compress(l.Weight.Data, d[0], d[1])
	h := fnv.New32a()
	for _, list := range [][]int32{{int32(m.In), int32(m.Out)}, m.First, m.At} {
		for _, v := range list {
			h.Write(binary.LittleEndian.AppendUint32(nil, uint32(v)))
		}
	}
	s := &Sparse{Values: tensor.ParamOf(values, len(values)), Bias: l.Bias, matrix: m, name: fmt.Sprintf("values_%08x", h.Sum32())}
	s.Values.Frozen = l.Weight.Frozen
	s.op = tensor.NewOp("Sparse", s.back)
	return s
}

// NamedParams are the values, named after their places, and the bias.
func (s *Sparse) NamedParams() []nn.Named {
	ps := []nn.Named{{Name: s.name, Param: s.Values}}
	if s.Bias != nil {
		ps = append(ps, nn.Named{Name: "bias", Param: s.Bias})
	}
	return ps
}

// Zeros is the share of weights that are zero.
func (s *Sparse) Zeros() float64 {
	return 1 - float64(len(s.matrix.At))/float64(max(s.matrix.In*s.matrix.Out, 1))
}

// Dense is the Linear layer that computes the same. It shares the bias.
func (s *Sparse) Dense() *nn.Linear {
	w := tensor.NewParam(s.matrix.Out, s.matrix.In)
	w.Frozen = s.Values.Frozen
	for i := range s.matrix.Out {
		for k := s.matrix.First[i]; k < s.matrix.First[i+1]; k++ {
			w.Data[i*s.matrix.In+int(s.matrix.At[k])] = s.Values.Data[k]
		}
	}
	return &nn.Linear{Weight: w, Bias: s.Bias}
}

// Forward is x·Wᵀ + b: [..., in] → [..., out].
func (s *Sparse) Forward(x tensor.Tensor) tensor.Tensor {
	t, m := x.Tape(), &s.matrix
	rank := x.Rank()
	if rank == 0 || x.Dim(rank-1) != m.In {
		panic(&tensor.ShapeError{Op: "Sparse", Shapes: [][]int{slices.Clone(x.Dims()), {m.Out, m.In}},
			Why: "the input's last axis must equal the weight's second: [..., in] and [out, in]"})
	}
	var buf [8]int
	dims := append(append(buf[:0], x.Dims()[:rank-1]...), m.Out)
	y := t.Scratch(tensor.SizeOf(dims))
	w := t.Use(s.Values)
	if s.Bias == nil {
		m.MulT(y, x.Data(), w.Data(), nil)
		return s.op.Apply(y, dims, []tensor.Tensor{x, w})
	}
	b := t.Use(s.Bias)
	m.MulT(y, x.Data(), w.Data(), b.Data())
	return s.op.Apply(y, dims, []tensor.Tensor{x, w, b})
}

func (s *Sparse) back(b tensor.Back) {
	m, dy := &s.matrix, b.DY()
	if len(dy) == 0 {
		return
	}
	n := len(dy) / m.Out
	turn := func(x []float32, cols int) []float32 { // a feature is one run of samples
		turned := b.Scratch(len(x))
		gemm.Transpose(turned, x, n, cols)
		return turned
	}
	turned := turn(dy, m.Out)
	each := func(f func(k int, dy []float32)) {
		for i := range m.Out {
			for k := m.First[i]; k < m.First[i+1]; k++ {
				f(int(k), turned[i*n:i*n+n])
			}
		}
	}
	if dw := b.DX(1); dw != nil {
		x := turn(b.X(0), m.In)
		each(func(k int, dy []float32) { dw[k] += rowwise.Dot(dy, x[int(m.At[k])*n:][:n]) })
	}
	if dx := b.DX(0); dx != nil {
		sums, w := b.Scratch(len(dx)), b.X(1)
		each(func(k int, dy []float32) { elementwise.Axpy(sums[int(m.At[k])*n:][:n], w[k], dy) })
		back := b.Scratch(len(dx))
		gemm.Transpose(back, sums, m.In, n)
		elementwise.Add(dx, dx, back)
	}
	if s.Bias != nil {
		if db := b.DX(2); db != nil {
			rowwise.AddRows(db, dy, m.Out)
		}
	}
}

// Sparsify replaces the Linear layers of a network of which at least the given
// share of weights is zero by [Sparse] ones, also those inside of other
// Sequentials and Residuals. The network that it returns shares what it has not
// replaced. A weight that the network uses twice is an error, as is a share
// that is not from 0 to 1 and one that no layer reaches.
func Sparsify(model nn.Sequential, share float64) (nn.Sequential, error) {
	if err := checkShare(share); err != nil {
		return nil, fmt.Errorf("compress: Sparsify: %w", err)
	}
	state := nn.State(model)
	tied := map[string]string{}
	for alias, name := range nn.Aliases(model) {
		tied[name] = alias
	}
	for _, n := range state {
		if second, ok := tied[n.Name]; ok && n.Param != nil {
			return nil, fmt.Errorf("compress: Sparsify: %s and %s are the same parameter: they would be two afterwards", n.Name, second)
		}
	}
	replaced, most := 0, 0.
	var walk func(l nn.Layer) nn.Layer
	walk = func(l nn.Layer) nn.Layer {
		switch l := l.(type) {
		case nn.Sequential:
			all := slices.Clone(l)
			for i := range all {
				all[i] = walk(all[i])
			}
			return all
		case nn.Residual:
			l.Body = walk(l.Body)
			if l.Shortcut != nil {
				l.Shortcut = walk(l.Shortcut)
			}
			return l
		case *nn.Linear:
			zeros := zerosIn(l.Weight.Data)
			most = max(most, zeros)
			if zeros >= share {
				replaced++
				return NewSparse(l)
			}
		}
		return l
	}
	sparse := walk(model).(nn.Sequential)
	if replaced == 0 {
		return nil, fmt.Errorf("compress: Sparsify: no Linear layer has %.0f %% zeros, the most are %.1f %%: prune the model and apply its masks first", 100*share, 100*most)
	}
	return sparse, nil
}

// zerosIn is the share of zeros.
func zerosIn(x []float32) float64 {
	n := 0
	for _, v := range x {
		if v == 0 {
			n++
		}
	}
	return float64(n) / float64(max(len(x), 1))
}
