package nb

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestGroup(t *testing.T) {
	for _, c := range []struct {
		why   string
		cells []string
		want  [][]int
	}{
		{"nothing in common", []string{"import \"fmt\"", "func f() {}", "%%\nf()", "type T int"}, [][]int{{0, 1, 2, 3}}},
		{"declared again", []string{"func f() {}", "%%\nf()", "func f() {}"}, [][]int{{0, 1}, {2}}},
		{"local variables, fields and methods of that name", []string{"type T struct{ x int }\n\nfunc (T) f(y int) {}",
			"%%\nx := T{}\nx.f(x.x)\nfor y := range 3 {\n\t_ = func(z int) int { return z + y }\n}", "var x, y, z, f = 2, 3, 4, 5"}, [][]int{{0, 1, 2}}},
		{"a variable that only here and there is a local one", []string{"%%\nif x := 1; x > 0 {\n}\n_ = x", "var x = 2"}, [][]int{{0}, {1}}},
		{"the name of what every program has", []string{"%%\nprintln(len(\"\"))", "func len(string) int { return 1 }"}, [][]int{{0}, {1}}},
		{"a method changes how earlier values print", []string{"type T int", "%%\nprintln(T(1))", "func (t T) String() string { return \"\" }"}, [][]int{{0, 1}, {2}}},
		{"a method that only the cells can call", []string{"type T int", "%%\nshow := T(1)\nprintln(show)", "func (t T) show() {}"}, [][]int{{0, 1, 2}}},
		{"a method of that name", []string{"type T struct{ U }", "%%\nT{}.show()", "func (t T) show() {}"}, [][]int{{0, 1}, {2}}},
		{"a method that an interface asks for", []string{"type T int\ntype Shower interface{ show() }", "func (t T) show() {}"}, [][]int{{0}, {1}}},
		{"the same import", []string{"import \"math/rand/v2\"", "%%\nrand.Int()", "import \"math/rand/v2\"", "import \"math/rand\""}, [][]int{{0, 1, 2}, {3}}},
		{"starts itself", []string{"func again() { os.Executable() }", "%%\nprintln(1)", "%%\nagain()", "%%\nprintln(2)"}, [][]int{{0, 1}, {2}, {3}}},
		{"an import changes what a name means", []string{"%%\nrand.Int()", "import \"math/rand/v2\""}, [][]int{{0}, {1}}},
		{"runs in every program", []string{"%%\nprintln(1)", "var x = f()", "%%\nprintln(2)", "func init() {}", "import _ \"image/png\"", "var y = func() int { return 1 }()"},
			[][]int{{0}, {1, 2}, {3}, {4}, {5}}},
		{"runs nothing", []string{"%%\nprintln(1)", "var x, y = 3, []float32{1}", "const z = 4", "var w = show.Sized[float32](0.1, 1)", "var load = sync.OnceValue(func() int { return f() })"}, [][]int{{0, 1, 2, 3, 4}}},
		{"no command but the second line of an expression", []string{"%%\nprintln(true &&\n\t!false)", "%%\nprintln(1)"}, [][]int{{0, 1}}},
		{"not plain Go", []string{"%%\nprintln(1)", "!ls", "%%\nprintln(2)", "%%bash\nls", "func broken( {", "%%\nprintln(3)\n%%\nprintln(4)", "%%\nprintln(5)"},
			[][]int{{0}, {1}, {2}, {3}, {4}, {5}, {6}}},
		{"a function behind the mark is no statement", []string{"%%\nprintln(1)\n}\nfunc f() {"}, [][]int{{0}}},
	} {
		var cells []any
		for _, s := range c.cells {
			cells = append(cells, map[string]any{"cell_type": "code", "metadata": map[string]any{}, "outputs": []any{}, "source": s})
		}
		data, err := json.Marshal(map[string]any{"nbformat": 4, "cells": cells})
		if err != nil {
			t.Fatal(err)
		}
		n, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := Group(n.Cells()); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}
