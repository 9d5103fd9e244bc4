package tensor

// A Param is a value that training changes: a weight, a bias. It owns its
// data, which live as long as it does; a tape sees it through [Tape.Use].
type Param struct {
	// Name is how checkpoints and messages call the parameter, in PyTorch's
	// way ("layers.0.weight"). nn.Params fills it in.
	Name string
	// Data holds the value, row-major. An optimizer writes it between steps;
	// nothing may write it while a tape that uses it is computing.
	Data []float32
	// Frozen parameters are used like any other but get no gradient, so no
	// optimizer changes them (transfer learning).
	Frozen bool
	// Norm, if not nil, normalises the value wherever it is used.
	Norm Norm
	// LowRank, if not nil, is added to that wherever it is used.
	LowRank *LowRank

	dims shape
}

// NewParam makes a parameter of the given dimensions, filled with zeros; the
// initialisers of package nn fill it with something better.
func NewParam(dims ...int) *Param {
	s := makeShape("NewParam", dims)
	return &Param{Data: make([]float32, s.size()), dims: s}
}

// ParamOf makes a parameter that holds data (not a copy). It panics with a
// [*ShapeError] when the dimensions do not multiply to len(data).
func ParamOf(data []float32, dims ...int) *Param {
	s := makeShape("ParamOf", dims)
	if s.size() != len(data) {
		panic(&ShapeError{Op: "ParamOf", Shapes: cloneShapes(dims), Why: lengthWhy(len(data), s.size())})
	}
	return &Param{Data: data, dims: s}
}

// Dims is the parameter's shape. The slice must not be changed.
func (p *Param) Dims() []int { return p.dims.dims() }

// Size is the number of elements.
func (p *Param) Size() int { return len(p.Data) }

// Segment is elements lo to hi of a parameter, for an optimizer that changes
// only these: it has the parameter's memory, name and dimensions, which are
// those of the whole. No tape can use it unless it is the whole.
func (p *Param) Segment(lo, hi int) *Param {
	return &Param{Name: p.Name, Data: p.Data[lo:hi:hi], Frozen: p.Frozen, dims: p.dims}
}

// A Buffer is state of a layer that training changes without a gradient: the
// running mean and variance of batch normalisation. Forward passes read it;
// what they collect is committed after the step (see [Grads.Commit]).
type Buffer struct {
	Name string
	Data []float32
	// Count is the number of commits so far (PyTorch's num_batches_tracked).
	Count int64

	dims shape
}

// NewBuffer makes a buffer of the given dimensions filled with value.
func NewBuffer(value float32, dims ...int) *Buffer {
	s := makeShape("NewBuffer", dims)
	b := &Buffer{Data: make([]float32, s.size()), dims: s}
	for i := range b.Data {
		b.Data[i] = value
	}
	return b
}

// Dims is the buffer's shape. The slice must not be changed.
func (b *Buffer) Dims() []int { return b.dims.dims() }
