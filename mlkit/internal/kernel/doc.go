// Package kernel holds the kernels, the arithmetic of mlkit: flat slices in,
// flat slices out. It is the only place that knows the CPU. Its packages are
// families, so that a reader meets a dozen files at a time, and so that the
// compiler keeps the arrows between them:
//
//	cpu ← gemm ← conv, sparse
//	cpu ← elementwise ← rowwise ← conv
//	cpu ← random
//	cpu ← int8
//	cpu ← blocks
//
// (kerneltest holds what their tests share, gen writes the assembly.)
//
// Every kernel has a reference, a function in plain Go whose name ends in Go.
// On amd64 the hot ones also have an AVX2+FMA and an AVX-512 version, on arm64
// the element-wise ones, sums, softmax, layer norm, recurrent cells, updates
// and products have one for NEON, with the same roundings. int8's products take
// VNNI where AVX-512 has it. The function with
// the bare name runs the one for [cpu.Current]: gen writes it, and there is no
// other way to choose. The build tag noasm, and every other architecture, take
// the references.
//
// Results do not depend on the number of workers: work is cut into parts whose
// number and borders follow from the shapes alone (or, for the blocks of a
// product, cannot matter), and each part writes its own piece of the output.
//
// Callers pass consistent sizes: the packages above check shapes and say which
// operation failed. The checks here (lengths, overflow of int) are the last
// line of defence before assembly, and panic.
//
// # Adding a kernel
//
// Write its reference in the package of its family (portable.go), an entry in
// the list of the family in gen (name, signature, where it runs, body for the
// vector machine; an element-wise one has only a name, an unrolling, its number
// of scalars and the body), and run go generate in the family's folder. Then
// call it by its name. An element-wise one also gets an exported function and a
// case in elem_test.go, which finds those that have none; what runs over rows
// or ranges takes a [cpu.Job].
//
// This package itself is empty: it has the tests that look at all families.
package kernel
