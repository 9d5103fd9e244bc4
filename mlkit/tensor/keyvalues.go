package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
)

// KeyValues are the keys and values that an attention layer has computed for
// what it has read, kept outside of any tape: a cache for generating one token
// after another (Shazeer, Fast Transformer Decoding, 2019, §2.4). The zero
// value is empty. One goroutine at a time may use it.
type KeyValues struct {
	full                          kept[float32] // [rows, capacity, 2·width]
	halves                        kept[uint16]  // in its place, if narrow: see narrowBlock
	narrow                        bool
	rows, capacity, length, width int
	room                          int // see Reserve
}

// kept is memory for rows of numbers, and that of before they changed places.
type kept[T float32 | uint16] struct{ data, spare []T }

// grow makes room for rows of size numbers, of which used are kept of each, was
// apart.
func (k *kept[T]) grow(rows, size, was, used int) {
	data := make([]T, rows*size)
	for r := range rows {
		copy(data[r*size:], k.data[r*was:][:used])
	}
	k.data = data
}

func (k *kept[T]) reorder(from []int, size, used int) {
	if n := len(from) * size; cap(k.spare) < n {
		k.spare = make([]T, n)
	} else {
		k.spare = k.spare[:n]
	}
	for i, r := range from {
		copy(k.spare[i*size:], k.data[r*size:][:used])
	}
	k.data, k.spare = k.spare, k.data
}

// Narrow lets an empty cache keep numbers of 16 bits (IEEE 754 binary16), half
// the memory. Attention to it rounds queries and weights to 16 bits, too, and
// adds up in the order of llama.cpp on AVX-512, which is another for several
// positions at once than for one. What is beyond ±65504 becomes infinite. It
// panics if the cache has positions.
func (c *KeyValues) Narrow() {
	if c.length > 0 {
		panic(fmt.Sprintf("tensor: KeyValues.Narrow: there are %d positions of 32 bits already", c.length))
	}
	*c = KeyValues{narrow: true, room: c.room}
}

// Len is the number of positions that are kept.
func (c *KeyValues) Len() int { return c.length }

// Rows is the number of sequences.
func (c *KeyValues) Rows() int { return c.rows }

// Reserve lets the cache make room for n positions as soon as it gets memory,
// so that it is copied only once there are more.
func (c *KeyValues) Reserve(n int) { c.room = n }

// Truncate forgets the positions from n on. It panics when there are fewer.
func (c *KeyValues) Truncate(n int) {
	if n < 0 || n > c.length {
		panic(fmt.Sprintf("tensor: KeyValues.Truncate: position %d of %d", n, c.length))
	}
	c.length = n
}

// Reorder makes row i what row from[i] was: rows of a beam go on, stop or fork.
// It panics when there is no such row.
func (c *KeyValues) Reorder(from []int) {
	same := len(from) == c.rows
	for i, r := range from {
		if r < 0 || r >= c.rows {
			panic(fmt.Sprintf("tensor: KeyValues.Reorder: row %d of %d", r, c.rows))
		}
		same = same && i == r
	}
	if same {
		return
	}
	size, used := c.capacity*2*c.width, c.used()*2*c.width
	if c.narrow {
		c.halves.reorder(from, size, used)
	} else {
		c.full.reorder(from, size, used)
	}
	c.rows = len(from)
}

// used is how many positions of a row to copy: whole blocks, if narrow.
func (c *KeyValues) used() int {
	if c.narrow {
		return (c.length + narrowBlock - 1) / narrowBlock * narrowBlock
	}
	return c.length
}

// Append keeps keys and values of T further positions, side by side in x [rows,
// T, 2·width]. An empty cache takes its rows and width from x. It panics with a
// [*ShapeError] when x does not fit.
func (c *KeyValues) Append(x Tensor) {
	n := x.node("KeyValues.Append")
	if n.n != 3 || n.d[2]%2 != 0 || n.d[0] == 0 {
		shapePanic("KeyValues.Append", -1, "keys and values must lie side by side: [rows, T, 2·width]", x)
	}
	c.append("KeyValues.Append", x, 0, n.d[2]/2)
}

// append keeps columns off … off+2·width−1.
func (c *KeyValues) append(op string, x Tensor, off, width int) {
	n := x.node(op)
	if c.length == 0 {
		if c.rows != n.d[0] || c.width != width {
			c.rows, c.width, c.capacity = n.d[0], width, 0
		}
	}
	if c.rows != n.d[0] || c.width != width {
		shapePanic(op, 0, fmt.Sprintf("the cache holds %d rows of width %d", c.rows, c.width), x)
	}
	time, w := n.d[1], 2*width
	if need := c.length + time; need > c.capacity {
		was, used := c.capacity, c.used()
		c.capacity = max(need, 2*c.capacity, c.room, 16)
		if c.narrow {
			c.capacity = (c.capacity + narrowBlock - 1) / narrowBlock * narrowBlock
			c.halves.grow(c.rows, c.capacity*w, was*w, used*w)
		} else {
			c.full.grow(c.rows, c.capacity*w, was*w, used*w)
		}
	}
	for r := range c.rows {
		for i := range time {
			x := n.data[(r*time+i)*n.d[2]+off:][:w]
			if c.narrow {
				c.keepNarrow(r, c.length+i, x)
			} else {
				copy(c.full.data[(r*c.capacity+c.length+i)*w:], x)
			}
		}
	}
	c.length += time
}

// CachedSelfAttention is [Tensor.SelfAttention] of what comes next: x, [rows,
// T, d+2·dkv], holds queries, keys and values of T further positions. Keys and
// values go to the cache; position i sees the cache and the positions 0…i, so
// Causal is understood: [rows, T, d]. The keys of a.Padding, a.Bias and
// a.Relative are the positions of the cache, the new ones included. There is no
// backward pass, so nothing here may need a gradient.
func (x Tensor) CachedSelfAttention(c *KeyValues, a Attend) Tensor {
	const op = "CachedSelfAttention"
	n := x.node(op)
	a.checkHeads(op)
	d, dkv, ok := a.widths(n)
	if !ok {
		shapePanic(op, -1, "queries, keys and values must lie side by side: [rows, T, 3·d]"+a.grouped(), x)
	}
	a.Causal = true
	have := 0
	if c.rows == n.d[0] && c.width == dkv {
		have = c.length
	}
	a.check(op, x, n.d[0], n.d[0], n.d[1], have+n.d[1], d)
	c.append(op, x, d, dkv)
	return x.cachedAttention(op, c, nil, a, d)
}

// CachedAttention is attention of queries x, [rows, T, d], to all that is in
// the cache: [rows, T, d]. from says which row of the cache each row of x
// reads; nil means its own. a.Padding is [rows of the cache, positions];
// a.Causal lets the last query see all. There is no backward pass, so x must
// not need a gradient.
func (x Tensor) CachedAttention(c *KeyValues, from []int, a Attend) Tensor {
	const op = "CachedAttention"
	n := x.node(op)
	a.checkHeads(op)
	if n.n != 3 || n.d[2]*a.KVHeads != c.width*a.Heads || from == nil && n.d[0] != c.rows ||
		from != nil && len(from) != n.d[0] {
		shapePanic(op, 0, fmt.Sprintf("the cache holds %d rows of width %d, and %d rows are to be read", c.rows, c.width, len(from))+a.grouped(), x)
	}
	for _, r := range from {
		if r < 0 || r >= c.rows {
			shapePanic(op, 0, fmt.Sprintf("row %d of a cache of %d", r, c.rows), x)
		}
	}
	a.check(op, x, n.d[0], c.rows, n.d[1], c.length, n.d[2])
	return x.cachedAttention(op, c, from, a, n.d[2])
}

func (x Tensor) cachedAttention(op string, c *KeyValues, from []int, at Attend, d int) Tensor {
	t := x.t
	y, n := t.push(op)
	nx := &t.nodes[x.i]
	batch, tq, ld := nx.d[0], nx.d[1], nx.d[2]
	if nx.needs || at.learns() {
		panic("tensor: " + op + ": there is no way back through a cache; use an evaluation tape (NewEvalTape)")
	}
	a := attentions.lend(t, n)
	*a = at.start(t, batch, tq, c.length, d, false)
	a.from = from
	a.x[0], a.ld[0], a.sample[0] = nx.data, ld, tq*ld
	parts := a.parts(batch)
	if c.narrow {
		a.narrow, parts = c, min(parts, batch*at.KVHeads)
	} else {
		for k := 1; k <= 2; k++ {
			a.x[k] = c.full.data[min((k-1)*c.width, len(c.full.data)):]
			a.ld[k], a.sample[k] = 2*c.width, c.capacity*2*c.width
		}
	}
	a.y = t.floats.take(batch * tq * d)
	n.data, n.shape = a.y, shape{n: 3, d: [MaxRank]int{batch, tq, d}}
	if c.length > 0 {
		cpu.Parallel(parts, a)
	}
	return y
}
