//go:build gen

package main

import (
	"log"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fields is a parameter that points to a struct of the package. Where its
// fields are is what the package's types say.
type fields struct {
	base gotypes.Component
}

// structParam loads the parameter to r.
func structParam(name string, r reg.Register) fields {
	c := Param(name)
	Load(c, r)
	return fields{c.Dereference(r)}
}

// at returns the place of a field or, if that is a slice, of the pointer in it.
func (f fields) at(name string) Mem {
	c := f.base.Field(name)
	b, err := c.Resolve()
	if err != nil {
		b, err = c.Base().Resolve()
	}
	if err != nil {
		log.Fatalf("gen: field %s: %v", name, err)
	}
	return b.Addr
}

// begin begins the kernel k of a family's table for the instruction set x.
func (x isa) begin(all []kernel, name string) {
	for _, k := range all {
		if k.name == name {
			TEXT(name+x.name, NOSPLIT, k.signature)
			Doc(name + x.name + " does what " + name + "Go does.")
			Pragma("noescape")
			return
		}
	}
	log.Fatalf("gen: no kernel %s", name)
}

// loadSlice loads where the slice begins.
func loadSlice(name string, r reg.GPPhysical) { Load(Param(name).Base(), r) }
