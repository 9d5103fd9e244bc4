package nb

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type lintCell struct {
	kind, source string
	outputs      []any
}

func lintOf(t *testing.T, name string, cells ...lintCell) []string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "notebooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "code.go"), []byte("package p\n\nfunc f() {\n\tg()\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	list := []any{}
	for _, c := range cells {
		cell := map[string]any{"cell_type": c.kind, "source": c.source, "metadata": map[string]any{}}
		if c.kind == "code" {
			cell["outputs"] = c.outputs
		}
		list = append(list, cell)
	}
	data, err := json.Marshal(map[string]any{"nbformat": 4, "cells": list})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "notebooks", name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	n, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return n.Lint(root)
}

const titleCell = "# 5 · The linear model · 项目实践"

func TestLintAcceptsAGoodNotebook(t *testing.T) {
	faults := lintOf(t, "05-x.ipynb",
		lintCell{"markdown", titleCell + "\n\n[itself](05-x.ipynb), [section](#a), [out](https://example.org)\n\n```go code.go\nfunc f() {\n\tg()\n}\n```\n\n```\n# not a heading\n```", nil},
		lintCell{"code", "import (\n\t\"fmt\"\n)", nil},
		lintCell{"code", "var text = `a\n !b, %c, //go:embed, os.Stdin\n package p` // fmt.Scan, os.Stdin\n\nfunc f() { fmt.Sscan(text); x.os.StdinPipe() }", nil},
		lintCell{"code", "\t// " + strings.Repeat("é", 92), nil},
		lintCell{"code", "func f() {}\n\n%%\nf()\ng := func() {}\ng()", []any{map[string]any{
			"output_type": "display_data", "metadata": map[string]any{"alt": "a curve"}, "data": map[string]any{"image/png": "x"}}}},
		lintCell{"markdown", "## 5.1 Setting up · 开发环境搭建\n\n## Summary", nil})
	if len(faults) != 0 {
		t.Errorf("faults: %q", faults)
	}
}

func TestLintFindsEachFault(t *testing.T) {
	title, imports := lintCell{"markdown", titleCell, nil}, lintCell{"code", "import \"fmt\"", nil}
	png := func(metadata, data map[string]any) []any {
		data["image/png"] = "x"
		return []any{map[string]any{"output_type": "display_data", "metadata": metadata, "data": data}}
	}
	for want, cells := range map[string][]lintCell{
		"imports and nothing else":              {title, {"code", "import \"fmt\"\n%%\nfmt.Println()", nil}},
		"a second %%":                           {title, imports, {"code", "%%\nf()\n%%\ng()", nil}},
		"lies in a raw string":                  {title, imports, {"code", "%%\nprintln(`a\n%b`)", nil}},
		"in a raw string but begins with \"!\"": {title, imports, {"code", "%%\nprintln(`a\n!b`)", nil}},
		"in a raw string but begins with pack":  {title, imports, {"code", "%%\nprintln(`a\npackage b`)", nil}},
		"in a comment but begins with \"!\"":    {title, imports, {"code", "/* a\n!b */\n%%\nf()", nil}},
		"a shell command (!rm":                  {title, imports, {"code", "//gonb:!rm x", nil}},
		"drops //go:embed":                      {title, imports, {"code", "//go:embed a.txt\nvar text string", nil}},
		"fmt.Scanln waits for input":            {title, imports, {"code", "%%\nvar n int\nfmt.Scanln(&n)", nil}},
		"os.Stdin waits for input":              {title, imports, {"code", "%%\nbufio.NewReader(os.Stdin)", nil}},
		"%%bash":                                {title, imports, {"code", "%%bash\nfalse", nil}},
		"a shell command":                       {title, imports, {"code", "!false", nil}},
		"function after %%":                     {title, imports, {"code", "%%\nfunc f() {}", nil}},
		"picture without an alternative text": {title, imports, {"code", "%%\nf()",
			png(map[string]any{}, map[string]any{})}},
		"an <img> has no alternative": {title, imports, {"markdown", "<img src=\"x.png\">", nil}},
		"has no alternative text":     {title, imports, {"markdown", "![](05-x.ipynb)", nil}},
		"the cell has 61 lines":       {title, imports, {"code", "%%" + strings.Repeat("\nx := 1", 60), nil}},
		"line 2 has 100 columns":      {title, imports, {"code", "%%\n\t// " + strings.Repeat("é", 93), nil}},
		"committed output is an error": {title, imports, {"code", "%%\nf()",
			[]any{map[string]any{"output_type": "error", "ename": "E", "evalue": "v"}}}},
		"leads nowhere":               {title, imports, {"markdown", "[gone](04-gone.ipynb)", nil}},
		"leaves the checkout":         {title, imports, {"markdown", "[up](../../)", nil}},
		"begin with the chapter":      {{"markdown", "# 4 · Mathematics · 数学", nil}, imports},
		"a number of chapter 4":       {title, imports, {"markdown", "## 4.1 Wrong · 错", nil}},
		"lacks the document's":        {title, imports, {"markdown", "## 5.1 Setting up", nil}},
		"second heading of the first": {title, imports, {"markdown", titleCell, nil}},
		"no title":                    {imports},
		"not in it any more":          {title, imports, {"markdown", "```go code.go\nfunc h() {}\n```", nil}},
		"which cannot be read":        {title, imports, {"markdown", "```go gone.go\nf\n```", nil}},
		"which a code host shows as":  {title, imports, {"markdown", "```mermaid\ngraph LR\n```", nil}},
		"is not closed":               {title, imports, {"markdown", "```go\nf", nil}},
	} {
		if got := strings.Join(lintOf(t, "05-x.ipynb", cells...), "\n"); !strings.Contains(got, want) {
			t.Errorf("want %q among the faults, got %q", want, got)
		}
	}
}
