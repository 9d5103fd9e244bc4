package tensor

// An Operation is one entry of a tape's record, as [Tape.Operations] shows it.
type Operation struct {
	Name string
	Dims []int // of the result; it belongs to the tape
	// Params are the parameters among the operands, as they are or after
	// operations on parameters alone (a transposed weight). Inside of a
	// [Tape.Group] it is the group's parameter.
	Params []*Param
	// View says that the result shares its operand's memory.
	View bool
}

// Group marks what the tape has recorded since its length was from (see
// [Tape.Len]) as the inside of the layer that p belongs to. A summary then
// shows a layer of several operations as one.
func (t *Tape) Group(from int, p *Param) {
	t.groups = append(t.groups, group{from, len(t.nodes), p})
}

type group struct {
	from, to int
	p        *Param
}

// Operations lists what the tape has computed since Reset, in order: without
// inputs and parameters, and without what was computed from parameters alone.
// It is for summaries and drawings, and allocates.
func (t *Tape) Operations() []Operation {
	var ops []Operation
	from := make([][]*Param, len(t.nodes)) // of values made of parameters alone
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.param != nil {
			from[i] = []*Param{n.param}
			continue
		}
		o := Operation{Name: n.op, Dims: n.dims()}
		operands, alone := 0, true
		visit := func(k int32) {
			if k < 0 {
				return
			}
			operands++
			o.Params = append(o.Params, from[k]...)
			alone = alone && from[k] != nil
			if a, b := t.nodes[k].data, n.data; len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] {
				o.View = true
			}
		}
		for _, k := range n.in {
			visit(k)
		}
		for _, k := range n.more {
			visit(k)
		}
		switch {
		case operands == 0: // an input
		case alone && !n.picked: // what is picked by ids is data
			from[i] = o.Params
		default:
			for _, g := range t.groups {
				if i >= g.from && i < g.to {
					o.Params = []*Param{g.p}
				}
			}
			ops = append(ops, o)
		}
	}
	return ops
}
