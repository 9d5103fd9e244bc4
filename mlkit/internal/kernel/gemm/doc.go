// Package gemm multiplies matrices, and packs, transposes and copies blocks of them.
//
// [Gemm] adds up each element of its result as one chain of fused multiply-adds over k, so AVX2,
// AVX-512 and NEON agree bit for bit. (One row times a transposed matrix, and a matrix times one
// column, are sixteen chains and a tree, the same at every level.)
package gemm

//go:generate go run ../gen -family gemm
