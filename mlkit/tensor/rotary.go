package tensor

import (
	"fmt"
	"math"
	"sync"

	"descent/mlkit/internal/kernel/cpu"
)

// Rotary says which columns [Tensor.Rotary] turns, and how far.
type Rotary struct {
	Width int // of a head; even
	// Heads is how many heads are turned, from the first column on; what
	// follows them, such as values beside queries and keys, stays. 0 turns all.
	Heads int
	// Position is that of the first step: what a cache has read already.
	Position int
	Base     float64 // 0 means 10000
	// Adjacent turns columns 2i and 2i+1 together, as the paper and llama.cpp
	// do, instead of i and i+Width/2 (GPT-NeoX, Hugging Face).
	Adjacent bool
}

// Rotary turns pairs of columns by angles that grow with the position: x [...,
// T, columns] gives the same shape. At position p the pair i of a head turns by
// p·Base^(−2i/Width), so that the product of a query and a key depends on the
// distance of their positions alone (Su et al., RoFormer, 2021, eq. 34). It
// panics with a [*ShapeError] when the heads do not fit.
func (x Tensor) Rotary(r Rotary) Tensor { return x.rotary(r, false) }

func (x Tensor) rotary(r Rotary, back bool) Tensor {
	const op = "Rotary"
	n := x.node(op)
	if n.n < 2 || r.Width < 2 || r.Width%2 != 0 || r.Heads < 0 || r.Position < 0 {
		shapePanic(op, -1, fmt.Sprintf("needs [..., T, columns], an even width of a head, and no negative count or position: %+v", r), x)
	}
	if r.Heads == 0 && n.last()%r.Width == 0 {
		r.Heads = n.last() / r.Width
	}
	if r.Heads == 0 || r.Heads > n.last()/r.Width {
		shapePanic(op, -1, fmt.Sprintf("%d heads of %d columns do not fit", r.Heads, r.Width), x)
	}
	y, n := x.unary(op, backRotary)
	k := rotations.lend(x.t, n)
	*k = rotation{Rotary: r, back: back, time: n.d[n.n-2], columns: n.last(), y: n.data, x: x.t.operand(n, 0)}
	k.turns = rotaryTurns(r.Width/2, r.Base, r.Position+k.time)
	k.run(len(n.data))
	return y
}

// rotation is the work of one operation, divided into blocks of rows.
type rotation struct {
	Rotary
	back          bool // turns the other way
	time, columns int
	turns         []float32 // cosine and sine of [position, pair]
	y, x          []float32
	add           bool // to y
}

var rotations = newKeeper[rotation]()

func (k *rotation) run(size int) {
	if size > 0 {
		cpu.Parallel(blocksOf(size/k.columns), k)
	}
}

// Part implements cpu.Task.
func (k *rotation) Part(i int) {
	half := k.Width / 2
	first, step := half, 1 // from a pair's first column to its second, and to the next pair
	if k.Adjacent {
		first, step = 1, 2
	}
	turned := k.Heads * k.Width
	for row := i * blockRows; row < min((i+1)*blockRows, len(k.x)/k.columns); row++ {
		x, y := rows(k.x, row, 1, k.columns), rows(k.y, row, 1, k.columns)
		turns := rows(k.turns, k.Position+row%k.time, 1, k.Width)
		for h := 0; h < turned; h += k.Width {
			for j := range half {
				c, s := turns[2*j], turns[2*j+1]
				if k.back {
					s = -s
				}
				a, b := h+step*j, h+step*j+first
				u, v := x[a]*c-x[b]*s, x[a]*s+x[b]*c
				if k.add {
					u, v = y[a]+u, y[b]+v
				}
				y[a], y[b] = u, v
			}
		}
		for j := turned; j < k.columns; j++ {
			if k.add {
				y[j] += x[j]
			} else {
				y[j] = x[j]
			}
		}
	}
}

func backRotary(t *Tape, n *node) { // the transpose of a rotation is the way back
	k := n.kept.(*rotation)
	k.back, k.x = !k.back, n.grad
	k.y, k.add = t.gradBuffer(n, 0)
	k.run(len(n.grad))
	k.back = !k.back
}

// rotaryTables are the turns of the positions so far, by pairs and base: they
// depend on nothing else.
var rotaryTables struct {
	sync.Mutex
	of map[rotaryKind][]float32
}

type rotaryKind struct {
	half int
	base float64
}

// rotaryTurns are cosine and sine of the angles of at least n positions, [n,
// half, 2].
func rotaryTurns(half int, base float64, n int) []float32 {
	if base == 0 {
		base = 10000
	}
	rotaryTables.Lock()
	defer rotaryTables.Unlock()
	kind := rotaryKind{half, base}
	table := rotaryTables.of[kind]
	have := len(table) / (2 * half)
	if have >= n {
		return table
	}
	n = max(n, 2*have, 64)
	table = append(make([]float32, 0, n*2*half), table...)
	for p := have; p < n; p++ {
		for i := range half {
			sin, cos := math.Sincos(float64(p) * math.Pow(base, -float64(i)/float64(half)))
			table = append(table, float32(cos), float32(sin))
		}
	}
	if rotaryTables.of == nil {
		rotaryTables.of = map[rotaryKind][]float32{}
	}
	rotaryTables.of[kind] = table
	return table
}
