package nb

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sample = "../testdata/sample.ipynb"

func TestRoundTrip(t *testing.T) {
	want, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Read(sample)
	if err != nil {
		t.Fatal(err)
	}
	got, err := n.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("reading and writing changes a notebook")
	}
	path := filepath.Join(t.TempDir(), "copy.ipynb")
	if err := n.Write(path); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, want) {
		t.Errorf("the written file differs (%v)", err)
	}
	if err := n.Write(filepath.Join(path, "no", "folder.ipynb")); err == nil || !strings.Contains(err.Error(), "writable") {
		t.Errorf("writing where it cannot: %v", err)
	}
}

// What the format allows beside what this program writes: text as one string,
// numbers with their digits, unknown keys.
func TestForeign(t *testing.T) {
	n, err := Parse([]byte(`{"nbformat":4,"nbformat_minor":5,"metadata":{"x":1.0},
		"cells":[{"cell_type":"code","id":"a","metadata":{"execution":{"iopub.status.busy":"2026"}},"source":"a\nb <é>","outputs":[]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	n.Cells()[0].SetOutputs(nil, 3)
	got, err := n.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"x": 1.0`, `"a\n",`, `"b <é>"`, `"execution_count": 3`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	if strings.Contains(string(got), "busy") {
		t.Error("times of day stay in the file")
	}
}

func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "there.ipynb"), []byte("{}"), 0o600)
	for name, c := range map[string]struct{ data, want string }{
		"missing":  {"", "there.ipynb"},
		"cut":      {`{"cells": [`, "not JSON"},
		"conflict": {"{\n<<<<<<< HEAD\n", "merge conflict"},
		"old":      {`{"nbformat": 3, "worksheets": []}`, "format 4"},
		"nocells":  {`{"nbformat": 4}`, "no list of cells"},
		"badcell":  {`{"nbformat": 4, "cells": [{}]}`, "cell 1 has no type"},
	} {
		path := filepath.Join(dir, name+".ipynb")
		if c.data != "" {
			os.WriteFile(path, []byte(c.data), 0o600)
		}
		_, err := Read(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; want the path and %q", name, err, c.want)
		}
	}
}

func TestImports(t *testing.T) {
	n, err := Parse([]byte(`{"nbformat":4,"metadata":{},"cells":[
		{"cell_type":"code","metadata":{},"outputs":[],"source":"import (\n\t\"fmt\"\n\tr \"math/rand/v2\" // why\n\t_ \"embed\"\n)\nvar x = \"os\"\n"},
		{"cell_type":"code","metadata":{},"outputs":[],"source":"import . \"strings\"\n%%\nfmt.Println(\"import\")"},
		{"cell_type":"code","metadata":{},"outputs":[],"source":"%%writefile x.go\nimport \"net\""},
		{"cell_type":"markdown","metadata":{},"source":"import \"time\""}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := n.Imports(), []string{"embed", "fmt", "math/rand/v2", "strings"}; !slices.Equal(got, want) {
		t.Errorf("imports %v, want %v", got, want)
	}
}
