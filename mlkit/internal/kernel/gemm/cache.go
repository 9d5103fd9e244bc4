package gemm

import "descent/mlkit/internal/kernel/cpu"

// blockRows and blockCols bound the blocks of A and of B, for the caches of
// this processor: a block of A fills three quarters of a core's second level,
// one of B half of its share of the third.
var (
	blockRows = min(max(cpu.Caches.L2*3/4/(4*maxKC), 96), maxMC)
	blockCols = min(max(cpu.Caches.L3/2/(4*maxKC), 256), maxNC)
)

// evenly returns the size of blocks, at most limit, that n is cut into so that
// all are about equal. They are whole tiles but for the last.
func evenly(n, limit, tile int) int {
	if n <= limit {
		return n
	}
	blocks := (n + limit - 1) / limit
	size := (n + blocks - 1) / blocks
	return (size + tile - 1) / tile * tile
}
