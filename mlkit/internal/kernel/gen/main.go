// Command gen writes the assembly of package kernel, one family of kernels at
// a time:
//
//	go run ./gen -family gemm -out gemm_amd64.s -stubs gemm_amd64.go -pkg kernel
//
// A family is one file of this directory: it adds its function to families in
// an init, and a go:generate line to the package's doc.go.
package main

import (
	"flag"
	"log"
	"maps"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/buildtags"
)

// families maps the name of a family of kernels to the function that emits it.
var families = map[string]func(){}

func main() {
	family := flag.String("family", "", "family of kernels to write")
	flag.Parse()
	emit, ok := families[*family]
	if !ok {
		log.Fatalf("gen: no family %q; there are %q", *family, slices.Sorted(maps.Keys(families)))
	}
	Constraint(buildtags.Not("noasm"))
	emit()
	Generate()
}
