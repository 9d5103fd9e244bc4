package mlkit_test

import (
	"bytes"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// commentWidth is how many columns a line of prose in a comment has at most. A
// tab counts as four.
const commentWidth = 80

// TestCommentsHaveOneWidth looks at comments on lines of their own. What is
// indented in them (tables, programs, formulas), what an example prints, and a
// word that is longer by itself keep their lines.
func TestCommentsHaveOneWidth(t *testing.T) {
	seen := 0
	for _, dir := range []string{".", "../notebooks"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil || bytes.HasPrefix(src, []byte("// Code generated")) {
				return err
			}
			n, wide := wideComments(src)
			seen += n
			for _, line := range wide {
				t.Errorf("%s:%d: this comment is wider than %d columns", path, line, commentWidth)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 1000 {
		t.Errorf("only %d lines of comments found", seen)
	}
}

// codeWidth is how many columns a line of code has at most, tabs as four and
// texts and comments left out: messages stay on one line, to be found.
const codeWidth = 120

// TestCodeHasOneWidth looks at what is written by hand, tables of tests apart.
func TestCodeHasOneWidth(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil || bytes.HasPrefix(src, []byte("// Code generated")) {
			return err
		}
		for _, line := range wideCode(src) {
			t.Errorf("%s:%d: this code is wider than %d columns", path, line, codeWidth)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wideCode gives the numbers of lines that should be wrapped.
func wideCode(src []byte) (wide []int) {
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	out := make([]bool, len(src)) // texts and comments
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.STRING || tok == token.COMMENT {
			at := file.Offset(pos)
			for i := range text {
				out[at+i] = true
			}
		}
	}
	width, line := 0, 1
	for i, r := range string(src) {
		switch {
		case r == '\n':
			if width > codeWidth {
				wide = append(wide, line)
			}
			width, line = 0, line+1
		case out[i]:
		case r == '\t':
			width += 4
		default:
			width++
		}
	}
	return wide
}

func TestWideCode(t *testing.T) {
	long := strings.Repeat("x+", 55)
	for src, want := range map[string]int{
		"package p\n\nvar a = " + long + "xxx\n":                   1,
		"package p\n\nvar a = " + long + "xx\n":                    0,
		"package p\n\nvar a = \"" + long + "xx\"\n":                0, // a text
		"package p\n\nvar a = 1 // " + long + "\n":                 0,
		"package p\n\nfunc f() {\n\t_ = " + long + "xxx\n}\n":      1, // by the tab
		"package p\n\nvar a = `\n" + long + long + "` + \"é\"\n\n": 0,
	} {
		if got := wideCode([]byte(src)); len(got) != want {
			t.Errorf("%q: lines %v, expected %d", src, got, want)
		}
	}
}

// wideComments counts the lines of comments in a program, and gives the numbers
// of those that should be wrapped.
func wideComments(src []byte) (n int, wide []int) {
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	printed := false // this is what an example prints
	for {
		pos, tok, text := s.Scan()
		switch {
		case tok == token.EOF:
			return n, wide
		case tok != token.COMMENT:
			printed = false
			continue
		}
		n++
		printed = printed || strings.HasPrefix(text, "// Output:") || strings.HasPrefix(text, "// Unordered output:")
		start := file.Offset(file.LineStart(file.Line(pos)))
		tabs := src[start:file.Offset(pos)]
		if printed || len(bytes.Trim(tabs, "\t")) > 0 {
			continue
		}
		prose, is := strings.CutPrefix(text, "// ")
		if is && strings.Contains(prose, " ") && prose[0] != ' ' &&
			4*len(tabs)+utf8.RuneCountInString(text) > commentWidth {
			wide = append(wide, file.Line(pos))
		}
	}
}

func TestWideComments(t *testing.T) {
	long := strings.Repeat("word ", 16)
	for src, wide := range map[string]int{
		"// " + long + "\npackage p":                            1,
		"package p\n\n\t// " + long[:75] + "\n\tvar x int":      1, // by the tab
		"package p\n\n// " + long[:75] + "\nvar x int":          0,
		"package p\n\n//\t" + long + "\nvar x int":              0, // a table
		"package p\n\nvar x int // " + long:                     0,
		"package p\n\n// " + strings.Repeat("x", 99) + "\n":     0,
		"package p\n\n// Output:\n// " + long + "\n":            0,
		"package p\n\nvar x = `\n// " + long + "\n`\n":          0,
		"package p\n\n// Output: 1\nvar x int\n// " + long + "": 1,
	} {
		if _, got := wideComments([]byte(src)); len(got) != wide {
			t.Errorf("%q: lines %v, expected %d", src, got, wide)
		}
	}
}
