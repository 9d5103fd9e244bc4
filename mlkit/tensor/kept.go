package tensor

// What an operation keeps from its forward pass for its backward pass, beside
// operands and result, is a struct of its own: a convolution its geometry, a
// dropout its random key, attention the whole of its work. A keeper, one for
// each kind, lends such structs to nodes until Reset and then takes them back,
// so that steps after the first allocate none.

// A keeper lends structs of type T.
type keeper[T any] struct{ kind int }

var kinds int // how many keepers there are

func newKeeper[T any]() keeper[T] {
	kinds++
	return keeper[T]{kinds - 1}
}

// lend gives the node a struct that is all zeros, its own until Reset; its
// backward function finds it as n.kept.
func (k keeper[T]) lend(t *Tape, n *node) *T {
	l, _ := t.loans[k.kind].(*loans[T])
	if l == nil {
		l = new(loans[T])
		t.loans[k.kind] = l
	}
	if l.out == 0 {
		t.lent = append(t.lent, l)
	}
	if l.out == len(l.all) {
		l.all = append(l.all, new(T))
	}
	v := l.all[l.out]
	l.out++
	n.kept = v
	return v
}

// loans are a tape's structs of one kind; the first out of them are in use.
type loans[T any] struct {
	all []*T
	out int
}

// takeBack empties the structs in use: they let go of memory that is not the
// tape's.
func (l *loans[T]) takeBack() {
	var zero T
	for _, v := range l.all[:l.out] {
		*v = zero
	}
	l.out = 0
}
