package mlkit_test

import (
	"os/exec"
	"strings"
	"testing"
)

// kernels are the families of kernels and what they stand on.
const kernels = "internal/kernel/blocks internal/kernel/conv internal/kernel/gemm internal/kernel/rowwise internal/kernel/elementwise internal/kernel/random internal/kernel/cpu"

// mayImport says which packages of this module each package may import
// besides itself. What is not listed may import nothing of ours.
var mayImport = map[string]string{
	"descent/mlkit":                             "",
	"descent/mlkit/internal/kernel":             "",
	"descent/mlkit/internal/kernel/gen":         "",
	"descent/mlkit/internal/kernel/cpu":         "",
	"descent/mlkit/internal/kernel/kerneltest":  "internal/kernel/cpu",
	"descent/mlkit/internal/kernel/gemm":        "internal/kernel/cpu",
	"descent/mlkit/internal/kernel/conv":        "internal/kernel/gemm internal/kernel/rowwise internal/kernel/elementwise internal/kernel/cpu",
	"descent/mlkit/internal/kernel/elementwise": "internal/kernel/cpu",
	"descent/mlkit/internal/kernel/rowwise":     "internal/kernel/elementwise internal/kernel/cpu",
	"descent/mlkit/internal/kernel/random":      "internal/kernel/cpu",
	"descent/mlkit/internal/kernel/blocks":      "internal/kernel/cpu",
	"descent/mlkit/internal/kernel/sparse":      "internal/kernel/gemm internal/kernel/cpu",
	"descent/mlkit/internal/kernel/int8":        "internal/kernel/gemm internal/kernel/cpu",
	"descent/mlkit/tensor":                      kernels,
	"descent/mlkit/nn":                          "tensor",
	"descent/mlkit/optim":                       "tensor " + kernels,
	"descent/mlkit/internal/strictjson":         "",
	"descent/mlkit/internal/fuzztest":           "", // of tests
	"descent/mlkit/data":                        "tensor internal/kernel/elementwise internal/kernel/cpu internal/strictjson",
	"descent/mlkit/tabular":                     "data internal/strictjson",
	"descent/mlkit/tabular/parquet":             "tabular",
	"descent/mlkit/formats":                     "data",
	"descent/mlkit/metrics":                     "data",                              // boxes, for detection
	"descent/mlkit/search":                      "",                                  // of whatever returns a score
	"descent/mlkit/audio":                       "",                                  // arithmetic on samples: of use without a tensor
	"descent/mlkit/text":                        "internal/strictjson",               // arithmetic on words: of use without a tensor
	"descent/mlkit/datasets":                    "data formats tabular audio tensor", // audio reads the WAV files
	"descent/mlkit/train":                       "nn optim data formats metrics tensor internal/kernel/cpu internal/kernel/elementwise",
	"descent/mlkit/compress":                    "train nn optim data formats tensor internal/kernel/int8 internal/kernel/sparse internal/kernel/gemm internal/kernel/rowwise internal/kernel/elementwise internal/kernel/cpu",
	"descent/mlkit/models":                      "train formats text nn tensor internal/kernel/blocks internal/kernel/cpu",
	"descent/mlkit/explain":                     "tensor",
	"descent/mlkit/privacy":                     "train nn optim data tensor internal/kernel/cpu",
	"descent/mlkit/show":                        "train",
	"descent/mlkit/mpi":                         "train",
	"descent/mlkit/gradcheck":                   "tensor",
	"descent/mlkit/cmd/bench":                   "*",
	"descent/mlkit/cmd/ranks":                   "*",
}

// module begins the paths of this module, whatever it may be renamed to.
var module = strings.TrimSuffix("descent/mlkit", "mlkit")

// reserved are modules, by how their paths begin, for one package alone, so
// that no other program links them: a plotting library, a decoder of files.
var reserved = map[string]string{
	"gonum.org/v1/plot":          "descent/mlkit/show",
	"github.com/janpfeifer/gonb": "descent/mlkit/show",
	"github.com/parquet-go/":     "descent/mlkit/tabular/parquet",
}

// TestWhoMayImportWhom keeps the layers of the library apart: kernels know
// nothing of tensors, tensors nothing of layers, and nothing knows the book.
func TestWhoMayImportWhom(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}|{{join .Imports " "}}`, "descent/mlkit/...").Output()
	if err != nil {
		if _, lookErr := exec.LookPath("go"); lookErr != nil {
			t.Skip("needs the go command to list the packages")
		}
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), "|")
		allowed, known := mayImport[pkg]
		if !known {
			t.Errorf("%s is a new package: give it its place in mayImport, or find the package it belongs to", pkg)
			continue
		}
		for _, imp := range strings.Fields(imports) {
			if rest, ours := strings.CutPrefix(imp, module); ours && allowed != "*" {
				name := strings.TrimPrefix(rest, "mlkit/")
				if !strings.Contains(" "+allowed+" ", " "+name+" ") {
					t.Errorf("%s must not import %s (allowed: %s)", pkg, imp, allowed)
				}
			}
			for module, of := range reserved {
				if strings.HasPrefix(imp, module) && pkg != of {
					t.Errorf("%s must not import %s: that belongs to %s", pkg, imp, of)
				}
			}
		}
	}
}
