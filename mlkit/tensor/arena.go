package tensor

// arena hands out slices of one element type from blocks and takes them all
// back at once. Steps of the same shapes walk through the same blocks in the
// same order, so a steady state allocates nothing.
//
// Blocks grow by a quarter of what there is: doubling would hold up to twice
// the memory that a large batch needs, and joining them into one block after
// the first step would hold both for a moment.
type arena[T any] struct {
	blocks [][]T
	block  int // the block in use
	off    int // first free element of it
	free   [][]T
	floor  int // of free, those before it are not to be handed out: see mark
	held   int // elements in all blocks
	used   int // elements handed out since the reset
	peak   int // the largest used of any step
}

// align keeps every slice on a 64-byte line (16 float32): kernels load whole
// cache lines, and two workers never write to the same one.
const align = 16

const minBlock = 1 << 12

// take returns n elements with whatever they held before.
func (a *arena[T]) take(n int) []T {
	need := (n + align - 1) &^ (align - 1)
	for {
		if a.block < len(a.blocks) {
			b := a.blocks[a.block]
			if a.off+need <= len(b) {
				s := b[a.off : a.off+n : a.off+n]
				a.off += need
				a.used += need
				return s
			}
			if a.block+1 < len(a.blocks) {
				a.block, a.off = a.block+1, 0
				continue
			}
		}
		size := max(need, minBlock, a.held/4)
		a.blocks = append(a.blocks, make([]T, size))
		a.held += size
		a.block, a.off = len(a.blocks)-1, 0
	}
}

// zeroed returns n elements that are zero.
func (a *arena[T]) zeroed(n int) []T {
	s := a.take(n)
	clear(s)
	return s
}

// recycle gives a slice back before the reset: a gradient that has been
// passed on. reuse finds it again for a request of the very same length,
// which is the common case in a network of repeated layers.
func (a *arena[T]) recycle(s []T) { a.free = append(a.free, s) }

func (a *arena[T]) reuse(n int) []T {
	for i := len(a.free) - 1; i >= a.floor; i-- {
		if s := a.free[i]; len(s) == n {
			last := len(a.free) - 1
			a.free[i] = a.free[last]
			a.free = a.free[:last]
			return s
		}
	}
	return a.take(n)
}

func (a *arena[T]) reset() {
	if a.used == 0 && len(a.free) == 0 { // small models feel each of the four arenas
		return
	}
	a.peak = max(a.peak, a.used)
	// Batches that grow leave blocks behind that are too small for anything.
	if len(a.blocks) > 1 && a.held > 2*a.peak+minBlock {
		clear(a.blocks)
		a.blocks = append(a.blocks[:0], make([]T, a.peak))
		a.held = a.peak
	}
	a.block, a.off, a.used, a.floor = 0, 0, 0, 0
	clear(a.free)
	a.free = a.free[:0]
}
