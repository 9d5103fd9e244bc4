package tensor

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// A SingularError is what [Tensor.Solve], [Tensor.Cholesky] and [Tensor.QR]
// panic with when a matrix does not allow what is asked for. It is a state of
// the data: train.Fit turns it into an error.
type SingularError struct {
	Op     string // the operation
	Dims   []int  // the shape of the operand
	Matrix int    // which of the operand's matrices, counted from 0
	// Condition estimates the matrix's condition number in the 1-norm: infinite
	// for one that is exactly singular, NaN where it was not estimated.
	Condition float64
	Why       string
}

func (e *SingularError) Error() string {
	s := fmt.Sprintf("tensor: %s of %v: ", e.Op, e.Dims)
	if SizeOf(e.Dims[:len(e.Dims)-2]) > 1 {
		s += fmt.Sprintf("matrix %d ", e.Matrix)
	} else {
		s += "the matrix "
	}
	s += e.Why
	if !math.IsNaN(e.Condition) {
		s += fmt.Sprintf(" (condition number about %.2g)", e.Condition)
	}
	return s
}

// Solve solves A·X = B for matrices A = x, [..., n, n], and right-hand sides B,
// [..., n, k]; the result is X, [..., n, k]. The leading axes broadcast. (A
// vector needs an Unsqueeze first.) It is computed in float64, by LU
// decomposition with pivoting (gonum's LAPACK).
//
// A singular A panics with a [*SingularError], and so does one whose condition
// number exceeds 2⁵²: of such an X no digit would be right. The gradients are
// dB = A⁻ᵀ·dX and dA = −dB·Xᵀ (Giles, Collected Matrix Derivative Results for
// Forward and Reverse Mode Algorithmic Differentiation, 2008, §2.3).
func (x Tensor) Solve(b Tensor) Tensor {
	const op = "Solve"
	na, nb := x.node(op), b.node(op)
	sameTape(op, x, b)
	if na.n < 2 || nb.n < 2 || na.d[na.n-1] != na.d[na.n-2] || nb.d[nb.n-2] != na.d[na.n-1] {
		shapePanic(op, -1, "needs square matrices [..., n, n] and right-hand sides [..., n, k]", x, b)
	}
	s, _, ok := batches(&na.shape, &nb.shape)
	if !ok {
		shapePanic(op, 0, "the leading axes do not broadcast: aligned at their last, lengths must be equal or 1", x, b)
	}
	n, k := na.d[na.n-1], nb.d[nb.n-1]
	x, b = x.spreadMatrices(op, s, n, n), b.spreadMatrices(op, s, n, k)
	t := x.t
	na, nb = x.node(op), b.node(op)
	count := s.size()
	y, lu, pivots := t.floats.take(count*n*k), t.doubles.take(count*n*n), t.ints.take(count*n)
	if n > 0 && k > 0 {
		right := t.doubles.reuse(n * k)
		for m := range count {
			a := matrix(lu[m*n*n:], n, n)
			widen(a.Data, na.data[m*n*n:])
			t.factorise(x, m, a, pivots[m*n:(m+1)*n])
			widen(right, nb.data[m*n*k:])
			t.substitute(blas.NoTrans, a, pivots[m*n:(m+1)*n], matrix(right, n, k))
			narrow(y[m*n*k:], right)
		}
		t.doubles.recycle(right)
	}
	res, nd := t.push(op)
	nd.data, nd.shape = y, x.t.nodes[b.i].shape
	*solutions.lend(t, nd) = solution{lu, pivots}
	nd.record(t, backSolve, x.i, b.i)
	return res
}

// solution is what Solve keeps: the factors and their row exchanges.
type solution struct {
	lu     []float64
	pivots []int32
}

var solutions = newKeeper[solution]()

func backSolve(t *Tape, nd *node) {
	f, n, k := nd.kept.(*solution), nd.d[nd.n-2], nd.d[nd.n-1]
	if n == 0 || k == 0 {
		return
	}
	ga, gb := t.gradOf(nd, 0), t.gradOf(nd, 1)
	d, x, p := t.doubles.reuse(n*k), t.doubles.reuse(n*k), t.doubles.reuse(n*n)
	for m := range len(f.lu) / (n * n) {
		widen(d, nd.grad[m*n*k:])
		t.substitute(blas.Trans, matrix(f.lu[m*n*n:], n, n), f.pivots[m*n:(m+1)*n], matrix(d, n, k))
		if gb != nil {
			addNarrow(gb[m*n*k:], d)
		}
		if ga != nil {
			widen(x, nd.data[m*n*k:])
			blas64.Gemm(blas.NoTrans, blas.Trans, -1, matrix(d, n, k), matrix(x, n, k), 0, matrix(p, n, n))
			addNarrow(ga[m*n*n:], p)
		}
	}
	t.doubles.recycle(d)
	t.doubles.recycle(x)
	t.doubles.recycle(p)
}

// factorise makes a the LU factors of x's matrix m, which it holds. Of a matrix
// with NaN or an infinity all becomes NaN.
func (t *Tape) factorise(x Tensor, m int, a blas64.General, pivots []int32) {
	n := a.Rows
	work := t.doubles.reuse(4 * n)
	norm := lapack64.Lange(lapack.MaxColumnSum, a, work)
	if math.IsNaN(norm) || math.IsInf(norm, 1) {
		for i := range a.Data {
			a.Data[i] = math.NaN()
		}
		for i := range pivots {
			pivots[i] = int32(i)
		}
		return
	}
	places := t.indices(2 * n)
	condition := math.Inf(1)
	if lapack64.Getrf(a, places[:n]) {
		condition = 1 / lapack64.Gecon(lapack.MaxColumnSum, a, norm, work, places[n:])
	}
	t.doubles.recycle(work)
	if !(condition <= 1<<52) {
		panic(&SingularError{Op: "Solve", Dims: cloneShapes(x.Dims())[0], Matrix: m, Condition: condition,
			Why: "is singular, or too close to it: add a small multiple of the identity, or drop what depends on the rest"})
	}
	for i, p := range places[:n] {
		pivots[i] = int32(p)
	}
}

// substitute solves with factors, or with the transposed matrix's.
func (t *Tape) substitute(trans blas.Transpose, lu blas64.General, pivots []int32, b blas64.General) {
	places := t.indices(len(pivots))
	for i, p := range pivots {
		places[i] = int(p)
	}
	lapack64.Getrs(trans, lu, b, places)
}

// indices is working memory of the calls to LAPACK, until the next one.
func (t *Tape) indices(n int) []int {
	if cap(t.lapack) < n {
		t.lapack = make([]int, n)
	}
	return t.lapack[:n]
}

// spreadMatrices repeats matrices along leading axes.
func (x Tensor) spreadMatrices(op string, leading shape, rows, columns int) Tensor {
	leading.d[leading.n], leading.d[leading.n+1] = rows, columns
	leading.n += 2
	if leading = makeShape(op, leading.dims()); leading == x.node(op).shape {
		return x
	}
	return x.expandTo(leading)
}

// matrix takes the first rows·columns elements as a matrix.
func matrix(x []float64, rows, columns int) blas64.General {
	return blas64.General{Rows: rows, Cols: columns, Stride: max(columns, 1), Data: x[:rows*columns]}
}

func widen(dst []float64, src []float32) {
	for i := range dst {
		dst[i] = float64(src[i])
	}
}

func narrow(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}

func addNarrow(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] += float32(v)
	}
}
