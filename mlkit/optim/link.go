package optim

import (
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// perParam is a link that treats each parameter by itself. Its memory is made
// in full when the link is built, so that loading a checkpoint finds it.
type perParam struct {
	params []*tensor.Param
	slots  []Slot
	steps  [][]float32
	tmp    []float32
	final  bool // each changes the parameters, not the updates
	whole  bool // each must see a parameter as a whole, not some of its elements
	each   func(s *Step, i int, u []float32, t float64)
	// rows is each for an update of the rows at; nil: it must see all rows.
	rows func(s *Step, i int, u []float32, at []int32, t float64)
}

// State lists the link's memory.
func (l *perParam) State() []Slot { return l.slots }

// Update calls each for the parameters that have a gradient, with the number
// of their steps from 1 if it is counted.
func (l *perParam) Update(s *Step) {
	s.narrow()
	for i, u := range s.Updates {
		if u == nil {
			continue
		}
		t := 0.0
		if l.steps != nil {
			l.steps[i][0]++
			t = float64(l.steps[i][0])
		}
		if len(u) == 0 { // the share of others
			continue
		}
		if at := s.at(i); at != nil {
			l.rows(s, i, u, at, t)
		} else {
			l.each(s, i, u, t)
		}
	}
	s.Applied = s.Applied || l.final
}

// buffers makes memory of each parameter's size.
func (l *perParam) buffers(name string) [][]float32 {
	b := l.memory(name, 0, func(p *tensor.Param) int { return p.Size() })
	for i := len(l.slots) - len(b); i < len(l.slots); i++ {
		l.slots[i].byElement = true
	}
	return b
}

// scalars makes memory of one number a parameter.
func (l *perParam) scalars(name string, start float32) [][]float32 {
	return l.memory(name, start, func(*tensor.Param) int { return 1 })
}

func (l *perParam) memory(name string, start float32, size func(*tensor.Param) int) [][]float32 {
	b := make([][]float32, len(l.params))
	for i, p := range l.params {
		b[i] = make([]float32, size(p))
		elementwise.Fill(b[i], start)
		l.slots = append(l.slots, Slot{Name: name, Param: i, Data: b[i]})
	}
	return b
}

// blockLen is how many parameters a chain of kernels works on at a time: few
// enough that what one kernel writes is in the first-level cache for the next.
const blockLen = 1 << 10

// blocks calls f for blocks of n parameters, with working memory of a block.
func (l *perParam) blocks(n int, f func(lo, hi int, tmp []float32)) {
	if l.tmp == nil {
		l.tmp = make([]float32, blockLen)
	}
	for lo := 0; lo < n; lo += blockLen {
		hi := min(lo+blockLen, n)
		f(lo, hi, l.tmp[:hi-lo])
	}
}

// counted makes a link that counts the steps of each parameter by itself, as
// PyTorch does: one that joins late, or is used now and then, has its own bias
// correction.
func counted(ps []*tensor.Param) *perParam {
	l := &perParam{params: ps}
	l.steps = l.scalars("step", 0)
	return l
}
