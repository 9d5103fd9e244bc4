package mlkit_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// features reads the table of features in doc.go: a row is a feature and the names
// in PyTorch, Keras, GoMLX and here.
func features(t *testing.T) (rows [][]string) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(text), "# Features beside other libraries")
	part, _, end := strings.Cut(part, "// # ")
	if !found || !end {
		t.Fatal("doc.go has no table of features")
	}
	columns := regexp.MustCompile(`  +`)
	for line := range strings.Lines(part) {
		if line, ok := strings.CutPrefix(line, "//\t"); ok {
			row := columns.Split(strings.TrimSpace(line), -1)
			if len(row) != 5 {
				t.Fatalf("a row of %d columns: %q", len(row), row)
			}
			rows = append(rows, row)
		}
	}
	return rows[1:]
}

// symbols are the exported names of the package in a folder: those of the
// package itself, Type.Method and Type.Field.
func symbols(t *testing.T, dir string) map[string]bool {
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no package in %s: %v", dir, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					of := d.Recv.List[0].Type
					if star, ok := of.(*ast.StarExpr); ok {
						of = star.X
					}
					if id, ok := of.(*ast.Ident); ok {
						name = id.Name + "." + name
					}
				}
				names[name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						for _, id := range s.Names {
							names[id.Name] = true
						}
					case *ast.TypeSpec:
						names[s.Name.Name] = true
						if of, ok := s.Type.(*ast.StructType); ok {
							for _, field := range of.Fields.List {
								for _, id := range field.Names {
									names[s.Name.Name+"."+id.Name] = true
								}
							}
						}
					}
				}
			}
		}
	}
	return names
}

// TestFeaturesAreHere holds the last column against the source.
func TestFeaturesAreHere(t *testing.T) {
	packages := map[string]map[string]bool{}
	rows := features(t)
	for _, r := range rows {
		pkg, name, _ := strings.Cut(r[4], ".")
		if packages[pkg] == nil {
			packages[pkg] = symbols(t, pkg)
		}
		if !packages[pkg][name] {
			t.Errorf("%s: mlkit has no %s", r[0], r[4])
		}
	}
	if len(rows) < 40 {
		t.Errorf("only %d features: is the table read in full?", len(rows))
	}
}

// TestFeaturesOfGoMLX needs the module that the benchmark pins, in the module
// cache.
func TestFeaturesOfGoMLX(t *testing.T) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/gomlx/gomlx")
	cmd.Dir = "cmd/bench/peers/gomlx"
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		t.Skip("needs GoMLX in the module cache: go -C mlkit/cmd/bench/peers/gomlx mod download")
	}
	dirs := map[string]string{}
	if err := filepath.WalkDir(filepath.Join(root, "pkg"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs[d.Name()] = path
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, r := range features(t) {
		if r[3] == "–" {
			continue
		}
		pkg, name, _ := strings.Cut(r[3], ".")
		if dirs[pkg] == "" || !symbols(t, dirs[pkg])[name] {
			t.Errorf("%s: GoMLX has no %s", r[0], r[3])
		}
	}
}

// TestFeaturesOfPyTorchAndKeras asks the interpreter that MLKIT_PYTHON names, or
// python3, for every name.
func TestFeaturesOfPyTorchAndKeras(t *testing.T) {
	python := os.Getenv("MLKIT_PYTHON")
	if python == "" {
		python = "python3"
	}
	for column, library := range map[int]string{1: "torch", 2: "keras"} {
		t.Run(library, func(t *testing.T) {
			if err := exec.Command(python, "-c", "import "+library).Run(); err != nil {
				t.Skipf("needs %s with %s (set MLKIT_PYTHON): %v", python, library, err)
			}
			var names []string
			for _, r := range features(t) {
				if r[column] != "–" {
					names = append(names, r[column])
				}
			}
			cmd := exec.Command(python, "-c", `
import importlib, sys
library, *names = sys.argv[1:]
for name in names:
    at, path = importlib.import_module(library), library
    for part in name.split("."):
        path += "." + part
        if not hasattr(at, part):
            try:
                at = importlib.import_module(path)
            except ModuleNotFoundError as e:
                if e.name.startswith(library):  # else a library that the module needs
                    print(path)
                break
        else:
            at = getattr(at, part)
`, library)
			cmd.Args = append(cmd.Args, names...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			if missing := strings.Fields(stdout.String()); len(missing) > 0 {
				t.Errorf("%s has no %v", library, missing)
			}
		})
	}
}
