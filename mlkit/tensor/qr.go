package tensor

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// QR decomposes matrices [..., m, n] into Q·R, with k = min(m, n) orthonormal
// columns in Q, [..., m, k], and R, [..., k, n], zero below its diagonal:
// PyTorch's mode "reduced". The signs are LAPACK's (Householder reflections),
// so R's diagonal may be negative. It is computed in float64.
//
// The gradient of a tall matrix is (dQ + Q·S)·R⁻ᵀ, where S is the symmetric
// matrix that agrees with R·dRᵀ − dQᵀ·Q in the lower triangle (Walter &
// Lehmann, Algorithmic Differentiation of Linear Algebra Functions with
// Application in Optimum Experimental Design, 2010; Walter, Lehmann & Lamour,
// On evaluating higher-order derivatives of the QR decomposition, 2018). Of a
// wide one it follows from the first m columns, Q·Rₘ, and from R's other
// columns, Qᵀ·x. It exists where the first k columns are independent: others
// panic with a [*SingularError] when a gradient is wanted.
func (x Tensor) QR() (q, r Tensor) {
	const op = "QR"
	in := x.node(op)
	if in.n < 2 {
		shapePanic(op, -1, "needs matrices [..., m, n]", x)
	}
	m, n := in.d[in.n-2], in.d[in.n-1]
	if m < n {
		q, r = x.Slice(-1, 0, m).QR()
		return q, Concat(-1, r, q.Transpose(-2, -1).MatMul(x.Slice(-1, m, n)))
	}
	t := x.t
	s := in.shape.with(in.n-2, m+n)
	s = makeShape(op, s.dims())
	y := t.floats.take(s.size()) // Q above R
	count := matrices(s.size(), (m+n)*n)
	both := t.doubles.take(s.size())
	const block = 32
	work, tau := t.doubles.reuse((block+3)*n), t.doubles.reuse(n)
	for k := range count {
		a := matrix(both[k*(m+n)*n:], m, n)
		upper := both[k*(m+n)*n+m*n : (k+1)*(m+n)*n]
		widen(a.Data, in.data[k*m*n:])
		if sum := blas64.Asum(blas64.Vector{N: m * n, Inc: 1, Data: a.Data}); math.IsNaN(sum) || math.IsInf(sum, 1) {
			for i := range both[k*(m+n)*n : (k+1)*(m+n)*n] {
				both[k*(m+n)*n+i] = math.NaN()
			}
			continue
		}
		lapack64.Geqrf(a, tau, work, block*n)
		for i := range n {
			clear(upper[i*n : i*n+i])
			copy(upper[i*n+i:(i+1)*n], a.Data[i*n+i:(i+1)*n])
		}
		if in.needs {
			condition := 1 / lapack64.Trcon(lapack.MaxColumnSum, triangle64(upper, n), work, t.indices(n))
			if !(condition <= 1<<52) {
				panic(&SingularError{Op: op, Dims: cloneShapes(in.dims())[0], Matrix: k, Condition: condition,
					Why: "has columns that depend on each other, where the decomposition has no gradient: Detach it, or drop what depends on the rest"})
			}
		}
		lapack64.Orgqr(a, tau, work, block*n)
	}
	t.doubles.recycle(work)
	t.doubles.recycle(tau)
	narrow(y, both)
	res, nd := t.push(op)
	nd.data, nd.shape = y, s
	factorisations.lend(t, nd).qr = both
	nd.record(t, backQR, x.i)
	return res.Slice(-2, 0, m), res.Slice(-2, m, m+n)
}

// factorisation is what QR keeps: the result in float64.
type factorisation struct{ qr []float64 }

var factorisations = newKeeper[factorisation]()

func backQR(t *Tape, nd *node) {
	f, g := nd.kept.(*factorisation), t.gradOf(nd, 0)
	n := nd.d[nd.n-1]
	m := nd.d[nd.n-2] - n
	d, s := t.doubles.reuse((m+n)*n), t.doubles.reuse(n*n)
	for k := range matrices(len(f.qr), (m+n)*n) {
		both := f.qr[k*(m+n)*n : (k+1)*(m+n)*n]
		q, r := matrix(both, m, n), matrix(both[m*n:], n, n)
		widen(d, nd.grad[k*(m+n)*n:])
		dq, dr := matrix(d, m, n), matrix(d[m*n:], n, n)
		sym := matrix(s, n, n)
		blas64.Gemm(blas.NoTrans, blas.Trans, 1, r, dr, 0, sym)
		blas64.Gemm(blas.Trans, blas.NoTrans, -1, dq, q, 1, sym)
		for i := range n {
			for j := range i {
				s[j*n+i] = s[i*n+j]
			}
		}
		blas64.Gemm(blas.NoTrans, blas.NoTrans, 1, q, sym, 1, dq)
		blas64.Trsm(blas.Right, blas.Trans, 1, triangle64(r.Data, n), dq)
		addNarrow(g[k*m*n:], dq.Data)
	}
	t.doubles.recycle(d)
	t.doubles.recycle(s)
}

// triangle64 is the upper triangle of a matrix.
func triangle64(x []float64, n int) blas64.Triangular {
	return blas64.Triangular{N: n, Stride: max(n, 1), Data: x, Uplo: blas.Upper, Diag: blas.NonUnit}
}
