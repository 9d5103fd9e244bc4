// Package gemm multiplies matrices, and packs, transposes and copies blocks of
// them.
//
// [Gemm] adds up each element of its result as one chain of fused multiply-adds
// over k, so AVX2, AVX-512 and NEON agree bit for bit. (One row times a
// transposed matrix, and a matrix times one column, are sixteen chains and a
// tree, the same at every level. Beyond 8192 products an element is a chain for
// each block of k, the same blocks at every level.) So how a product is cut,
// which the caches and the number of workers decide, cannot change a bit of it.
//
// # Blocks
//
// The innermost kernel computes a column of tiles of C, one below the other,
// that share a panel of B as wide as a tile. Around it a product is cut three
// times, for the three caches (Goto & van de Geijn, Anatomy of High-Performance
// Matrix Multiplication, 2008):
//
//   - k into blocks of at most 512, the same on every processor. Shorter blocks would read and write C
//     more often. With AVX2 a panel of B of that length fills a first-level cache of 32 KB.
//   - rows of A into blocks that fill three quarters of the second-level cache, see [cpu.Caches]. The panels
//     of B go by, and each is fetched once for as many rows as fit.
//   - columns of B into blocks that fill half of a core's share of the third level, at most 1024. They are
//     kept for the blocks of A to come. If there is only one block of A, as for the usual batch, a few panels
//     are packed and used at once, and the next ones take their memory, which is still in the cache.
//
// Operands are packed into panels where that pays; B always if it is
// transposed. Packing reads a matrix row by row, as it lies in memory, and asks
// for rows before their turn: when it took one panel after another, it was a
// tenth to a quarter of the time of a product of 256 × 2048 × 2048. It fills
// eight panels at a time: when it filled all, it was a quarter of the time of
// 768 × 192 × 512. Where chains start from C, the tile kernel asks for the next
// tile of C, else for its own, before it has to be stored: with AVX-512 a
// quarter of the time of 2048 × 2048 × 256 was waiting for lines of C.
//
// Of a few rows times a transposed matrix, a dense layer with a small batch,
// the transpose is computed instead: it reads the weights where they lie. To
// pack them took a third of the time.
//
// Products with a vector and outer products use each element of a matrix once.
// They go along its rows and several workers share them from 131,072 elements
// on, see vectors.go.
//
// A pooled convolution reads its windows in the image, from a list of where
// their elements lie, see [Listed]. To copy them into a matrix of columns took
// a quarter of the time of one image.
//
// # Workers
//
// A large product is cut into a grid of several blocks of C for each worker, as
// long as what they pack twice costs at most 3 %. A worker that is free takes
// the next block. With one block for each, a slow core, or a worker that is
// held up, would delay all others. Workers do not share packed panels: on two
// cores that gained 2 % on products from 650³ on, and the check for it cost the
// smallest products 15 ns each.
package gemm

//go:generate go run ../gen -family gemm
