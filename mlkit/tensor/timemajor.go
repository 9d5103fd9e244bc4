package tensor

import "descent/mlkit/internal/kernel/elementwise"

// TimeMajor turns a batch of sequences, [batch, time, features], into steps,
// [time, batch, features]. Steps beyond a sequence's length (none: an empty
// Ints) become zeros, whatever they held, and get no gradient.
func (x Tensor) TimeMajor(lengths Ints) Tensor {
	const op = "TimeMajor"
	n := x.node(op)
	if n.n != 3 {
		shapePanic(op, 0, "a batch of sequences must be [batch, time, features]", x)
	}
	batch, time, f := n.d[0], n.d[1], n.d[2]
	l := checkLengths(op, lengths, batch, time)
	t := x.t
	y := t.floats.take(len(n.data))
	for b := range batch {
		for s := range time {
			d := y[(s*batch+b)*f:][:f]
			if within(l, b, s) {
				copy(d, n.data[(b*time+s)*f:])
			} else {
				clear(d)
			}
		}
	}
	res, m := t.push(op)
	m.data, m.shape = y, shape{n: 3, d: [MaxRank]int{time, batch, f}}
	turned.lend(t, m).lengths = l
	m.record(t, backTimeMajor, x.i)
	return res
}

func backTimeMajor(t *Tape, n *node) {
	time, batch, f := n.d[0], n.d[1], n.d[2]
	g, lengths := t.gradOf(n, 0), n.kept.(*directions).lengths
	for b := range batch {
		for s := range end(lengths, b, time) {
			d := g[(b*time+s)*f:][:f]
			elementwise.Add(d, d, n.grad[(s*batch+b)*f:][:f])
		}
	}
}

// JoinDirections puts the outputs of a forward and of a reverse pass, [time,
// batch, hidden] each, beside each other: [time, batch, 2·hidden], or [batch,
// time, 2·hidden] if batchFirst is set. reverse may be the zero Tensor. Steps
// beyond a sequence's length (none: an empty Ints) become zeros.
func (x Tensor) JoinDirections(reverse Tensor, batchFirst bool, lengths Ints) Tensor {
	const op = "JoinDirections"
	n := x.node(op)
	if n.n != 3 {
		shapePanic(op, 0, "the outputs of a pass must be [time, batch, hidden]", x)
	}
	time, batch, h := n.d[0], n.d[1], n.d[2]
	x.operandShape(op, "the reverse pass", reverse, time, batch, h)
	l := checkLengths(op, lengths, batch, time)
	j := directions{time: time, batch: batch, h: h, width: h, lengths: l, stepRow: batch, batchRow: 1}
	if reverse.t != nil {
		j.width = 2 * h
	}
	s := shape{n: 3, d: [MaxRank]int{time, batch, j.width}}
	if batchFirst {
		j.stepRow, j.batchRow = 1, time
		s.d[0], s.d[1] = batch, time
	}
	t := x.t
	y := t.floats.take(s.size())
	j.gather(y, n.data)
	if reverse.t != nil {
		j.gather(y[min(h, len(y)):], reverse.node(op).data)
	}
	res, m := t.push(op)
	m.data, m.shape = y, s
	*turned.lend(t, m) = j
	m.record(t, backJoinDirections, x.i, optional(reverse))
	return res
}

func backJoinDirections(t *Tape, n *node) {
	j := n.kept.(*directions)
	for k := range j.width / max(j.h, 1) {
		if g, acc := t.gradBuffer(n, k); g != nil {
			j.scatter(g, n.grad[min(k*j.h, len(n.grad)):], acc)
		}
	}
}

// directions moves rows of h elements between [time, batch, h] and rows of
// width elements, in which neighbouring steps and sequences are some rows
// apart.
type directions struct {
	time, batch, h, width int
	stepRow, batchRow     int
	lengths               []int32
}

// turned lends directions, of which TimeMajor needs the lengths only.
var turned = newKeeper[directions]()

func (j *directions) gather(y, x []float32) {
	for s := range j.time {
		for b := range j.batch {
			d := y[(s*j.stepRow+b*j.batchRow)*j.width:][:j.h]
			if within(j.lengths, b, s) {
				copy(d, x[(s*j.batch+b)*j.h:])
			} else {
				clear(d)
			}
		}
	}
}

func (j *directions) scatter(g, dy []float32, accumulate bool) {
	for s := range j.time {
		for b := range j.batch {
			d := g[(s*j.batch+b)*j.h:][:j.h]
			y := dy[(s*j.stepRow+b*j.batchRow)*j.width:][:j.h]
			switch in := within(j.lengths, b, s); {
			case in && accumulate:
				elementwise.Add(d, d, y)
			case in:
				copy(d, y)
			case !accumulate:
				clear(d)
			}
		}
	}
}

// within reports whether a step lies within a sequence.
func within(lengths []int32, b, step int) bool { return lengths == nil || step < int(lengths[b]) }

// end is a sequence's true length.
func end(lengths []int32, b, time int) int {
	if lengths == nil {
		return time
	}
	return int(lengths[b])
}
