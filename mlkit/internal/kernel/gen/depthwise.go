//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// depthKernels are depthwise convolutions whose windows are known here: a
// vector of columns of depthRows rows of the result stays in registers, so that
// a vector of the image that has been loaded serves all the rows that see it.
// The first products of each sum are those of its first row of taps, from the
// left.
var depthKernels = []kernel{
	depthKernel("depth3", 3, 1), depthKernel("depth5", 5, 1),
	depthKernel("depth3by2", 3, 2), depthKernel("depth5by2", 5, 2), affineTop,
}

// affineTop normalises what another convolution has computed, and ends its ReLU
// at a number.
var affineTop = kernel{
	"affineTop", "func(y []float32, mean, scale, shift, top float32)", everywhere, func(v *vm) {
		y := v.gp("y")
		mean, scale, shift, top := v.scalar("mean"), v.scalar("scale"), v.scalar("shift"), v.scalar("top")
		v.strips(v.len("y"), 4, func(s strip) {
			h := v.sub(s.load(y), mean)
			v.mulTo(h, scale, shift)
			s.store(v.min(top, v.max(v.zero(), h)), y)
		})
	},
}

const (
	depthRows = 7  // of the result, at a time; the package has it, too
	depthHeld = 20 // weights that AVX-512 holds in registers
	depthLast = 6  // the mask of the columns to write
)

func depthKernel(name string, k, stride int) kernel {
	signature := "func(y, x, w, params []float32, lanes []int32, r *depthRun)"
	return kernel{name, signature, amd64, func(v *vm) {
		d := depth{x86: v.x86(), k: k, stride: stride}
		d.planes()
	}}
}

type depth struct {
	*x86
	k, stride    int
	w, table     reg.GPVirtual // the weights; the masks
	held         []vec
	masks        []reg.Register
	acc          []vec
	row, src     reg.GPVirtual // the block's first row of the image, and the present one's columns
	srcRow, temp reg.GPVirtual
	r            fields
}

func (d *depth) planes() {
	y, src, params := d.gp("y"), d.gp("x"), d.gp("params")
	d.w, d.table = d.gp("w"), d.gp("lanes")
	d.r = structParam("r", GP64())
	d.temp = GP64()
	MOVQ(d.r.at("at"), d.temp)
	LEAQ(operand.Mem{Base: src, Index: d.temp, Scale: 4}, src)
	d.loadMasks()
	planes := GP64()
	MOVQ(d.r.at("planes"), planes)
	d.srcRow = d.bytesOf("srcRow")
	dstRow := d.bytesOf("dstRow")
	plane, block, next := d.label("plane"), d.label("block"), d.label("next")

	Label(plane)
	d.row, d.src = GP64(), GP64()
	MOVQ(d.r.at("first"), d.row)
	MOVQ(src, d.src)
	dst, left := GP64(), GP64()
	MOVQ(y, dst)
	MOVQ(d.r.at("rows"), left)
	d.held = nil
	for i := 0; d.wide && i < min(d.k*d.k, depthHeld); i++ {
		d.held = append(d.held, d.broadcast(d.w, i))
	}

	Label(block)
	d.acc = []vec{d.broadcast(params, 0)}
	for range depthRows - 1 {
		d.acc = append(d.acc, d.copy(d.acc[0]))
	}
	for i := range (depthRows-1)*d.stride + d.k {
		d.imageRow(i)
	}
	if back := d.k - 1 - d.stride; back > 0 { // to the next block's first row
		IMUL3Q(operand.Imm(uint64(back)), d.srcRow, d.temp)
		SUBQ(d.temp, d.src)
	}
	ADDQ(operand.Imm(uint64(depthRows*d.stride)), d.row)
	d.finish(params)
	for _, a := range d.acc {
		d.write(a, dst)
		ADDQ(dstRow, dst)
		DECQ(left)
		JZ(operand.LabelRef(next))
	}
	JMP(operand.LabelRef(block))

	Label(next)
	MOVQ(d.r.at("srcPlane"), d.temp)
	LEAQ(operand.Mem{Base: src, Index: d.temp, Scale: 4}, src)
	MOVQ(d.r.at("dstPlane"), d.temp)
	LEAQ(operand.Mem{Base: y, Index: d.temp, Scale: 4}, y)
	ADDQ(operand.Imm(uint64(4*d.k*d.k)), d.w)
	ADDQ(operand.Imm(16), params)
	DECQ(planes)
	JNZ(operand.LabelRef(plane))
}

// bytesOf loads a number of floats as one of bytes.
func (d *depth) bytesOf(name string) reg.GPVirtual {
	n := GP64()
	MOVQ(d.r.at(name), n)
	SHLQ(operand.Imm(2), n)
	return n
}

func (d *depth) broadcast(p reg.GPVirtual, i int) vec {
	v := d.reg()
	VBROADCASTSS(operand.Mem{Base: p, Disp: 4 * i}, v)
	return v
}

// loadMasks loads the masks of the vectors of a row of the image, as far as
// there are registers for them, and in AVX-512 that of the columns to write.
func (d *depth) loadMasks() {
	n := d.k
	if d.stride == 2 {
		n = (d.k + 1) / 2 * 2
	}
	for i := range n {
		if d.wide || d.stride == 1 {
			d.masks = append(d.masks, d.maskAt(i))
		}
	}
	if d.wide {
		d.masks = append(d.masks, d.maskAt(depthLast))
	}
}

func (d *depth) maskAt(i int) reg.Register {
	v := d.reg()
	VMOVUPS(operand.Mem{Base: d.table, Disp: 64 * i}, v)
	if !d.wide {
		return v
	}
	k := K()
	VPMOVD2M(v, k)
	return k
}

// under runs f with a mask as that of loads and stores.
func (d *depth) under(i int, f func()) {
	switch {
	case i == depthLast && d.wide:
		d.mask = d.masks[len(d.masks)-1]
	case i < len(d.masks):
		d.mask = d.masks[i]
	default:
		d.mask = d.maskAt(i)
	}
	f()
	d.mask = nil
}

// columns loads vector i of the present row, at column at.
func (d *depth) columns(i, at int) (v vec) {
	d.under(i, func() { v = d.load(operand.Mem{Base: d.src, Disp: 4 * at}) })
	return v
}

// imageRow adds the products of row i of those that a block sees, if the image
// has that row.
func (d *depth) imageRow(i int) {
	if i > 0 {
		ADDQ(d.srcRow, d.src)
	}
	outside := d.label("outside")
	LEAQ(operand.Mem{Base: d.row, Disp: i}, d.temp)
	CMPQ(d.temp, d.r.at("h"))
	JAE(operand.LabelRef(outside)) // one above the image is a large unsigned number
	if d.stride == 1 {
		for kw := range d.k {
			d.products(i, kw, d.columns(kw, kw))
		}
	} else {
		// The even and the odd numbers of two vectors, halves of lanes of which
		// change places: see finish.
		for kw := 0; kw < d.k; kw += 2 {
			a, b := d.columns(kw, kw), d.columns(kw+1, kw+d.lanes())
			even, odd := d.reg(), d.reg()
			VSHUFPS(operand.Imm(0x88), b, a, even)
			d.products(i, kw, even)
			if kw+1 < d.k {
				VSHUFPS(operand.Imm(0xdd), b, a, odd)
				d.products(i, kw+1, odd)
			}
		}
	}
	Label(outside)
}

// products adds what tap kw of each row of taps makes of row i.
func (d *depth) products(i, kw int, x vec) {
	for o := range depthRows {
		kh := i - o*d.stride
		if kh < 0 || kh >= d.k {
			continue
		}
		at := kh*d.k + kw
		switch {
		case at < len(d.held):
			VFMADD231PS(x, d.held[at], d.acc[o])
		case d.wide:
			VFMADD231PS_BCST(operand.Mem{Base: d.w, Disp: 4 * at}, x, d.acc[o])
		default:
			VFMADD231PS(x, d.broadcast(d.w, at), d.acc[o])
		}
	}
}

// finish normalises and limits the sums, and puts their lanes in order.
func (d *depth) finish(params reg.GPVirtual) {
	plain := d.label("plain")
	MOVQ(d.r.at("norm"), d.temp)
	TESTQ(d.temp, d.temp)
	JZ(operand.LabelRef(plain))
	mean, scale, shift := d.broadcast(params, 1), d.broadcast(params, 2), d.broadcast(params, 3)
	for _, a := range d.acc {
		VSUBPS(mean, a, a)
		VFMADD213PS(shift, scale, a)
	}
	Label(plain)
	lo, hi := d.reg(), d.reg()
	VBROADCASTSS(d.r.at("lo"), lo)
	VBROADCASTSS(d.r.at("hi"), hi)
	for _, a := range d.acc { // a NaN, as the last source, stays
		VMAXPS(a, lo, a)
		VMINPS(a, hi, a)
	}
	if d.stride == 1 {
		return
	}
	if !d.wide {
		for _, a := range d.acc {
			VPERMPD(operand.Imm(0xd8), a, a)
		}
		return
	}
	if depthOrder == nil {
		t := GLOBL("depthOrder", attr.RODATA|attr.NOPTR)
		for i, v := range []uint64{0, 2, 4, 6, 1, 3, 5, 7} {
			DATA(8*i, operand.U64(v))
		}
		depthOrder = &t
	}
	order := d.reg()
	VMOVUPS(*depthOrder, order)
	for _, a := range d.acc {
		VPERMPD(a, order, a)
	}
}

// depthOrder is the order of the pairs that stride 2 leaves in a register.
var depthOrder *operand.Mem

// write stores a row of the result, or adds it to what is there.
func (d *depth) write(a vec, dst reg.GPVirtual) {
	store := d.label("store")
	MOVQ(d.r.at("add"), d.temp)
	d.under(depthLast, func() {
		TESTQ(d.temp, d.temp)
		JZ(operand.LabelRef(store))
		VADDPS(d.load(operand.Mem{Base: dst}), a, a)
		Label(store)
		d.store(a, operand.Mem{Base: dst})
	})
}
