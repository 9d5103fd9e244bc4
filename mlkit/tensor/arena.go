package tensor

// arena hands out slices of one element type from large blocks and takes them
// all back at once. After a reset that found more than one block, a single
// block of their joint size replaces them, so a steady state touches one
// block and allocates nothing.
type arena[T any] struct {
	blocks [][]T
	block  int // the block in use
	off    int // first free element of it
	free   [][]T
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
				return s
			}
			if a.block+1 < len(a.blocks) {
				a.block, a.off = a.block+1, 0
				continue
			}
		}
		size := minBlock
		if k := len(a.blocks); k > 0 {
			size = 2 * len(a.blocks[k-1])
		}
		// A large request gets a block of its own size: doubling there would
		// waste up to half of the memory of a big batch.
		if need > size/2 {
			size = need
		}
		a.blocks = append(a.blocks, make([]T, size))
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
	for i := len(a.free) - 1; i >= 0; i-- {
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
	if len(a.blocks) > 1 {
		total := 0
		for _, b := range a.blocks {
			total += len(b)
		}
		// Drop the old blocks before the new one is made, so that the
		// collector can reuse their memory.
		clear(a.blocks)
		a.blocks = append(a.blocks[:0], make([]T, total))
	}
	a.block, a.off = 0, 0
	a.free = a.free[:0]
}

// bytes is the memory held, for Tape.Memory.
func (a *arena[T]) elements() int {
	n := 0
	for _, b := range a.blocks {
		n += len(b)
	}
	return n
}
