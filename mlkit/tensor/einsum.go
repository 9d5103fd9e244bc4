package tensor

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Einsum is a sum of products by Einstein's notation (NumPy's and PyTorch's
// einsum): each operand's axes are letters, those that the result lacks are
// summed over.
//
//	tensor.Einsum("ij,jk->ik", a, b)     // matrix product
//	tensor.Einsum("bhqd,bhkd->bhqk", q, k) // attention's scores
//	tensor.Einsum("ii->i", a)            // diagonal
//
// Without "->" the result has the letters that occur once, in the alphabet's
// order. An axis of length 1 does not stretch, and there is no "...". Operands
// are joined from the left, two at a time, by a matrix product.
func Einsum(equation string, xs ...Tensor) Tensor {
	e := einsumOf(equation)
	e.check(xs)
	y := e.diagonal(xs[0], 0)
	for k, j := range e.joins {
		y = j.apply(e, y, e.diagonal(xs[k+1], k+1))
	}
	if e.sum != nil {
		y = y.Sum(e.sum...)
	}
	return y.inOrder(e.order)
}

// einsum is what an equation asks for: worked out once, since steps allocate
// nothing.
type einsum struct {
	equation  string
	in        []string // the letters of each operand
	out       string
	diagonals [][]diagonal  // of each operand
	joins     []contraction // of what there is so far with operands 1, 2, …
	// sum and order are the axes to sum over in the end, and how the others
	// lie.
	sum, order []int
}

var einsums = struct {
	sync.Mutex
	known map[string]*einsum
}{known: map[string]*einsum{}}

func einsumOf(equation string) *einsum {
	einsums.Lock()
	defer einsums.Unlock()
	e := einsums.known[equation]
	if e == nil {
		e = parseEinsum(equation)
		e.plan()
		einsums.known[equation] = e
	}
	return e
}

func (e *einsum) refuse(why string, xs ...Tensor) {
	shapePanic("Einsum", 0, fmt.Sprintf("%q: %s", e.equation, why), xs...)
}

// parseEinsum reads the letters of the operands and of the result.
func parseEinsum(equation string) *einsum {
	left, out, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	e := &einsum{equation: equation, in: strings.Split(left, ","), out: out}
	count := map[rune]int{}
	for _, c := range strings.Join(e.in, "") {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			e.refuse(fmt.Sprintf("%q is not a letter", c))
		}
		count[c]++
	}
	if !explicit {
		var once []rune
		for c, n := range count {
			if n == 1 {
				once = append(once, c)
			}
		}
		slices.Sort(once)
		e.out = string(once)
	}
	for i, c := range e.out {
		if count[c] == 0 || strings.ContainsRune(e.out[:i], c) {
			e.refuse(fmt.Sprintf("%q in the result occurs in no operand, or twice in the result", c))
		}
	}
	return e
}

// check compares the operands with the equation.
func (e *einsum) check(xs []Tensor) {
	if len(e.in) != len(xs) {
		e.refuse(fmt.Sprintf("%d operands are written, %d given", len(e.in), len(xs)), xs...)
	}
	var size [128]int // by letter, plus 1
	for k, letters := range e.in {
		if len(letters) != xs[k].Rank() {
			e.refuse(fmt.Sprintf("operand %d has %d axes", k, xs[k].Rank()), xs...)
		}
		for a, c := range letters {
			n := xs[k].Dim(a)
			if size[c] > 0 && size[c] != n+1 {
				e.refuse(fmt.Sprintf("%q is %d and %d", c, size[c]-1, n), xs...)
			}
			size[c] = n + 1
		}
	}
}

// plan works out the steps.
func (e *einsum) plan() {
	letters := make([]string, len(e.in))
	for k, l := range e.in {
		var ds []diagonal
		letters[k], ds = diagonals(l)
		e.diagonals = append(e.diagonals, ds)
	}
	have := letters[0]
	for k := 1; k < len(letters); k++ {
		later := e.out + strings.Join(letters[k+1:], "")
		var j contraction
		have, j = contract(have, letters[k], later)
		e.joins = append(e.joins, j)
	}
	var kept string
	kept, e.sum = unneeded(have, e.out)
	e.order = inOrder(kept, e.out)
}

// diagonal takes the diagonal of two axes: in the given order they are the
// last, and the diagonal is every (n+1)th element of both. rest is how many
// axes there are beside them.
type diagonal struct {
	order []int
	rest  int
}

func diagonals(letters string) (string, []diagonal) {
	for i := range letters {
		if j := strings.IndexByte(letters[i+1:], letters[i]); j >= 0 {
			j += i + 1
			var d diagonal
			for k := range letters {
				if k != i && k != j {
					d.order = append(d.order, k)
				}
			}
			d.rest = len(d.order)
			d.order = append(d.order, i, j)
			kept, more := diagonals(letters[:i] + letters[i+1:j] + letters[j+1:] + letters[i:i+1])
			return kept, append([]diagonal{d}, more...)
		}
	}
	return letters, nil
}

func (e *einsum) diagonal(x Tensor, operand int) Tensor {
	for _, d := range e.diagonals[operand] {
		x = x.Permute(d.order...)
		s := x.node("Einsum").shape
		n := s.d[d.rest]
		if n == 0 {
			e.refuse("the diagonal of nothing", x)
		}
		s.d[d.rest] = n * n
		x = x.Reshape(s.d[:d.rest+1]...).SliceStep(-1, 0, End, n+1)
	}
	return x
}

// contraction multiplies two operands as matrices: the axes of each are first
// summed where nobody else has them, then brought into the order batch, own,
// shared, the shared ones being summed over. The counts are those of axes.
type contraction struct {
	sumX, sumY, orderX, orderY []int
	batch, own, yours          int
}

func contract(a, b, later string) (letters string, j contraction) {
	a, j.sumX = unneeded(a, b+later)
	b, j.sumY = unneeded(b, a+later)
	var batch, own, yours, shared string
	for _, c := range a {
		switch s := string(c); {
		case !strings.ContainsRune(b, c):
			own += s
		case strings.ContainsRune(later, c):
			batch += s
		default:
			shared += s
		}
	}
	for _, c := range b {
		if !strings.ContainsRune(a, c) {
			yours += string(c)
		}
	}
	j.batch, j.own, j.yours = len(batch), len(own), len(yours)
	j.orderX, j.orderY = inOrder(a, batch+own+shared), inOrder(b, batch+yours+shared)
	return batch + own + yours, j
}

func (j contraction) apply(e *einsum, x, y Tensor) Tensor {
	if j.sumX != nil {
		x = x.Sum(j.sumX...)
	}
	if j.sumY != nil {
		y = y.Sum(j.sumY...)
	}
	x, y = x.inOrder(j.orderX), y.inOrder(j.orderY)
	a, b := x.node("Einsum").shape, y.node("Einsum").shape
	axes := j.batch + j.own + j.yours
	if axes > MaxRank {
		e.refuse(fmt.Sprintf("an intermediate result would have %d axes", axes), x, y)
	}
	out := a
	copy(out.d[j.batch+j.own:], b.d[j.batch:j.batch+j.yours])
	n, m, k, s := SizeOf(a.d[:j.batch]), SizeOf(a.d[j.batch:j.batch+j.own]),
		SizeOf(b.d[j.batch:j.batch+j.yours]), SizeOf(a.d[j.batch+j.own:a.n])
	return x.Reshape(n, m, s).MatMulT(y.Reshape(n, k, s)).Reshape(out.d[:axes]...)
}

// unneeded splits letters into those that occur elsewhere and the axes of the
// others.
func unneeded(letters, elsewhere string) (kept string, axes []int) {
	for i, c := range letters {
		if strings.ContainsRune(elsewhere, c) {
			kept += string(c)
		} else {
			axes = append(axes, i)
		}
	}
	return kept, axes
}

// inOrder is the permutation from one order of letters to another, nil for
// none.
func inOrder(from, to string) (axes []int) {
	if from == to {
		return nil
	}
	for _, c := range to {
		axes = append(axes, strings.IndexRune(from, c))
	}
	return axes
}

func (x Tensor) inOrder(axes []int) Tensor {
	if axes == nil {
		return x
	}
	return x.Permute(axes...)
}
