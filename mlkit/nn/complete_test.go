package nn_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLossesAndLayersAreInTheTables finds every loss and layer in the table of
// names in doc.go and in the tables of tests that the guide of mlkit names, or
// in the file that has it instead.
func TestLossesAndLayersAreInTheTables(t *testing.T) {
	tables := map[string][]string{
		"Loss":    {"doc.go", "empty_test.go", "loss_test.go", "testdata/losses.py"},
		"Forward": {"doc.go", "conformance_test.go"},
	}
	instead := map[string]string{
		"CTCLoss": "sequence_test.go", "CenterLoss": "loss_boxes_test.go", "GIoULoss": "loss_boxes_test.go",
		"RBM": "rbm_test.go", "DBN": "dbn_test.go",
		"TransformerEncoderLayer": "empty_test.go", // a TransformerEncoder is made of them
	}
	read := map[string]string{}
	has := func(file, name string) bool {
		if read[file] == "" {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			read[file] = string(b)
		}
		return regexp.MustCompile(`\b(New)?` + name + `\b`).MatchString(read[file])
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			m, ok := d.(*ast.FuncDecl)
			if !ok || m.Recv == nil {
				continue
			}
			kind := m.Recv.List[0].Type
			if p, ok := kind.(*ast.StarExpr); ok {
				kind = p.X
			}
			name, ok := kind.(*ast.Ident)
			if !ok || !name.IsExported() {
				continue
			}
			for _, table := range tables[m.Name.Name] {
				found++
				other := instead[name.Name]
				if !has(table, name.Name) && (table == "doc.go" || other == "" || !has(other, name.Name)) {
					t.Errorf("%s is not in %s", name.Name, table)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("%d rows looked for: the test shows nothing", found)
	}
}
