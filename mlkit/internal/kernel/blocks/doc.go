// Package blocks multiplies the quantized weights of GGUF files with
// activations as they are in the file: rows of blocks of 32 numbers, which
// share a scale of 16 bits (llama.cpp's Q8_0, Q4_0 and Q4_1). The activations
// are quantized to 8 bits in blocks, too, so that the products of a block are
// sums of integers, and exact. Only their scaled sums are floats; they are
// added up in one order, with the roundings of llama.cpp on AVX2, by every
// version of the kernels: results have the same bits everywhere.
//
// The rest that a quantized model needs, numbers of 16 bits, softmax and
// SwiGLU, follows llama.cpp on AVX-512 in the same way, so that a model writes
// what it writes there.
package blocks

//go:generate go run ../gen -family blocks
