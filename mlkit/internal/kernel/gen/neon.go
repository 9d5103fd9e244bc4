package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// neon is the vector machine's third form, for arm64: four lanes. avo does not know that
// architecture, so its virtual registers serve as names only: the operations of a body are
// recorded, then given registers and written out. Go's assembler lacks most of the instructions;
// they go in as words (Arm Architecture Reference Manual, C7.2).
type neon struct {
	asm, stubs bytes.Buffer
	consts     []uint32
	fresh      *reg.Collection

	// The present function.
	name    string
	offset  map[string]int // of its arguments
	pointer map[reg.ID]int // general registers of its pointers
	scalars map[reg.ID]int // vector registers of its scalars
	body    []neonOp
}

// neonOp is one instruction: dst and src are names.
type neonOp struct {
	op    string
	dst   reg.Register
	src   []reg.Register
	base  int    // general register of a load or store
	imm   int    // offset, shift
	konst uint32 // of "const"
}

// neonWords are the encodings with all registers 0, for four lanes of 32 bits.
var neonWords = map[string]uint32{
	"add": 0x4e20d400, "sub": 0x4ea0d400, "mul": 0x6e20dc00, "div": 0x6e20fc00,
	"max": 0x4e20f400, "min": 0x4ea0f400, "sqrt": 0x6ea1f800, "toFloat": 0x4e21d800,
	"and": 0x4e201c00, "or": 0x4ea01c00, "xor": 0x6e201c00, "not": 0x6e205800,
	"addi": 0x4ea08400, "subi": 0x6ea08400, "shl": 0x4f005400, "sra": 0x4f000400,
	"eq": 0x4e20e400, "ge": 0x6e20e400, "gt": 0x6ea0e400,
	"maxnm": 0x4e20c400, "fmla": 0x4e20cc00, "fmls": 0x4ea0cc00, "bsl": 0x6e601c00,
}

func (n *neon) record(op string, dst reg.Register, src ...reg.Register) reg.Register {
	n.body = append(n.body, neonOp{op: op, dst: dst, src: src})
	return dst
}

func (n *neon) newVec() vec { return n.fresh.XMM() }

// value returns the register of an operand, a constant loaded into a new one.
func (n *neon) value(b any) reg.Register {
	switch b := b.(type) {
	case cst:
		r := n.newVec()
		n.body = append(n.body, neonOp{op: "const", dst: r, konst: b.u})
		return r
	case operand.Mem:
		return n.load(b)
	case reg.Register:
		return b
	}
	panic("not an operand")
}

func (n *neon) op(name string, a vec, b any) vec {
	r := n.newVec()
	n.record(name, r, a, n.value(b))
	return r
}

func (n *neon) load(m operand.Mem) vec {
	r := n.newVec()
	n.body = append(n.body, neonOp{op: "load", dst: r, base: n.pointer[m.Base.(reg.Virtual).ID()], imm: m.Disp})
	return r
}

func (n *neon) store(a vec, m operand.Mem) {
	n.body = append(n.body, neonOp{op: "store", src: []reg.Register{a}, base: n.pointer[m.Base.(reg.Virtual).ID()], imm: m.Disp})
}

func (n *neon) cmp(pred uint8, a vec, b any) reg.Register {
	r, w := n.newVec(), n.value(b)
	switch pred {
	case eq:
		return n.record("eq", r, a, w)
	case gt:
		return n.record("gt", r, a, w)
	case ge:
		return n.record("ge", r, a, w)
	case lt:
		return n.record("gt", r, w, a)
	case le:
		return n.record("ge", r, w, a)
	case notLE:
		return n.record("not", n.newVec(), n.record("ge", r, w, a))
	case unord: // asked of one number only
		return n.record("not", n.newVec(), n.record("eq", r, a, a))
	}
	panic("unknown predicate")
}

func (n *neon) shift(op string, a vec, by uint8) vec {
	r := n.newVec()
	n.body = append(n.body, neonOp{op: op, dst: r, src: []reg.Register{a}, imm: int(by)})
	return r
}

// function begins a function; signature has pointers, one int n, and float32, in this order.
func (n *neon) function(name, signature, doc string) {
	n.name, n.offset = name, map[string]int{}
	n.pointer, n.scalars, n.body = map[reg.ID]int{}, map[reg.ID]int{}, nil
	list := strings.TrimSuffix(strings.TrimPrefix(signature, "func("), ")")
	// A type stands after the last name of its group.
	size, off := map[string]int{}, 0
	var names []string
	for _, field := range strings.Split(list, ", ") {
		name, typ, ok := strings.Cut(field, " ")
		names = append(names, name)
		if !ok {
			continue
		}
		for _, a := range names {
			size[a] = 8
			if typ == "float32" {
				size[a] = 4
			}
			n.offset[a] = off
			off += size[a]
		}
		names = nil
	}
	fmt.Fprintf(&n.stubs, "\n// %s\n//\n//go:noescape\nfunc %s%s\n", doc, name, strings.TrimPrefix(signature, "func"))
	fmt.Fprintf(&n.asm, "\n// func %s%s\nTEXT ·%s(SB), NOSPLIT, $%d-%d\n", name, strings.TrimPrefix(signature, "func"), name, 16*8, off)
	fmt.Fprintf(&n.asm, "\tMOVD $neonConsts<>(SB), R16\n")
}

const (
	neonCount  = 15 // R15 holds n
	neonScalar = 31 // scalars are V31, V30 and so on
)

func (n *neon) gp(name string) reg.GPVirtual {
	r := n.fresh.GP64()
	if name == "n" {
		fmt.Fprintf(&n.asm, "\tMOVD n+%d(FP), R%d\n", n.offset[name], neonCount)
		return r
	}
	id := len(n.pointer)
	n.pointer[r.ID()] = id
	fmt.Fprintf(&n.asm, "\tMOVD %s+%d(FP), R%d\n", name, n.offset[name], id)
	return r
}

func (n *neon) scalar(name string) vec {
	r := n.newVec()
	id := neonScalar - len(n.scalars)
	n.scalars[r.ID()] = id
	fmt.Fprintf(&n.asm, "\tFMOVS %s+%d(FP), F%d\n\tVDUP V%d.S[0], V%d.S4\n", name, n.offset[name], id, id, id)
	return r
}

// strips writes the loops: unroll vectors a turn, then one, then what is left by way of the frame.
func (n *neon) strips(v *vm, unroll int, body func(s strip)) {
	w := func(format string, a ...any) { fmt.Fprintf(&n.asm, format, a...) }
	once := func(count int) {
		n.body = nil
		for i := range count {
			body(strip{v, nil, 16 * i})
		}
		n.emit()
	}
	if unroll == 1 {
		unroll = 2 // a loop's own four instructions weigh more here
	}
	for _, u := range []int{unroll, 1} {
		w("\tSUBS $%d, R%d, R%d\n\tBLT end%d\nloop%d:\n", 4*u, neonCount, neonCount, u, u)
		once(u)
		for p := range len(n.pointer) {
			w("\tADD $%d, R%d, R%d\n", 16*u, p, p)
		}
		w("\tSUBS $%d, R%d, R%d\n\tBGE loop%d\nend%d:\n\tADD $%d, R%d, R%d\n", 4*u, neonCount, neonCount, u, u, 4*u, neonCount, neonCount)
	}
	w("\tCBZ R%d, done\n", neonCount)
	read, written := map[int]bool{}, map[int]bool{}
	for _, o := range n.body { // the last body is that of one vector
		switch o.op {
		case "load":
			read[o.base] = true
		case "store":
			written[o.base] = true
		}
	}
	slot := func(p int) string { return fmt.Sprintf("tail%d-%d(SP)", p, 16*(p+1)) }
	part := func(p, e int) string { return fmt.Sprintf("tail%d_%d-%d(SP)", p, e, 16*(p+1)-4*e) }
	for e := range 3 {
		if e > 0 {
			w("\tCMP $%d, R%d\n\tBLT copied\n", e+1, neonCount)
		}
		for p := range len(n.pointer) {
			if read[p] {
				w("\tMOVWU %d(R%d), R14\n\tMOVW R14, %s\n", 4*e, p, part(p, e))
			}
		}
	}
	w("copied:\n")
	for p := range len(n.pointer) {
		if written[p] { // its place is needed again
			w("\tMOVD R%d, R%d\n", p, 20+p)
		}
		w("\tMOVD $%s, R%d\n", slot(p), p)
	}
	once(1)
	for e := range 3 {
		if e > 0 {
			w("\tCMP $%d, R%d\n\tBLT done\n", e+1, neonCount)
		}
		for p := range len(n.pointer) {
			if written[p] {
				w("\tMOVWU %s, R14\n\tMOVW R14, %d(R%d)\n", part(p, e), 4*e, 20+p)
			}
		}
	}
	w("done:\n")
}

// emit gives the recorded names registers, each from its first definition to its last use, and
// writes the instructions.
func (n *neon) emit() {
	last := map[reg.ID]int{}
	id := func(r reg.Register) reg.ID { return r.(reg.Virtual).ID() }
	for i, o := range n.body {
		for _, s := range append(o.src, o.dst) {
			if s != nil {
				last[id(s)] = i
			}
		}
	}
	at := map[reg.ID]int{}
	var free []int
	for r := neonScalar - len(n.scalars); r >= 0; r-- {
		free = append(free, r)
	}
	take := func() int {
		if len(free) == 0 {
			log.Fatalf("gen: %s needs more than 32 vector registers", n.name)
		}
		r := free[len(free)-1]
		free = free[:len(free)-1]
		return r
	}
	where := func(r reg.Register) int {
		if s, ok := n.scalars[id(r)]; ok {
			return s
		}
		p, ok := at[id(r)]
		if !ok {
			log.Fatalf("gen: %s uses a register before it is set", n.name)
		}
		return p
	}
	word := func(op string, d, a, b int) {
		fmt.Fprintf(&n.asm, "\tWORD $%#x // %s V%d, V%d, V%d\n", neonWords[op]|uint32(b)<<16|uint32(a)<<5|uint32(d), op, d, a, b)
	}
	move := func(d, s int) { fmt.Fprintf(&n.asm, "\tVMOV V%d.B16, V%d.B16\n", s, d) }
	// dies tells whether nothing after i needs source k.
	dies := func(i int, o neonOp, k int) bool {
		_, fixed := n.scalars[id(o.src[k])]
		return !fixed && last[id(o.src[k])] == i && (o.dst == nil || id(o.src[k]) != id(o.dst))
	}
	for i, o := range n.body {
		// A source that dies here frees its register for dst, except where dst is written before
		// all sources are read.
		release := func() {
			for k, s := range o.src {
				twice := slices.ContainsFunc(o.src[:k], func(t reg.Register) bool { return id(t) == id(s) })
				if dies(i, o, k) && !twice {
					free = append(free, at[id(s)])
				}
			}
		}
		switch o.op {
		case "load", "const":
			d := take()
			at[id(o.dst)] = d
			if o.op == "load" {
				fmt.Fprintf(&n.asm, "\tFMOVQ %d(R%d), F%d\n", o.imm, o.base, d)
			} else {
				fmt.Fprintf(&n.asm, "\tFMOVQ %d(R16), F%d\n", 16*n.constant(o.konst), d)
			}
		case "store":
			fmt.Fprintf(&n.asm, "\tFMOVQ F%d, %d(R%d)\n", where(o.src[0]), o.imm, o.base)
			release()
		case "zero":
			d := take()
			at[id(o.dst)] = d
			word("xor", d, d, d)
		case "copy":
			s := where(o.src[0])
			release()
			d := take()
			at[id(o.dst)] = d
			if d != s {
				move(d, s)
			}
		case "fmla", "fmls": // dst += src0*src1, in place
			word(o.op, where(o.dst), where(o.src[0]), where(o.src[1]))
			release()
		case "plusTo", "maxTo": // in place
			a := where(o.dst)
			word(map[string]string{"plusTo": "add", "maxTo": "maxnm"}[o.op], a, a, where(o.src[0]))
			release()
		case "mulTo": // dst = dst*src0 + src1: the sum grows in a new register, which dst then is
			a, x, d := where(o.dst), where(o.src[0]), where(o.src[1])
			if dies(i, o, 1) && id(o.src[0]) != id(o.src[1]) {
				word("fmla", d, a, x)
				o.src = o.src[:1]
			} else {
				b := d
				d = take()
				move(d, b)
				word("fmla", d, a, x)
			}
			release()
			free = append(free, a)
			at[id(o.dst)] = d
		case "sel": // src0 ? src1 : src2
			d, a, b := where(o.src[0]), where(o.src[1]), where(o.src[2])
			if dies(i, o, 0) {
				word("bsl", d, a, b)
				o.src = o.src[1:]
			} else {
				m := d
				d = take()
				move(d, m)
				word("bsl", d, a, b)
			}
			release()
			at[id(o.dst)] = d
		case "shl", "sra":
			s := where(o.src[0])
			release()
			d := take()
			at[id(o.dst)] = d
			imm := 32 + o.imm
			if o.op == "sra" {
				imm = 64 - o.imm
			}
			word(o.op, d, s, imm)
		default:
			a, b := where(o.src[0]), 0
			if len(o.src) > 1 {
				b = where(o.src[1])
			}
			release()
			d := take()
			at[id(o.dst)] = d
			word(o.op, d, a, b)
		}
		if o.dst != nil && last[id(o.dst)] == i { // never used
			free = append(free, at[id(o.dst)])
		}
	}
}

// constant returns the place of a constant in the table.
func (n *neon) constant(u uint32) int {
	for i, c := range n.consts {
		if c == u {
			return i
		}
	}
	n.consts = append(n.consts, u)
	return len(n.consts) - 1
}

func init() { families["neon"] = emitNEON }

// emitNEON writes files of its own: avo's flags say nothing of another architecture.
func emitNEON() {
	n := &neon{fresh: reg.NewCollection()}
	v := &vm{neon: n}
	v.elems()
	v.adam()
	v.momentum("momentum", false)
	v.momentum("nesterov", true)
	v.rmsProp()
	v.planes()
	n.write("neon_arm64.s", "neon_stubs_arm64.go")
	writeElemTable("elem_table_arm64.go", []*vm{v}, []string{"portable"})
	os.Exit(0)
}

func (n *neon) ret() { n.asm.WriteString("\tRET\n") }

// write saves the assembly and its stubs.
func (n *neon) write(asmFile, stubFile string) {
	const head = "// Code generated by gen -family neon. DO NOT EDIT.\n\n//go:build !noasm\n\n"
	var out bytes.Buffer
	out.WriteString(head + "#include \"textflag.h\"\n\n")
	for i, c := range n.consts {
		for k := range 4 {
			fmt.Fprintf(&out, "DATA neonConsts<>+%d(SB)/4, $%#08x\n", 16*i+4*k, c)
		}
	}
	fmt.Fprintf(&out, "GLOBL neonConsts<>(SB), RODATA|NOPTR, $%d\n", 16*len(n.consts))
	out.Write(n.asm.Bytes())
	for file, text := range map[string]string{asmFile: out.String(), stubFile: head + "package kernel\n" + n.stubs.String()} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
