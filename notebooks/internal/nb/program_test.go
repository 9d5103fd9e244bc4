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
		{"a local variable of that name, to be sure", []string{"%%\nx := 1\n_ = x", "var x = 2"}, [][]int{{0}, {1}}},
		{"a method changes how earlier values print", []string{"type T int", "%%\nprintln(T(1))", "func (t T) String() string { return \"\" }"}, [][]int{{0, 1}, {2}}},
		{"an import changes what a name means", []string{"%%\nrand.Int()", "import \"math/rand/v2\""}, [][]int{{0}, {1}}},
		{"runs in every program", []string{"%%\nprintln(1)", "var x = f()", "%%\nprintln(2)", "func init() {}", "import _ \"image/png\"", "var y = func() int { return 1 }()"},
			[][]int{{0}, {1, 2}, {3}, {4}, {5}}},
		{"runs nothing", []string{"%%\nprintln(1)", "var x, y = 3, []float32{1}", "const z = 4", "var load = sync.OnceValue(func() int { return f() })"}, [][]int{{0, 1, 2, 3}}},
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
