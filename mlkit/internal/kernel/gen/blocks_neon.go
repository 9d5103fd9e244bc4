//go:build gen

package main

import "fmt"

// blocks writes the kernels of quantized blocks and of halves for arm64.
func (n *neon) blocks() {
	n.structs = true
	n.blockDots("dotsQ80", 34, func(w func(string, int, ...int)) {
		n.line("ADD $2, R1, R9")
		n.line("VLD1 (R9), [V4.B16, V5.B16]")
	})
	n.blockDots("dotsQ40", 18, func(w func(string, int, ...int)) {
		n.line("ADD $2, R1, R9")
		n.nibbles()
		w("sub", 4, 4, 30)
		w("sub", 5, 5, 30)
	})
	n.blockDots("dotsQ41", 20, func(w func(string, int, ...int)) {
		n.line("ADD $4, R1, R9")
		n.nibbles()
	})
	n.halves()
}

// nibbles loads 32 numbers of 4 bits to V4, the low halves of 16 bytes, and V5.
func (n *neon) nibbles() {
	n.line("VLD1 (R9), [V5.B16]")
	n.line("VAND V31.B16, V5.B16, V4.B16")
	n.line("VUSHR $4, V5.B16, V5.B16")
}

// word writes an instruction that Go's assembler lacks: registers d, a, b.
func (n *neon) word(codes map[string]uint32) func(op string, d int, s ...int) {
	return func(op string, d int, s ...int) {
		code, ok := codes[op]
		if !ok {
			panic(op)
		}
		code |= uint32(d)
		for i, r := range s { // the first source, the second, an addend
			code |= uint32(r) << [...]int{5, 16, 10}[i]
		}
		n.line("WORD $%#x // %s V%d, %v", code, op, d, s)
	}
}

var neonBlocks = map[string]uint32{
	"sub": 0x6e208400, "smull": 0x0e20c000, "smull2": 0x4e20c000, "saddlp": 0x4e602800, "addp": 0x4ea0bc00,
	"scvtf": 0x4e21d800, "half": 0x1ee24000, "fmul": 0x1e200800, "fmadd": 0x1f000000, "fmla": 0x4f801000,
	"fadd": 0x4e20d400, "faddp": 0x7e30d800, "fadds": 0x1e202800,
	"fcvtl": 0x0e217800, "fcvtl2": 0x4e217800, "fcvtn": 0x0e216800, "fcvtn2": 0x4e216800,
}

// blockDots writes the products of rows of blocks. load puts the numbers of the
// block at R1 into V4 and V5.
func (n *neon) blockDots(name string, size int, load func(w func(string, int, ...int))) {
	w := n.word(neonBlocks)
	n.header(name+"NEON", "p *products", 8, name)
	n.line("MOVD p+0(FP), R0")
	for i, field := range []string{"w", "stride", "rows", "y"} {
		n.line("MOVD products_%s(R0), R%d", field, i+2)
	}
	n.line("VMOVI $15, V31.B16")
	n.line("VMOVI $8, V30.B16")
	n.mark("row")
	n.line("MOVD R2, R1")
	n.line("MOVD products_x(R0), R6")
	n.line("MOVD products_scales(R0), R7")
	n.line("MOVD products_blocks(R0), R8")
	for _, v := range []int{0, 1, 2} { // eight sums, and that of the offsets
		n.line("VEOR V%d.B16, V%[1]d.B16, V%[1]d.B16", v)
	}
	n.mark("block")
	load(w)
	n.line("VLD1.P 32(R6), [V6.B16, V7.B16]")
	n.line("FMOVS (R7), F20")
	n.line("MOVHU (R1), R10")
	n.line("FMOVS R10, F21")
	w("half", 21, 21)
	if name == "dotsQ41" {
		n.line("FMOVS 4(R7), F22")
		n.line("MOVHU 2(R1), R10")
		n.line("FMOVS R10, F23")
		w("half", 23, 23)
		w("fmadd", 2, 23, 22, 2)
	}
	w("fmul", 21, 21, 20)
	for i := range 2 { // sixteen products: sums of four neighbours
		a, b := 16+2*i, 17+2*i
		w("smull", a, 4+i, 6+i)
		w("smull2", b, 4+i, 6+i)
		w("saddlp", a, a)
		w("saddlp", b, b)
		w("addp", a, a, b)
		w("scvtf", a, a)
		w("fmla", i, a, 21)
	}
	n.line("ADD $%d, R1, R1", size)
	n.line("ADD $8, R7, R7")
	n.line("SUBS $1, R8, R8")
	n.line("BNE block")
	w("fadd", 0, 0, 1)
	n.line("VEXT $8, V0.B16, V0.B16, V1.B16")
	w("fadd", 0, 0, 1)
	w("faddp", 0, 0)
	if name == "dotsQ41" {
		w("fadds", 0, 0, 2)
	}
	n.line("FMOVS F0, (R5)")
	n.line("ADD R3, R2, R2")
	n.line("ADD $4, R5, R5")
	n.line("SUBS $1, R4, R4")
	n.line("BNE row")
	n.line("RET")
}

// header writes the head of a function that is not written by the machine.
func (n *neon) header(name, params string, size int, does string) {
	fmt.Fprintf(&n.stubs, "\n// %s does what %sGo does.\n//\n//go:noescape\nfunc %[1]s(%[3]s)\n", name, does, params)
	fmt.Fprintf(&n.asm, "\n// func %s(%s)\nTEXT ·%[1]s(SB), NOSPLIT, $0-%[3]d\n", name, params, size)
}

// halves writes the conversions from and to 16 bits.
func (n *neon) halves() {
	w := n.word(neonBlocks)
	for _, name := range []string{"widen", "narrow"} {
		from, to := "uint16", "float32"
		if name == "narrow" {
			from, to = to, from
		}
		n.header(name+"NEON", fmt.Sprintf("dst []%s, x []%s", to, from), 48, name)
		n.line("MOVD dst_base+0(FP), R0")
		n.line("MOVD x_base+24(FP), R1")
		n.line("MOVD x_len+32(FP), R2")
		n.line("SUBS $16, R2, R2")
		n.line("BLT done")
		n.mark("loop")
		if name == "widen" {
			n.line("VLD1.P 32(R1), [V0.H8, V1.H8]")
			for i := range 2 {
				w("fcvtl", 2+2*i, i)
				w("fcvtl2", 3+2*i, i)
			}
			n.line("VST1.P [V2.S4, V3.S4, V4.S4, V5.S4], 64(R0)")
		} else {
			n.line("VLD1.P 64(R1), [V2.S4, V3.S4, V4.S4, V5.S4]")
			for i := range 2 {
				w("fcvtn", i, 2+2*i)
				w("fcvtn2", i, 3+2*i)
			}
			n.line("VST1.P [V0.H8, V1.H8], 32(R0)")
		}
		n.line("SUBS $16, R2, R2")
		n.line("BGE loop")
		n.mark("done")
		n.line("RET")
	}
}
