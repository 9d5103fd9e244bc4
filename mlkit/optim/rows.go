package optim

import "descent/mlkit/tensor"

// A rowLink can work with an update of parameter i that holds only the rows
// that a batch has looked up. It then changes parameter and state exactly as
// the whole update would, unless its name says otherwise (LazyAdam). All other
// links get gradients in full.
type rowLink interface{ takesRows(i int) bool }

func takesRows(l Link, i int) bool {
	r, ok := l.(rowLink)
	return ok && r.takesRows(i)
}

func (c chain) takesRows(i int) bool {
	for _, l := range c {
		if !takesRows(l, i) {
			return false
		}
	}
	return true
}

func (l *perParam) takesRows(int) bool  { return l.rows != nil }
func (l told) takesRows(i int) bool     { return takesRows(l.Link, i) }
func (a applying) takesRows(i int) bool { return takesRows(a.Link, i) }

// The wrappers look at whole parameters, never at their updates.
func (l *lookahead) takesRows(i int) bool { return takesRows(l.Link, i) }
func (a *averaging) takesRows(i int) bool { return takesRows(a.Link, i) }
func (k *skipping) takesRows(i int) bool  { return takesRows(k.Link, i) }

func (g *grouped) takesRows(i int) bool {
	for k := range g.parts {
		for j, of := range g.parts[k].index {
			if of == i {
				return takesRows(g.parts[k].link, j)
			}
		}
	}
	return false
}

func (p *penalty) takesRows(i int) bool { return !p.on[i] }

// zeroBlind is a stateless link that ignores the zeros of an update: it does
// the same to some rows as to all.
type zeroBlind struct{ seeing }

func (zeroBlind) takesRows(int) bool { return true }

// factors are a column and a row whose product is an update, which is not
// there in full (see [tensor.Grads.Outer]).
type factors struct{ column, row []float32 }

// A factorLink can work with updates of all parameters that come as factors.
// It must be the whole rule: no link before it would see such an update.
type factorLink interface{ takesFactors() bool }

func takesFactors(l Link) bool {
	f, ok := l.(factorLink)
	return ok && f.takesFactors()
}

func (l told) takesFactors() bool { return takesFactors(l.Link) }

// byFactors is byRows for a last link that can do with factors, too.
func byFactors(f func(s *Step)) Rule {
	return func([]*tensor.Param) Link { return zeroBlind{seeing{stateless: f, sees: weights, factors: true}} }
}

func (l zeroBlind) takesFactors() bool { return l.factors }

// outer is the factors of update i, if it comes as such.
func (s *Step) outer(i int) factors {
	if !s.sparse || s.factors == nil {
		return factors{}
	}
	return s.factors[i]
}

// at is the rows that update i holds, nil for all.
func (s *Step) at(i int) []int32 {
	if !s.sparse {
		return nil
	}
	return s.rows[i]
}

// width is the number of elements of a parameter's row.
func width(p *tensor.Param) int { return p.Size() / max(1, p.Dims()[0]) }
