package nb

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"strings"
)

// mainMark is GoNB's line between a cell's declarations and the statements of
// its main function.
const mainMark = "%%"

// A Program is what a code cell gives the Go kernel: declarations, which stay
// for later cells, and the statements of a main function, which runs at once.
type Program struct {
	Imports, Declarations, Main string // Declarations are the others

	decls []declaration
	main  map[string]bool // the identifiers in Main
	files *token.FileSet
	trees []*ast.File // of the declarations and of Main
}

// declaration is one import, function, method, type, or group of variables or
// constants.
type declaration struct {
	names    map[string]bool   // what it declares; for a method that other packages can see, its type
	method   string            // the name of a method that they cannot see
	imports  map[string]string // paths by name
	mentions map[string]bool   // every identifier in it, fields and local names included
	runs     bool              // something happens in each program that holds it
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
		switch { // only what begins a line is a command
		case strings.TrimRight(line, " \t\r\n") == mainMark && !marked:
			marked = true
			continue
		case strings.HasPrefix(line, "%"), strings.HasPrefix(line, "!"), strings.HasPrefix(strings.TrimSpace(line), "//gonb:"):
			return p, false
		}
		if marked {
			parts[1].WriteString(line)
		} else {
			parts[0].WriteString(line)
		}
	}
	p.Declarations, p.Main = parts[0].String(), parts[1].String()
	p.files = token.NewFileSet()
	const head = "package p\n"
	file, err := parser.ParseFile(p.files, "", head+p.Declarations, parser.SkipObjectResolution)
	if err != nil {
		return p, false
	}
	body, err := parser.ParseFile(p.files, "", head+"func main() {\n"+p.Main+"\n}", parser.SkipObjectResolution)
	if err != nil || len(body.Decls) != 1 {
		return p, false
	}
	p.trees = []*ast.File{file, body}
	p.main = mentions(body)
	end := 0 // of the imports, which come first
	for _, d := range file.Decls {
		p.decls = append(p.decls, declare(d))
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			end = p.files.Position(d.End()).Offset - len(head)
		}
	}
	p.Imports, p.Declarations = p.Declarations[:end], p.Declarations[end:]
	return p, true
}

// Group divides the code cells into runs of neighbours, by index, whose
// programs can be compiled as one without a difference that any of their cells
// could notice: all are plain Go, and no cell declares what an earlier cell of
// its group mentions (names of local variables and fields are not meant); nor
// does a declaration that calls something come to an earlier cell, or a method
// to which another package could turn for a value of an earlier cell. A cell
// that starts its own program again is a group of its own, as is one that is
// not plain Go; the programs are nil for the latter.
func Group(cells []Cell) (groups [][]int, programs []*Program) {
	programs = make([]*Program, len(cells))
	for i, c := range cells {
		if p, plain := c.Program(); plain {
			programs[i] = &p
		}
	}
	again := touched(programs, map[string]bool{"Executable": true, "Args": true})
	var at *group                  // the group at hand; nil: a new one begins
	imports := map[string]string{} // paths by name, so far
	for i, c := range cells {
		if !c.IsCode() {
			continue
		}
		p := programs[i]
		alone := p == nil || intersect(p.main, again)
		if at == nil || alone || at.notices(p, imports) {
			groups, at = append(groups, nil), &group{map[string]bool{}, map[string]bool{}}
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], i)
		if p != nil {
			at.add(p)
			for _, d := range p.decls {
				maps.Copy(imports, d.imports)
			}
		} else {
			clear(imports) // it may import, too
		}
		if alone {
			at = nil
		}
	}
	return groups, programs
}

// group is what the cells of a group mention: names at the level of the
// package, and of fields and methods.
type group struct{ names, members map[string]bool }

// notices tells whether the cells of the group could notice the declarations of
// p, when those are the imports so far.
func (g *group) notices(p *Program, imports map[string]string) bool {
	for _, d := range p.decls {
		if d.runs || g.members[d.method] {
			return true
		}
		for name := range d.names {
			if path := d.imports[name]; g.names[name] && (path == "" || path != imports[name]) {
				return true
			}
		}
	}
	return false
}

// add notes what p mentions. A name that it neither declares nor explains, such
// as one of an earlier cell, is one of the package.
func (g *group) add(p *Program) {
	for _, d := range p.decls {
		maps.Copy(g.names, d.names)
	}
	info := types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	// Packages and earlier cells are not there: errors are to be expected.
	conf := types.Config{Error: func(error) {}}
	pkg, _ := conf.Check("p", p.files, p.trees, &info)
	for _, tree := range p.trees {
		selected := map[*ast.Ident]bool{} // fields, methods, and what packages have
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				selected[n.Sel] = true
			case *ast.Ident:
				object, known := info.Defs[n]
				if !known {
					object, known = info.Uses[n]
				}
				var scope *types.Scope
				if object != nil {
					scope = object.Parent() // none of fields and methods
				}
				_, imported := object.(*types.PkgName)
				switch {
				case selected[n], object != nil && scope == nil:
					g.members[n.Name] = true
				case !known, imported, scope == pkg.Scope(), scope == types.Universe:
					g.names[n.Name] = true
				}
			}
			return true
		})
	}
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
	programs := make([]*Program, len(cells))
	for i, c := range cells {
		if p, plain := c.Program(); plain {
			programs[i] = &p
		}
	}
	tainted := touched(programs, sizes)
	is := make([]bool, len(cells))
	for i, p := range programs {
		is[i] = p == nil || intersect(p.main, tainted)
	}
	return is
}

// touched returns the names, and those whose declarations mention one of them,
// directly or by way of others.
func touched(programs []*Program, names map[string]bool) map[string]bool {
	names = maps.Clone(names)
	for grown := true; grown; {
		grown = false
		for _, p := range programs {
			if p == nil {
				continue
			}
			for _, d := range p.decls {
				if !intersect(d.mentions, names) {
					continue
				}
				for name := range d.names {
					grown = grown || !names[name]
					names[name] = true
				}
				if d.method != "" && !names[d.method] {
					names[d.method], grown = true, true
				}
			}
		}
	}
	return names
}

func declare(d ast.Decl) declaration {
	decl := declaration{names: map[string]bool{}, mentions: mentions(d)}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && !d.Name.IsExported() {
			decl.method = d.Name.Name
			break
		}
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
				name := importName(spec)
				decl.names[name] = true
				if decl.imports == nil {
					decl.imports = map[string]string{}
				}
				decl.imports[name] = spec.Path.Value
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
	"OnceValue": true, "OnceValues": true, "OnceFunc": true, "Sqrt": true, "MustCompile": true, "Fields": true,
	"Sized": true, "Smoke": true, "NewOp": true}

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
			f := n.Fun
			if generic, ok := f.(*ast.IndexExpr); ok {
				f = generic.X
			}
			switch f := f.(type) {
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
