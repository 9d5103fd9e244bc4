package nb

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// mainMark is GoNB's line between a cell's declarations and the statements of
// its main function.
const mainMark = "%%"

// A Program is what a code cell gives the Go kernel: declarations, which stay
// for later cells, and the statements of a main function, which runs at once.
type Program struct {
	Declarations, Main string

	decls []declaration
	main  map[string]bool // the identifiers in Main
}

// declaration is one import, function, method, type, or group of variables or
// constants.
type declaration struct {
	names    map[string]bool // what it declares; for a method, the type
	mentions map[string]bool // every identifier in it, fields and local names included
	runs     bool            // something happens in each program that holds it
}

// Program splits the cell. It reports false for a cell that is not plain Go:
// one with other magic commands or shell lines, tagged to fail, or not to be
// parsed.
func (c Cell) Program() (Program, bool) {
	var p Program
	if !c.IsCode() || c.HasTag("raises-exception") {
		return p, false
	}
	marked := false
	var parts [2]strings.Builder
	for line := range strings.Lines(c.Source()) {
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == mainMark && !marked:
			marked = true
			continue
		case strings.HasPrefix(trimmed, "%"), strings.HasPrefix(trimmed, "!"), strings.HasPrefix(trimmed, "//gonb:"):
			return p, false
		}
		if marked {
			parts[1].WriteString(line)
		} else {
			parts[0].WriteString(line)
		}
	}
	p.Declarations, p.Main = parts[0].String(), parts[1].String()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", "package p\n"+p.Declarations, parser.SkipObjectResolution)
	if err != nil {
		return p, false
	}
	body, err := parser.ParseFile(files, "", "package p\nfunc main() {\n"+p.Main+"\n}", parser.SkipObjectResolution)
	if err != nil || len(body.Decls) != 1 {
		return p, false
	}
	p.main = mentions(body)
	for _, d := range file.Decls {
		p.decls = append(p.decls, declare(d))
	}
	return p, true
}

// Group divides the code cells into runs of neighbours, by index, whose
// programs can be compiled as one without a difference that any of their cells
// could notice: all are plain Go, and a name that a cell declares occurs in no
// earlier cell of its group, in whatever meaning; neither does a declaration
// that calls something come to an earlier cell. The programs are nil for a cell
// that is not plain Go; it is a group of its own.
func Group(cells []Cell) (groups [][]int, programs []*Program) {
	programs = make([]*Program, len(cells))
	var mentioned map[string]bool // in the group at hand; nil: a new one begins
	for i, c := range cells {
		if !c.IsCode() {
			continue
		}
		p, plain := c.Program()
		if !plain {
			groups, mentioned = append(groups, []int{i}), nil
			continue
		}
		programs[i] = &p
		if mentioned == nil || p.disturbs(mentioned) {
			groups, mentioned = append(groups, nil), map[string]bool{}
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], i)
		maps.Copy(mentioned, p.main)
		for _, d := range p.decls {
			maps.Copy(mentioned, d.mentions)
		}
	}
	return groups, programs
}

// disturbs tells whether a cell that mentions the names could notice the
// declarations of p.
func (p *Program) disturbs(mentioned map[string]bool) bool {
	return slices.ContainsFunc(p.decls, func(d declaration) bool { return d.runs || intersect(d.names, mentioned) })
}

func intersect(a, b map[string]bool) bool {
	for name := range a {
		if b[name] {
			return true
		}
	}
	return false
}

// sizes are the functions of package show that make a cell small where the
// notebook is only tried out.
var sizes = map[string]bool{"Sized": true, "Smoke": true}

// small tells of each cell whether what it shows may depend on the size of a
// notebook that is only tried out: it asks for the size, or mentions something
// whose declaration does, directly or by way of others. A cell that is not
// plain Go counts as small, too.
func small(cells []Cell) []bool {
	programs := make([]Program, len(cells))
	plain := make([]bool, len(cells))
	tainted := maps.Clone(sizes)
	for i, c := range cells {
		programs[i], plain[i] = c.Program()
	}
	for grown := true; grown; {
		grown = false
		for _, p := range programs {
			for _, d := range p.decls {
				if !intersect(d.mentions, tainted) {
					continue
				}
				for name := range d.names {
					grown = grown || !tainted[name]
					tainted[name] = true
				}
			}
		}
	}
	is := make([]bool, len(cells))
	for i, p := range programs {
		is[i] = !plain[i] || intersect(p.main, tainted)
	}
	return is
}

func declare(d ast.Decl) declaration {
	decl := declaration{names: map[string]bool{}, mentions: mentions(d)}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && len(d.Recv.List) == 1 {
			decl.names = mentions(d.Recv.List[0].Type)
			break
		}
		decl.names[d.Name.Name] = true
		decl.runs = d.Name.Name == "init" || strings.HasPrefix(d.Name.Name, "init_") // the latter is GoNB's
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ImportSpec:
				decl.names[importName(spec)] = true
				decl.runs = decl.runs || spec.Name != nil && (spec.Name.Name == "_" || spec.Name.Name == ".")
			case *ast.TypeSpec:
				decl.names[spec.Name.Name] = true
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					decl.names[name.Name] = true
				}
				for _, v := range spec.Values {
					decl.runs = decl.runs || calls(v)
				}
			}
		}
	}
	return decl
}

// importName is the name by which a file most likely mentions the package.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	full := strings.Trim(spec.Path.Value, `"`)
	name := path.Base(full)
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
		name = path.Base(path.Dir(full))
	}
	return name
}

// pure are calls that do nothing which another cell could notice.
var pure = map[string]bool{"make": true, "new": true, "len": true, "float32": true, "float64": true, "int": true,
	"OnceValue": true, "OnceValues": true, "OnceFunc": true, "Sqrt": true, "MustCompile": true}

// calls tells whether evaluating the expression may call a function.
func calls(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.Ident:
				found = found || !pure[f.Name]
			case *ast.SelectorExpr:
				found = found || !pure[f.Sel.Name]
			case *ast.ArrayType: // a conversion
			default:
				found = true
			}
		}
		return true
	})
	return found
}

func mentions(n ast.Node) map[string]bool {
	found := map[string]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			found[id.Name] = true
		}
		return true
	})
	return found
}
