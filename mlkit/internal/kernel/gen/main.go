//go:build gen

package main

import (
	"flag"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/buildtags"
)

// kernel is one entry of a family. The package holds its reference, name+"Go",
// a function with this signature; gen writes name+"AVX2" and so on, and name
// itself, which runs one of them.
type kernel struct {
	name      string
	signature string // in Go, with all parameters and results named
	where     where
	body      func(v *vm) // nil: the family's own functions emit it
}

// where is the set of processors that have a kernel in assembly.
type where uint8

const (
	amd64 where = 1 << iota
	arm64
	// vnni says that the version for AVX-512 needs VNNI, which the package's
	// variable vnni tells; without it, that for AVX2 runs.
	vnni
	everywhere = amd64 | arm64
)

// family is what goes into one package.
type family struct {
	kernels []kernel
	// amd64 and arm64 emit the kernels without a body.
	amd64 func()
	arm64 func(n *neon)
}

var families = map[string]family{
	"gemm":        gemmFamily,
	"conv":        convFamily,
	"elementwise": {kernels: slices.Concat(elementwiseKernels(), updateKernels)},
	"rowwise":     {kernels: slices.Concat(sumKernels, rowKernels, channelKernels, cellKernels)},
	"random":      {kernels: randomKernels},
	"sparse":      {kernels: sparseKernels},
	"int8":        int8Family,
	"blocks":      blocksFamily,
}

func main() {
	name := flag.String("family", "", "family of kernels to write")
	flag.Parse()
	f, ok := families[*name]
	if !ok {
		log.Fatalf("gen: no family %q; there are %q", *name, slices.Sorted(maps.Keys(families)))
	}
	f.writeDispatch(*name)
	// The package's types are wanted as they are now: without the assembly,
	// which may not fit them.
	os.Setenv("GOFLAGS", "-tags=noasm")
	Package("descent/mlkit/internal/kernel/" + *name)
	f.writeAMD64(*name)
	f.writeARM64(*name)
}

func (f *family) writeAMD64(pkg string) {
	// avo empties its files at once, which a failure would leave so: it writes
	// elsewhere.
	dir, err := os.MkdirTemp("", "gen")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files := map[string]string{"out": "kernels_amd64.s", "stubs": "stubs_amd64.go"}
	for name, file := range files {
		if err := flag.Set(name, filepath.Join(dir, file)); err != nil {
			log.Fatal(err)
		}
	}
	if err := flag.Set("pkg", pkg); err != nil {
		log.Fatal(err)
	}
	Constraint(buildtags.Not("noasm"))
	for _, wide := range []bool{false, true} {
		v := &vm{machine: newX86(wide)}
		for _, k := range f.kernels {
			if k.where&amd64 != 0 && k.body != nil {
				v.function(&k)
				k.body(v)
				v.ret()
			}
		}
	}
	if f.amd64 != nil {
		f.amd64()
	}
	Generate() // does not return if anything went wrong
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err == nil {
			err = os.WriteFile(file, text, 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

func (f *family) writeARM64(pkg string) {
	n := newNEON()
	v := &vm{machine: n}
	for _, k := range f.kernels {
		if k.where&arm64 != 0 && k.body != nil {
			v.function(&k)
			k.body(v)
			v.ret()
		}
	}
	if f.arm64 != nil {
		f.arm64(n)
	}
	n.write(pkg)
}
