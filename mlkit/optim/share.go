package optim

import (
	"fmt"

	"descent/mlkit/tensor"
)

// NewShare is New for one of several ranks that train the same model and share
// the memory of the rule among them (ZeRO's first stage; Rajbhandari et al.,
// 2020): the optimizer holds the state of its own share of the parameters and
// steps only these, by the gradients of all. [Optimizer.Share] says which they
// are; the caller of Step brings the others from their ranks afterwards.
//
// A share is some elements of each parameter where the rule treats each element
// by itself, as Adam does, and else whole parameters, as Muon wants them. The
// bits are those of New. It is an error when a rule cannot be shared: a link of
// the caller's, an average of weights, or one that looks at the updates of all
// parameters after another has changed them.
func NewShare(params []*tensor.Param, rule Rule, rank, ranks int) (*Optimizer, error) {
	if rank < 0 || rank >= ranks {
		panic(fmt.Sprintf("optim: NewShare: rank %d of %d", rank, ranks))
	}
	empty := make([]*tensor.Param, len(params))
	for i, p := range params {
		empty[i] = p.Segment(0, 0)
	}
	narrowed := false
	need, err := needs(rule(empty), &narrowed)
	if err != nil {
		return nil, err
	}
	var shares [][][2]int
	if need == elements {
		shares = byElements(params, ranks)
	} else {
		shares = byParams(params, ranks)
	}
	own := make([]*tensor.Param, len(params))
	for i, p := range params {
		own[i] = p.Segment(shares[rank][i][0], shares[rank][i][1])
	}
	o := New(own, rule)
	o.params, o.shares = params, shares
	o.step.own = shares[rank]
	clear(o.byRows) // rows are of whole parameters
	o.outer = false // so are factors
	return o, nil
}

// Share gives, for each parameter, the first element that a rank steps and the
// one after the last; it is nil for an optimizer made by New.
func (o *Optimizer) Share(rank int) [][2]int {
	if o.shares == nil {
		return nil
	}
	return o.shares[rank]
}

// ByElement reports whether the slot has a number for each element of its
// parameter, or, in an optimizer of NewShare, for each that it steps.
func (s Slot) ByElement() bool { return s.byElement }

// byElements cuts all elements, one parameter after the other, into equal
// shares.
func byElements(params []*tensor.Param, ranks int) [][][2]int {
	total := 0
	for _, p := range params {
		total += p.Size()
	}
	each := (total + ranks - 1) / ranks
	shares := make([][][2]int, ranks)
	for r := range shares {
		at := 0
		for _, p := range params {
			lo, hi := min(max(r*each-at, 0), p.Size()), min(max((r+1)*each-at, 0), p.Size())
			shares[r] = append(shares[r], [2]int{lo, hi})
			at += p.Size()
		}
	}
	return shares
}

// byParams gives each parameter to the rank that has least so far, the largest
// first.
func byParams(params []*tensor.Param, ranks int) [][][2]int {
	shares, held, given := make([][][2]int, ranks), make([]int, ranks), make([]bool, len(params))
	for r := range shares {
		shares[r] = make([][2]int, len(params))
	}
	for range params {
		next := -1
		for i, p := range params {
			if !given[i] && (next < 0 || p.Size() > params[next].Size()) {
				next = i
			}
		}
		to := 0
		for r := range held {
			if held[r] < held[to] {
				to = r
			}
		}
		given[next] = true
		held[to] += params[next].Size()
		shares[to][next] = [2]int{0, params[next].Size()}
	}
	return shares
}

// sight is how much a link looks at to change an element.
type sight int

const (
	elements   sight = iota // the element of the update
	weights                 // and the element of the parameter
	tensors                 // the update of the whole parameter
	pairs                   // and the whole parameter
	everything              // the updates of all parameters
)

// seeing is a stateless link whose sight is known.
type seeing struct {
	stateless
	sees    sight
	factors bool // takes updates as factors
}

func (l seeing) Update(s *Step) {
	if l.sees == weights || l.sees == pairs {
		s.narrow()
	}
	l.stateless(s)
}

func sees(much sight, f func(s *Step)) Rule {
	return func([]*tensor.Param) Link { return seeing{stateless: f, sees: much} }
}

// narrow cuts the updates to the elements that Params hold. Links before it
// have seen them in full.
func (s *Step) narrow() {
	if s.own == nil || s.narrowed {
		return
	}
	for i, u := range s.Updates {
		if u != nil {
			s.Updates[i] = u[s.own[i][0]:s.own[i][1]]
		}
	}
	s.narrowed = true
}

// ownOf is own of the parameters of a group.
func (s *Step) ownOf(m *part) [][2]int {
	if s.own == nil {
		return nil
	}
	m.own = m.own[:0]
	for _, i := range m.index {
		m.own = append(m.own, s.own[i])
	}
	return m.own
}

// needs says whether a link can step some elements of a parameter (elements) or
// must have it as a whole (tensors), and refuses what cannot be shared.
// narrowed tells whether updates are a share by the time that they come to the
// link, and then, when they leave it.
func needs(l Link, narrowed *bool) (sight, error) {
	switch l := l.(type) {
	case told:
		n, err := needs(l.Link, narrowed)
		if err != nil {
			err = fmt.Errorf("%s: %w", l.about, err)
		}
		return n, err
	case chain:
		most := elements
		for _, one := range l {
			n, err := needs(one, narrowed)
			if err != nil {
				return most, err
			}
			most = max(most, n)
		}
		return most, nil
	case applying:
		n, err := needs(l.Link, narrowed)
		*narrowed = true
		return n, err
	case *perParam:
		*narrowed = true
		if l.whole {
			return tensors, nil
		}
		return elements, nil
	case *penalty:
		*narrowed = true
		return elements, nil
	case zeroBlind:
		return needs(l.seeing, narrowed)
	case seeing:
		switch {
		case l.sees == weights:
			*narrowed = true
		case l.sees == pairs:
			*narrowed = true
			return tensors, nil
		case l.sees == tensors && *narrowed:
			return tensors, nil
		case l.sees == everything && *narrowed:
			return elements, fmt.Errorf("looks at the updates of all parameters after a link with memory of its own: put it first, or give each rank the whole state")
		}
		return elements, nil
	case *lookahead:
		n, err := needs(l.Link, narrowed)
		*narrowed = true
		return n, err
	case *skipping:
		if *narrowed {
			return elements, fmt.Errorf("SkipNonFinite after a link with memory of its own sees only a share of the updates: put it around the whole rule")
		}
		n, err := needs(l.Link, narrowed)
		*narrowed = true
		return n, err
	case *grouped:
		most, before := elements, *narrowed
		for k := range l.parts {
			after := before
			n, err := needs(l.parts[k].link, &after)
			if err != nil {
				return most, err
			}
			most = max(most, n)
		}
		*narrowed = true
		return most, nil
	case *averaging:
		return elements, fmt.Errorf("an EMA cannot be shared among ranks, as Swap would exchange only a share of the weights")
	}
	return elements, fmt.Errorf("the link %T is not known to work on a share of the parameters", l)
}
