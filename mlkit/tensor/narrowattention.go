package tensor

import "descent/mlkit/internal/kernel/blocks"

// narrowBlock is how many positions a block of a cache of 16 bits has: their
// keys, [narrowBlock, width], and behind them their values, [width,
// narrowBlock], so that attention reads neighbours of both.
const narrowBlock = 64

// narrowQueries is how many queries of a head are worked on at a time.
const narrowQueries = 8

// block is where the block with a position of a row begins.
func (c *KeyValues) block(row, position int) []uint16 {
	return c.halves.data[(row*c.capacity+position/narrowBlock*narrowBlock)*2*c.width:]
}

// keepNarrow keeps the keys and values x of a position.
func (c *KeyValues) keepNarrow(row, position int, x []float32) {
	block, at := c.block(row, position), position%narrowBlock
	blocks.Narrow(block[at*c.width:][:c.width], x[:c.width])
	values := block[narrowBlock*c.width:]
	var some [64]uint16
	for from := 0; from < c.width; from += len(some) {
		n := min(len(some), c.width-from)
		blocks.Narrow(some[:n], x[c.width+from:][:n])
		for i, v := range some[:n] {
			values[(from+i)*narrowBlock+at] = v
		}
	}
}

// narrowPart is Part for a cache of 16 bits: a head of keys and values, with
// the heads of queries that share it.
func (a *attention) narrowPart(part int) {
	c, groups := a.narrow, a.heads/a.shared
	b, g := part/groups, part%groups
	dh, row := a.width/a.heads, a.reads(b)
	most := a.shared * min(narrowQueries, a.tq)
	w := workspace(most*(dh+a.tk) + max(dh, a.tk+narrowBlock))
	defer workspaces.Put(w)
	free := carve(*w)
	q, scores := free.take(most*dh), free.take(most*a.tk)
	wide := free
	dot := blocks.Dot
	if a.tq > 1 {
		dot = blocks.DotTogether
	}
	for first := 0; first < a.tq; first += narrowQueries {
		queries := a.shared * min(narrowQueries, a.tq-first)
		for k := range queries {
			x := a.head(0, b, g*a.shared+k%a.shared)[(first+k/a.shared)*a.ld[0]:]
			copy(q[k*dh:][:dh], x)
		}
		blocks.RoundHalves(q[:queries*dh])
		tk := a.seen(b, first+(queries-1)/a.shared)
		for j := range tk {
			blocks.Widen(wide[:dh], c.block(row, j)[j%narrowBlock*c.width+g*dh:][:dh])
			for k := range queries {
				scores[k*a.tk+j] = dot(wide[:dh], q[k*dh:][:dh]) * a.scale()
			}
		}
		for k := range queries {
			i := first + k/a.shared
			p := scores[k*a.tk:][:a.seen(b, i)]
			a.normalize(p, b, g*a.shared+k%a.shared, i)
			blocks.RoundHalves(p)
		}
		for d := range dh {
			for j := 0; j < tk; j += narrowBlock {
				blocks.Widen(wide[j:][:narrowBlock], c.block(row, j)[(c.width+g*dh+d)*narrowBlock:][:narrowBlock])
			}
			for k := range queries {
				i := first + k/a.shared
				seen := a.seen(b, i)
				a.y[(b*a.tq+i)*a.width+(g*a.shared+k%a.shared)*dh+d] = dot(wide[:seen], scores[k*a.tk:][:seen])
			}
		}
	}
}
