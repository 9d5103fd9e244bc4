package mlkit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every name in the table of features is there, with a comment.
func TestFeatures(t *testing.T) {
	text, err := os.ReadFile("features.go")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]bool{}
	rows := regexp.MustCompile(`(?m)^//\t(.+?)  +(\S+)  ?\s*\S.*$`).FindAllStringSubmatch(string(text), -1)
	names := 0
	for _, row := range rows[1:] { // without the head
		name := row[2]
		if name == "–" {
			continue
		}
		pkg, symbol, ok := strings.Cut(name, ".")
		if !ok {
			t.Errorf("%q: %q is not a package and a name", row[1], name)
			continue
		}
		if known[pkg] == nil {
			known[pkg] = exported(t, pkg)
		}
		if !known[pkg][symbol] {
			t.Errorf("%q: there is no %s, or it has no comment", row[1], name)
		}
		names++
	}
	if names < 50 {
		t.Errorf("only %d names found in the table", names)
	}
}

// exported are the names of a package that have a comment: functions, types,
// their methods and fields.
func exported(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	dir := pkg
	if pkg == "parquet" {
		dir = filepath.Join("tabular", pkg)
	}
	all := map[string]bool{}
	set := token.NewFileSet()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir:
			return fs.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					name = receiver(d.Recv.List[0].Type) + "." + name
				}
				all[name] = d.Doc != nil
			case *ast.GenDecl:
				for _, s := range d.Specs {
					typ, ok := s.(*ast.TypeSpec)
					if !ok {
						continue
					}
					all[typ.Name.Name] = d.Doc != nil || typ.Doc != nil
					if fields, ok := typ.Type.(*ast.StructType); ok {
						for _, f := range fields.Fields.List {
							for _, n := range f.Names {
								all[typ.Name.Name+"."+n.Name] = f.Doc != nil || f.Comment != nil
							}
						}
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
