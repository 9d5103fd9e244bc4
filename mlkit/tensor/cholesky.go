package tensor

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// Cholesky gives the lower triangular L with L·Lᵀ = x of symmetric, positive
// definite matrices [..., n, n], computed in float64 (gonum's LAPACK). A matrix
// that is not positive definite panics with a [*SingularError], one whose
// triangles differ by more than 1e-4 of its largest element with a
// [*ShapeError]; of smaller differences the mean is taken.
//
// The gradient is symmetric, as the matrix is: (G + Gᵀ)/2 with
// G = L⁻ᵀ·Φ(Lᵀ·dL)·L⁻¹, where Φ keeps the lower triangle and half of the
// diagonal (Murray, Differentiation of the Cholesky decomposition, 2016, eq.
// 10; Giles 2008).
func (x Tensor) Cholesky() Tensor {
	const op = "Cholesky"
	in := x.node(op)
	if in.n < 2 || in.d[in.n-1] != in.d[in.n-2] {
		shapePanic(op, -1, "needs square matrices [..., n, n]", x)
	}
	n := in.d[in.n-1]
	y, nd := x.unary(op, backCholesky)
	t := x.t
	src := t.nodes[x.i].data
	l := t.doubles.take(len(src))
	for m := range matrices(len(src), n*n) {
		a, from := l[m*n*n:(m+1)*n*n], src[m*n*n:(m+1)*n*n]
		largest, apart := 0.0, 0.0
		for i := range n {
			for j := range n {
				u, v := float64(from[i*n+j]), float64(from[j*n+i])
				a[i*n+j] = (u + v) / 2
				largest = max(largest, math.Abs(u)) // NaN stays
				apart = max(apart, math.Abs(u-v))
			}
		}
		if math.IsNaN(largest) || math.IsInf(largest, 1) {
			for i := range a {
				a[i] = math.NaN()
			}
		} else if apart > 1e-4*largest {
			shapePanic(op, -1, "the matrices must be symmetric: x.Add(x.Transpose(-2, -1)).Scale(0.5) makes them so", x)
		} else if _, ok := lapack64.Potrf(blas64.Symmetric{N: n, Stride: n, Data: a, Uplo: blas.Lower}); !ok {
			panic(&SingularError{Op: op, Dims: cloneShapes(in.dims())[0], Matrix: m, Condition: math.NaN(),
				Why: "is not positive definite: add a small multiple of the identity"})
		}
		for i := range n {
			clear(a[i*n+i+1 : (i+1)*n])
		}
	}
	narrow(nd.data, l)
	roots.lend(t, nd).l = l
	return y
}

// root is what Cholesky keeps: the result in float64.
type root struct{ l []float64 }

var roots = newKeeper[root]()

func backCholesky(t *Tape, nd *node) {
	n, r, g := nd.d[nd.n-1], nd.kept.(*root), t.gradOf(nd, 0)
	p := t.doubles.reuse(n * n)
	for m := range matrices(len(r.l), n*n) {
		l := blas64.Triangular{N: n, Stride: n, Data: r.l[m*n*n : (m+1)*n*n], Uplo: blas.Lower, Diag: blas.NonUnit}
		widen(p, nd.grad[m*n*n:])
		b := matrix(p, n, n)
		blas64.Trmm(blas.Left, blas.Trans, 1, l, b)
		for i := range n {
			p[i*n+i] /= 2
			clear(p[i*n+i+1 : (i+1)*n])
		}
		blas64.Trsm(blas.Left, blas.Trans, 1, l, b)
		blas64.Trsm(blas.Right, blas.NoTrans, 1, l, b)
		to := g[m*n*n : (m+1)*n*n]
		for i := range n {
			for j := range n {
				to[i*n+j] += float32((p[i*n+j] + p[j*n+i]) / 2)
			}
		}
	}
	t.doubles.recycle(p)
}

// matrices is how many matrices of a size there are, none where they are empty.
func matrices(total, size int) int {
	if size == 0 {
		return 0
	}
	return total / size
}
