//go:build gen

package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"log"
	"os"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// neon is the vector machine for arm64: four lanes. avo does not know that
// architecture, so its virtual registers serve as names only: the operations of
// a body are recorded, then given registers and written out. Go's assembler
// lacks most of the instructions; they go in as words (Arm Architecture
// Reference Manual, C7.2).
type neon struct {
	asm, stubs bytes.Buffer
	consts     []uint32
	fresh      *reg.Collection
	frame      int // bytes that the tails of the present function need

	// The present function.
	name    string
	offset  map[string]int // of its arguments and results
	slices  map[string]bool
	count   string         // where the number of elements is
	mask    reg.Register   // of the tail's lanes before the end; nil outside a masked tail
	pointer []string       // in R0 and so on: what loads them
	address map[reg.ID]int // pointer by name
	fixed   map[reg.ID]int // vector registers that outlive a body: from V31 down, accumulators from V0 up
	top     int            // how many from above
	low     int            // how many from below
	body    []neonOp
	labels  int

	structs bool // the assembly names fields of structs
}

// neonOp is one instruction: dst and src are names.
type neonOp struct {
	op    string
	dst   reg.Register
	src   []reg.Register
	base  int    // general register of a load or store
	imm   int    // offset, shift
	konst uint32 // of "const"
	name  string // of "result"
}

// neonWords are the encodings with all registers 0, for four lanes of 32 bits.
var neonWords = map[string]uint32{
	"add": 0x4e20d400, "sub": 0x4ea0d400, "mul": 0x6e20dc00, "div": 0x6e20fc00,
	"max": 0x4e20f400, "min": 0x4ea0f400, "sqrt": 0x6ea1f800, "toFloat": 0x4e21d800,
	"and": 0x4e201c00, "or": 0x4ea01c00, "xor": 0x6e201c00, "not": 0x6e205800,
	"addi": 0x4ea08400, "subi": 0x6ea08400, "shl": 0x4f005400, "sra": 0x4f000400,
	"eq": 0x4e20e400, "ge": 0x6e20e400, "gt": 0x6ea0e400,
	"maxnm": 0x4e20c400, "fmla": 0x4e20cc00, "fmls": 0x4ea0cc00, "bsl": 0x6e601c00,
	"high": 0x6e004000 | 8<<11, "odd": 0x6e004000 | 4<<11, "spread": 0x4e040400,
}

func (n *neon) record(op string, dst reg.Register, src ...reg.Register) reg.Register {
	n.body = append(n.body, neonOp{op: op, dst: dst, src: src})
	return dst
}

func newNEON() *neon { return &neon{fresh: reg.NewCollection()} }

func (n *neon) isa() string        { return "NEON" }
func (n *neon) lanes() int         { return 4 }
func (n *neon) bits(u uint32) cst  { return cst{u: u} }
func (n *neon) set(c cst) vec      { return n.value(c).(vec) }
func (n *neon) zero() vec          { return n.record("zero", n.newVec()).(vec) }
func (n *neon) copy(a vec) vec     { return n.record("copy", n.newVec(), a).(vec) }
func (n *neon) all(x vec) vec      { return n.record("spread", n.newVec(), x).(vec) }
func (n *neon) rest() reg.Register { return n.mask }

func (n *neon) op1(op string, a vec) vec            { return n.record(op, n.newVec(), a).(vec) }
func (n *neon) ldexp(_, _ vec) (vec, bool)          { return nil, false }
func (n *neon) keep(m reg.Register, a vec) vec      { return n.record("and", n.newVec(), m, a).(vec) }
func (n *neon) both(a, b reg.Register) reg.Register { return n.record("and", n.newVec(), a, b) }

// odd spreads the lowest bit: the sign is enough for VBLENDVPS, not for a
// selection by bits.
func (n *neon) odd(a vec) reg.Register { return n.shift("sra", n.shift("shl", a, 31), 31) }

func (n *neon) sel(m reg.Register, a any, b vec) vec {
	return n.record("sel", n.newVec(), m, n.value(a), b).(vec)
}

func (n *neon) opTo(op string, acc, a vec, b any) {
	n.record(map[string]string{"mulAdd": "fmla", "mulSub": "fmls", "addMul": "mulTo"}[op], acc, a, n.value(b))
}

func (n *neon) foldTo(op string, acc vec, b any) {
	n.record(map[string]string{"add": "plusTo", "max": "maxTo"}[op], acc, n.value(b))
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

func (n *neon) op2(name string, a vec, b any) vec {
	r := n.newVec()
	n.record(name, r, a, n.value(b))
	return r
}

func (n *neon) load(m operand.Mem) vec {
	r := n.newVec()
	n.body = append(n.body, neonOp{op: "load", dst: r, base: n.place(m.Base), imm: m.Disp})
	return r
}

func (n *neon) store(a vec, m operand.Mem) {
	n.body = append(n.body, neonOp{op: "store", src: []reg.Register{a}, base: n.place(m.Base), imm: m.Disp})
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

// place returns the general register of a pointer.
func (n *neon) place(p reg.Register) int {
	if p == nil {
		return neonMask
	}
	return n.address[p.(reg.Virtual).ID()]
}

func (n *neon) function(k *kernel) {
	n.name, n.offset, n.slices, n.count = k.name+n.isa(), map[string]int{}, map[string]bool{}, ""
	n.pointer, n.address, n.fixed, n.body = nil, map[reg.ID]int{}, map[reg.ID]int{}, nil
	n.top, n.low, n.labels = 0, 0, 0
	off := 0
	lay := func(list *ast.FieldList) {
		off = (off + 7) &^ 7
		for _, f := range list.List {
			for _, a := range f.Names {
				size := 8
				switch t := f.Type.(type) {
				case *ast.ArrayType:
					size, n.slices[a.Name] = 24, true
				case *ast.Ident:
					if t.Name == "float32" {
						size = 4
					}
				}
				off = (off + min(size, 8) - 1) &^ (min(size, 8) - 1)
				n.offset[a.Name] = off
				off += size
			}
		}
	}
	lay(k.typ().Params)
	if r := k.typ().Results; r != nil {
		lay(r)
	}
	signature := strings.TrimPrefix(k.signature, "func")
	fmt.Fprintf(&n.stubs, "\n// %s does what %sGo does.\n//\n//go:noescape\nfunc %[1]s%[3]s\n", n.name, k.name, signature)
	fmt.Fprintf(&n.asm, "\n// func %s%s\nTEXT ·%[1]s(SB), 0, $FRAME-%[3]d\n", n.name, signature, off)
	n.line(neonTable)
	n.frame = 0
}

// neonTable loads where the family's constants are.
const neonTable = "MOVD $neonConsts<>(SB), R16"

func (n *neon) line(format string, a ...any) { fmt.Fprintf(&n.asm, "\t"+format+"\n", a...) }

// label returns a name that is new in the function.
func (n *neon) label(name string) string {
	n.labels++
	return fmt.Sprintf("%s%d", name, n.labels)
}

func (n *neon) mark(label string) { fmt.Fprintf(&n.asm, "%s:\n", label) }

// The general registers: pointers from R0 on, then these.
const (
	neonMask  = 13 // place of the tail's mask
	neonTemp  = 14
	neonCount = 15 // elements left
)

// neonSaved hold the pointers to what a tail has to copy back.
var neonSaved = []int{17, 19, 20, 21, 22, 23, 24}

func (n *neon) gp(name string) reg.GPVirtual {
	r := n.fresh.GP64()
	place := name
	if n.slices[name] {
		place += "_base"
	}
	n.newPointer(r, fmt.Sprintf("MOVD %s+%d(FP), R%%[1]d", place, n.offset[name]))
	return r
}

// len notes what is counted down; no other number than the elements of a
// strip's loop is wanted.
func (n *neon) len(name string) reg.GPVirtual {
	n.count = fmt.Sprintf("%s_len+%d(FP)", name, n.offset[name]+8)
	return n.fresh.GP64()
}

func (n *neon) newPointer(r reg.GPVirtual, load string) {
	n.address[r.ID()] = len(n.pointer)
	n.pointer = append(n.pointer, load)
	if len(n.pointer) > neonMask {
		log.Fatalf("gen: %s has too many pointers", n.name)
	}
}

// parts has a pointer for each part: there are registers enough.
func (n *neon) parts(name string, _ reg.GPVirtual, count int) parts {
	pointers := []reg.GPVirtual{n.gp(name)}
	load := n.pointer[len(n.pointer)-1]
	for range count - 1 {
		load += fmt.Sprintf("; ADD R%d<<2, R%%[1]d, R%%[1]d", neonCount)
		r := n.fresh.GP64()
		n.newPointer(r, load)
		pointers = append(pointers, r)
	}
	return func(s strip, k int) operand.Mem { return s.at(pointers[k]) }
}

func (n *neon) scalar(name string) vec {
	r := n.newVec()
	id := n.pinned(r)
	n.line("FMOVS %s+%d(FP), F%d", name, n.offset[name], id)
	n.line("VDUP V%d.S[0], V%d.S4", id, id)
	return r
}

func (n *neon) pinned(r reg.Register) int {
	n.fixed[r.(reg.Virtual).ID()] = 31 - n.top
	n.top++
	return 32 - n.top
}

// pin keeps a value for the bodies that follow.
func (n *neon) pin(a vec) vec {
	r := n.newVec()
	n.pinned(r)
	n.record("copyTo", r, a)
	n.emit()
	return r
}

func (n *neon) result(a vec, name string) {
	n.body = append(n.body, neonOp{op: "result", src: []reg.Register{a}, name: fmt.Sprintf("%s+%d(FP)", name, n.offset[name])})
}

// begin loads the count and the pointers, which the last loop has moved.
func (n *neon) begin() {
	n.emit()
	n.line("MOVD %s, R%d", n.count, neonCount)
	for p, load := range n.pointer {
		n.line(load, p)
	}
}

// loop runs body, which covers step elements, while there are that many.
func (n *neon) loop(step int, body func()) {
	loop, end := n.label("loop"), n.label("end")
	n.line("SUBS $%d, R%d, R%d", step, neonCount, neonCount)
	n.line("BLT %s", end)
	n.mark(loop)
	body()
	n.emit()
	for p := range n.pointer {
		n.line("ADD $%d, R%d, R%d", 4*step, p, p)
	}
	n.line("SUBS $%d, R%d, R%d", step, neonCount, neonCount)
	n.line("BGE %s", loop)
	n.mark(end)
	n.line("ADD $%d, R%d, R%d", step, neonCount, neonCount)
}

// uses returns the pointers that the recorded operations read and write.
func (n *neon) uses() (read, written []bool) {
	read, written = make([]bool, neonMask+1), make([]bool, neonMask+1)
	for _, o := range n.body {
		switch o.op {
		case "load":
			read[o.base] = true
		case "store":
			written[o.base] = true
		}
	}
	return
}

// tail does what is left, fewer than regs vectors, on copies in the frame,
// filled up with zeros: body for one vector after the other, with the mask on
// if masked.
func (n *neon) tail(regs int, masked bool, body func(i int)) {
	body(0) // to see what it uses
	read, written := n.uses()
	n.body = nil
	done := n.label("done")
	n.line("CBZ R%d, %s", neonCount, done)
	slot := func(p int) string { return fmt.Sprintf("tail%d-%d(SP)", p, (p+1)*16*regs) }
	n.frame = max(n.frame, 16*regs*(neonMask+1))
	saved := map[int]int{}
	for p := range n.pointer {
		if written[p] {
			if len(saved) == len(neonSaved) {
				log.Fatalf("gen: %s writes too much", n.name)
			}
			saved[p] = neonSaved[len(saved)]
			n.line("MOVD R%d, R%d", p, saved[p])
		}
	}
	// fill writes a word for each element left, and zeros up to the end of its
	// vector.
	fill := func(p int, ones bool) {
		again := n.label("copy")
		n.line("MOVD $%s, R%d", slot(p), neonTo)
		n.line("MOVD R%d, R%d", neonCount, neonTemp)
		n.mark(again)
		if !ones {
			n.line("MOVWU.P 4(R%d), R%d", p, neonWord)
		}
		n.line("MOVW.P R%d, 4(R%d)", neonWord, neonTo)
		n.line("SUBS $1, R%d, R%d", neonTemp, neonTemp)
		n.line("BNE %s", again)
		n.line("AND $3, R%d, R%d", neonCount, neonTemp)
		full := n.label("full")
		n.line("CBZ R%d, %s", neonTemp, full)
		pad := n.label("pad")
		n.mark(pad)
		n.line("MOVW.P ZR, 4(R%d)", neonTo)
		n.line("ADD $1, R%d, R%d", neonTemp, neonTemp)
		n.line("CMP $4, R%d", neonTemp)
		n.line("BNE %s", pad)
		n.mark(full)
	}
	for p := range n.pointer {
		if read[p] {
			fill(p, false)
		}
	}
	if masked {
		n.line("MOVD $-1, R%d", neonWord)
		fill(neonMask, true)
		n.line("MOVD $%s, R%d", slot(neonMask), neonMask)
	}
	for p := range n.pointer {
		n.line("MOVD $%s, R%d", slot(p), p)
	}
	finished := n.label("finished")
	for i := range regs {
		if masked {
			n.mask = n.load(operand.Mem{Disp: 16 * i})
		}
		body(i)
		n.emit()
		if i < regs-1 {
			n.line("CMP $%d, R%d", 4*(i+1), neonCount)
			n.line("BLE %s", finished)
		}
	}
	n.mask = nil
	n.mark(finished)
	for p := range n.pointer {
		if !written[p] {
			continue
		}
		again := n.label("back")
		n.line("MOVD $%s, R%d", slot(p), neonTo)
		n.line("MOVD R%d, R%d", neonCount, neonTemp)
		n.mark(again)
		n.line("MOVWU.P 4(R%d), R%d", neonTo, neonWord)
		n.line("MOVW.P R%d, 4(R%d)", neonWord, saved[p])
		n.line("SUBS $1, R%d, R%d", neonTemp, neonTemp)
		n.line("BNE %s", again)
	}
	n.mark(done)
}

const neonTo, neonWord = 25, 26 // spoilt by a tail

// strips writes the loops: unroll vectors a turn, then one, then what is left.
func (n *neon) strips(_ reg.GPVirtual, unroll int, body func(s strip)) {
	n.begin()
	if unroll == 1 {
		unroll = 2 // a loop's own instructions weigh more here
	}
	for _, u := range []int{unroll, 1} {
		n.loop(4*u, func() {
			for i := range u {
				body(strip{n, nil, 16 * i})
			}
		})
	}
	n.tail(1, false, func(int) { body(strip{n, nil, 0}) })
}

// reduce has its accumulators from V0 on.
func (n *neon) reduce(_ reg.GPVirtual, lanes, quantities int, start func() vec, body func(s strip, acc []vec)) [][]vec {
	regs := lanes / 4
	acc, byQuantity := make([][]vec, regs), make([][]vec, quantities)
	n.emit()
	n.low = 0
	for i := range acc {
		for q := range quantities {
			r := n.newVec()
			n.fixed[r.(reg.Virtual).ID()] = n.low
			n.low++
			acc[i], byQuantity[q] = append(acc[i], r), append(byQuantity[q], r)
		}
	}
	first := start()
	for i := range acc {
		for _, r := range acc[i] {
			n.record("copyTo", r, first)
		}
	}
	n.begin()
	at := func(i int) { body(strip{n, nil, 16 * i}, acc[i]) }
	n.loop(lanes, func() {
		for i := range regs {
			at(i)
		}
	})
	n.tail(regs, true, at)
	return byQuantity
}

func (n *neon) fold(acc []vec, op string) vec {
	if op == "max" {
		op = "maxnm"
	}
	for len(acc) > 1 {
		group := min(4, len(acc)/2) // 16 lanes, then 8, then 4
		var next []vec
		for i := 0; i < len(acc); i += 2 * group {
			for k := range group {
				next = append(next, n.op2(op, acc[i+k], acc[i+group+k]))
			}
		}
		acc = next
	}
	r := acc[0]
	for _, half := range []string{"high", "odd"} {
		h := n.record(half, n.newVec(), r).(vec)
		r = n.op2(op, r, h)
	}
	return r
}

// emit gives the recorded names registers, each from its first definition to
// its last use, and writes the instructions.
func (n *neon) emit() {
	last := map[reg.ID]int{}
	id := func(r reg.Register) reg.ID { return r.(reg.Virtual).ID() }
	for i, o := range n.body {
		for _, s := range append(slices.Clone(o.src), o.dst) {
			if s != nil {
				last[id(s)] = i
			}
		}
	}
	at := map[reg.ID]int{}
	var free []int
	for r := n.low; r < 32-n.top; r++ {
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
		if s, ok := n.fixed[id(r)]; ok {
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
		_, fixed := n.fixed[id(o.src[k])]
		return !fixed && last[id(o.src[k])] == i && (o.dst == nil || id(o.src[k]) != id(o.dst))
	}
	body := n.body
	n.body = nil
	for i, o := range body {
		// A source that dies here frees its register for dst, except where dst
		// is written before all sources are read.
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
		case "copyTo":
			move(where(o.dst), where(o.src[0]))
			release()
		case "result":
			n.line("FMOVS F%d, %s", where(o.src[0]), o.name)
			release()
		case "high", "odd":
			s := where(o.src[0])
			release()
			d := take()
			at[id(o.dst)] = d
			word(o.op, d, s, s)
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
			if r, ok := at[id(o.dst)]; ok {
				free = append(free, r)
			}
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

func (n *neon) ret() {
	n.emit()
	n.line("RET")
	text := bytes.Replace(n.asm.Bytes(), []byte("$FRAME"), fmt.Appendf(nil, "$%d", n.frame), 1)
	n.asm = *bytes.NewBuffer(text)
}

// write saves the assembly and its stubs, if there are any.
func (n *neon) write(pkg string) {
	if n.stubs.Len() == 0 {
		return
	}
	head := "// Code generated by gen -family " + pkg + ". DO NOT EDIT.\n\n//go:build !noasm\n\n"
	var out bytes.Buffer
	out.WriteString(head + "#include \"textflag.h\"\n")
	if n.structs {
		out.WriteString("#include \"go_asm.h\"\n")
	}
	for i, c := range n.consts {
		if i == 0 {
			out.WriteString("\n")
		}
		for k := range 4 {
			fmt.Fprintf(&out, "DATA neonConsts<>+%d(SB)/4, $%#08x\n", 16*i+4*k, c)
		}
	}
	if len(n.consts) > 0 {
		fmt.Fprintf(&out, "GLOBL neonConsts<>(SB), RODATA|NOPTR, $%d\n", 16*len(n.consts))
	}
	if len(n.consts) == 0 {
		n.asm = *bytes.NewBuffer(bytes.ReplaceAll(n.asm.Bytes(), []byte("\t"+neonTable+"\n"), nil))
	}
	out.Write(n.asm.Bytes())
	for file, text := range map[string]string{"kernels_arm64.s": out.String(), "stubs_arm64.go": head + "package " + pkg + "\n" + n.stubs.String()} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
