// Package int8 multiplies matrices of bytes, and turns float32 into bytes and
// back.
//
// A product is of unsigned bytes, the activations, and signed ones, the
// weights. Its sums are exact in 32 bits, so every processor gives the same
// bits, and so does everything that follows: a sum becomes a float32, is
// multiplied by a scale, gets a bias and is rounded to a byte in single steps,
// none of them fused. One golden file holds for all of them.
//
// # Paths
//
//	AVX-512 VNNI  VPDPBUSD: 64 products an instruction, into 16 sums
//	AVX2          widened to 16 bits, VPMADDWD: 16 products
//	NEON          widened to 16 bits, SMLAL: 4 products
//	plain Go
//
// VPMADDUBSW, which AVX2 also has, takes bytes as they are but saturates at 16
// bits: its sums are wrong where weights and activations are large. The level
// of [cpu.Current] chooses; an AVX-512 without VNNI takes the path of AVX2.
//
// # Layout
//
// Weights are packed once ([Pack]) into panels of 16 columns, in which four
// neighbouring k of a column lie together, as VPDPBUSD wants them: 64 bytes,
// and one vector. The last panel and the last four k are filled up with zeros.
// So what lies behind the end of a row of activations does not matter, and rows
// need no padding, only [Slack] bytes behind the last one.
//
// A row of a product may consist of segments that lie apart. With channels
// last, the window of a convolution is such a row, one segment for each row of
// the kernel, so a convolution is a product of its input as it lies in memory:
// nothing is copied.
package int8

//go:generate go run ../gen -family int8
