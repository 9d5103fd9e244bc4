package tensor

import (
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// paramSum adds up the gradient of a parameter over the rows of a batch, which
// come some at a time. Of very many rows it is the sum of the sums of blocks:
// one number that a million are added to one after another loses digits (see
// rowwise.SumBlocks).
type paramSum struct {
	g     []float32 // nil: not wanted
	add   bool      // g holds something to add to
	block []float32 // the sum of the present block; nil where rows are few
	held  int       // rows in block
}

const (
	manyRows  = 1 << 13
	rowsBlock = 1 << 10
)

// paramSum is for rows rows in all and for a gradient that may be new, which
// gradBuffer tells.
func (t *Tape) paramSum(g []float32, add bool, rows int) paramSum {
	p := paramSum{g: g, add: add}
	if g != nil && rows > manyRows {
		p.inBlocks(t)
	}
	return p
}

func (p *paramSum) inBlocks(t *Tape) {
	p.block = t.floats.reuse(len(p.g))
	if !p.add {
		clear(p.g)
	}
}

// product adds aᵀ·b, [M, N] of K rows each.
func (p *paramSum) product(k *gemm.Gemm, a, b []float32) {
	if p.g == nil {
		return
	}
	k.TransA, k.Accumulate = true, p.add
	to := p.g
	if p.block != nil {
		to, k.Accumulate = p.block, p.held > 0
	}
	k.Run(to, a, b)
	p.added(k.K)
}

// rows adds the sums of columns of rows rows, ld apart.
func (p *paramSum) rows(x []float32, rows, ld int) {
	if p.g == nil {
		return
	}
	to := p.g
	if p.block != nil {
		if to = p.block; p.held == 0 {
			clear(to)
		}
	} else if !p.add {
		clear(to)
	}
	rowwise.AddRowsWide(to, x, rows, ld)
	p.added(rows)
}

func (p *paramSum) added(rows int) {
	if p.block == nil {
		p.add = true
		return
	}
	if p.held += rows; p.held >= rowsBlock {
		p.flush()
	}
}

func (p *paramSum) flush() {
	if p.held > 0 {
		elementwise.Add(p.g, p.g, p.block)
		p.held = 0
	}
}

// done delivers what is left.
func (p *paramSum) done(t *Tape) {
	if p.block != nil {
		p.finish(t)
	}
}

func (p *paramSum) finish(t *Tape) {
	p.flush()
	t.floats.recycle(p.block)
}
