//go:build gen

package main

import (
	"bytes"
	"fmt"
	"strings"
)

// neonRows and neonVecs are the largest tile on arm64: 24 of the 32 registers
// hold it, three a row of B, and five take turns with elements of A.
const neonRows, neonVecs = 8, 3

// gemm writes the kernels of products for arm64. They need more registers than
// the vector machine has names for, so this is text.
func (n *neon) gemm() {
	s := &n.asm
	s.WriteString(`
// func tileNEON(a, b, c *float32, k, rsA, csA, ldb, ldc, rows, vecs, load int)
TEXT ·tileNEON(SB), NOSPLIT, $0-88
	MOVD a+0(FP), R0
	MOVD b+8(FP), R8
	MOVD c+16(FP), R9
	MOVD k+24(FP), R10
	MOVD rsA+32(FP), R11
	MOVD csA+40(FP), R12
	MOVD ldb+48(FP), R13
	MOVD ldc+56(FP), R14
	MOVD rows+64(FP), R15
	MOVD vecs+72(FP), R16
	MOVD load+80(FP), R17
	LSL  $2, R11
	LSL  $2, R12
	LSL  $2, R13
	LSL  $2, R14
`)
	for r := 1; r < neonRows; r++ {
		fmt.Fprintf(s, "\tADD  R11, R%d, R%d\n", r-1, r)
	}
	shapes := []int{3, 1, 0} // 0 is a single column
	for _, v := range shapes {
		fmt.Fprintf(s, "\tCMP  $%d, R16\n\tBEQ  v%d\n", v, v)
	}
	s.WriteString("\tRET\n")
	for _, v := range shapes {
		fmt.Fprintf(s, "\nv%d:\n", v)
		for r := neonRows; r >= 1; r-- {
			fmt.Fprintf(s, "\tCMP  $%d, R15\n\tBEQ  r%dv%d\n", r, r, v)
		}
		s.WriteString("\tRET\n")
		for r := neonRows; r >= 1; r-- {
			neonTile(s, r, v)
		}
	}
	s.WriteString(`
// func dotNEON(x, y *float32, blocks int, sum *[16]float32)
TEXT ·dotNEON(SB), NOSPLIT, $0-32
	MOVD x+0(FP), R0
	MOVD y+8(FP), R1
	MOVD blocks+16(FP), R2
	MOVD sum+24(FP), R3
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	VEOR V3.B16, V3.B16, V3.B16

loop:
	VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1.P 64(R1), [V16.S4, V17.S4, V18.S4, V19.S4]
	VFMLA  V16.S4, V4.S4, V0.S4
	VFMLA  V17.S4, V5.S4, V1.S4
	VFMLA  V18.S4, V6.S4, V2.S4
	VFMLA  V19.S4, V7.S4, V3.S4
	SUBS   $1, R2
	BNE    loop
	VST1   [V0.S4, V1.S4, V2.S4, V3.S4], (R3)
	RET
`)
	n.stubs.WriteString(`
// tileNEON computes one tile of rows rows and 4·vecs columns (one, if vecs is
// 0), without what follows the last k.
//
//go:noescape
func tileNEON(a, b, c *float32, k, rsA, csA, ldb, ldc, rows, vecs, load int)

// dotNEON adds up sixteen chains of products, blocks of each.
//
//go:noescape
func dotNEON(x, y *float32, blocks int, sum *[16]float32)
`)
}

// neonTile writes the code for tiles of rows rows and vecs vectors.
func neonTile(s *bytes.Buffer, rows, vecs int) {
	label := fmt.Sprintf("r%dv%d", rows, vecs)
	n := max(vecs, 1)
	acc := func(r, v int) int { return r*n + v }
	list := func(first int) string {
		var regs []string
		for v := range n {
			regs = append(regs, fmt.Sprintf("V%d.S4", first+v))
		}
		return "[" + strings.Join(regs, ", ") + "]"
	}
	single := vecs == 0
	fmt.Fprintf(s, "\n%s:\n\tMOVD R9, R19\n\tCBZ  R17, %szero\n", label, label)
	for r := range rows {
		if single {
			fmt.Fprintf(s, "\tFMOVS (R19), F%d\n\tADD  R14, R19\n", acc(r, 0))
		} else {
			fmt.Fprintf(s, "\tVLD1.P (R19)(R14), %s\n", list(acc(r, 0)))
		}
	}
	fmt.Fprintf(s, "\tB    %sk\n\n%szero:\n", label, label)
	for i := range rows * n {
		fmt.Fprintf(s, "\tVEOR V%d.B16, V%d.B16, V%d.B16\n", i, i, i)
	}
	fmt.Fprintf(s, "\n%sk:\n", label)
	const b = neonRows * neonVecs
	if single {
		fmt.Fprintf(s, "\tVLD1R.P (R8)(R13), [V%d.S4]\n", b)
	} else {
		fmt.Fprintf(s, "\tVLD1.P (R8)(R13), %s\n", list(b))
	}
	for r := range rows {
		t := b + neonVecs + r%(32-b-neonVecs)
		fmt.Fprintf(s, "\tVLD1R.P (R%d)(R12), [V%d.S4]\n", r, t)
		for v := range n {
			fmt.Fprintf(s, "\tVFMLA V%d.S4, V%d.S4, V%d.S4\n", b+v, t, acc(r, v))
		}
	}
	fmt.Fprintf(s, "\tSUBS $1, R10\n\tBNE  %sk\n\tMOVD R9, R19\n", label)
	for r := range rows {
		if single {
			fmt.Fprintf(s, "\tFMOVS F%d, (R19)\n\tADD  R14, R19\n", acc(r, 0))
		} else {
			fmt.Fprintf(s, "\tVST1.P %s, (R19)(R14)\n", list(acc(r, 0)))
		}
	}
	s.WriteString("\tRET\n")
}
