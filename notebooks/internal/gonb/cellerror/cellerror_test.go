package cellerror

import (
	"strings"
	"testing"
)

// file is what the kernel makes of
//
//	cell 2: func norm(p P) float64 { return p.X + p.Y }    (three lines)
//	cell 5: %% and three statements
func file() File {
	return File{
		Cell: 5, Dir: "/tmp/gonb_1", Repo: "/home/me/descent",
		Lines: []string{"package main", "", "func norm(p P) float64 {", "\treturn p.X + p.Y", "}", "func main() {", "flag.Parse()",
			"\tx := 1", "\tprintln(\"损失\", y)", "\tnorm(P{})", "}"},
		Places: []Place{{}, {}, {2, 1}, {2, 2}, {2, 3}, {}, {}, {5, 2}, {5, 3}, {5, 4}, {}},
	}
}

// unwrap puts hints into one line each.
func unwrap(text string) string { return strings.ReplaceAll(text, "\n          ", " ") }

func TestAdvise(t *testing.T) {
	got := advise(strings.Repeat("word ", 40) + "损失损失")
	for line := range strings.Lines(got) {
		if width(strings.TrimSuffix(line, "\n")) > 92 {
			t.Errorf("too wide: %q", line)
		}
	}
	if !strings.HasPrefix(got, "    Hint: word word") || !strings.Contains(got, "\n          word") || strings.Count(got, "word") != 40 {
		t.Errorf("%q", got)
	}
}

func TestCompile(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"the cause before what follows": {
			"# gonb_1\n./main.go:8:2: declared and not used: x\n./main.go:9:20: undefined: y\n",
			"This cell, line 3: undefined: y\n" +
				"    3 | println(\"损失\", y)\n" +
				"      |                 ^\n" +
				"    Hint: run the cell that defines y first (after a restart of the kernel none has run), or look for a typing error. A package needs its import\n" +
				"Perhaps only because of that:\n" +
				"This cell, line 2: declared and not used: x\n    2 | x := 1\n      | ^\n" +
				"    Hint: Go takes a variable that nothing reads for a mistake. Use x, remove it, or write _ = x",
		},
		"a type lost a field": {
			"# gonb_1\n./main.go:4:17: p.Y undefined (type P has no field or method Y)\n",
			"Cell [2], line 2: p.Y undefined (type P has no field or method Y)\n    2 | return p.X + p.Y\n      |                ^\n" +
				"    Hint: cell [2] was right until this cell changed what it uses; so the old definitions stay. Run a cell with %rm norm, then this one, then cell [2] in its new form",
		},
		"another declaration": {
			"./main.go:8:2: norm redeclared in this block\n\t./main.go:3:6: other declaration of norm\n",
			"This cell, line 2: norm redeclared in this block\n        cell [2], line 1: other declaration of norm\n    2 | x := 1\n      | ^\n" +
				"    Hint: two cells give the name norm to different things. To forget the earlier one run a cell with: %rm norm",
		},
		"no %%": {
			"/tmp/gonb_1/main.go:8:2: expected declaration, found x (and 2 more errors)",
			"This cell, line 2: expected declaration, found x (and 2 more errors)\n    2 | x := 1\n      | ^\n" +
				"    Hint: outside of a function Go knows only import, const, type, var and func. Put a line with only %% above the statements that are to run",
		},
		"arguments": {
			"./main.go:10:7: not enough arguments in call to norm\n\thave (P)\n\twant (P, int)\n",
			"This cell, line 4: not enough arguments in call to norm\n        have (P)\n        want (P, int)\n    4 | norm(P{})\n      |      ^",
		},
		"too many": {
			"./main.go:9:20: undefined: y\n./main.go:9:20: too many errors\n",
			"This cell, line 3: undefined: y\n    3 | println(\"损失\", y)\n      |                 ^\n" +
				"    Hint: run the cell that defines y first (after a restart of the kernel none has run), or look for a typing error. A package needs its import\n" +
				"Go stopped here: there are more errors.",
		},
		"a package": {
			"failed to run \"/usr/local/go/bin/go get\": exit status 1\n\ngo: gonb_1 imports\n\tno/such: package no/such is not in std (/usr/local/go/src/no/such)\n",
			"no/such: package no/such is not in std\n" +
				"    Hint: cells can import Go's standard library, descent/mlkit/… and the modules of go.mod; nothing is downloaded while a cell runs. Is the path right?",
		},
		"the kernel's own line": {"./main.go:7:1: undefined: flag", "In code that the kernel adds: undefined: flag\n" +
			"    Hint: run the cell that defines flag first (after a restart of the kernel none has run), or look for a typing error. A package needs its import"},
		"something else":   {"go: cannot write /tmp/gonb_1/x: no space left on device", "go: cannot write x: no space left on device"},
		"nothing":          {"exit status 1\n", "exit status 1"},
		"a line too far":   {"./main.go:99:1: oops", "In code that the kernel adds: oops"},
		"a value":          {"./main.go:8:2: x (variable of type int) is not used", "This cell, line 2: x (variable of type int) is not used\n    2 | x := 1\n      | ^\n    Hint: a Go cell does not show the value of its last line by itself: fmt.Println(x)"},
		"a hint only once": {"./main.go:8:2: declared and not used: x\n./main.go:8:2: declared and not used: z", "This cell, line 2: declared and not used: x\n    2 | x := 1\n      | ^\n    Hint: Go takes a variable that nothing reads for a mistake. Use x, remove it, or write _ = x\nThis cell, line 2: declared and not used: z\n    2 | x := 1\n      | ^"},
	} {
		if got := unwrap(file().Compile(c.output)); got != c.want {
			t.Errorf("%s:\n%s\n--- want\n%s", name, got, c.want)
		}
	}
}

func TestPanic(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"in the cell": {
			"panic: runtime error: index out of range [7] with length 3\n\ngoroutine 1 [running]:\nmain.norm(...)\n\t/tmp/gonb_1/main.go:4\nmain.main()\n\t/tmp/gonb_1/main.go:10 +0x1d\n",
			"Cell [2], line 2: panic: runtime error: index out of range [7] with length 3\n    2 | return p.X + p.Y\ncalled from this cell, line 4\n    4 | norm(P{})",
		},
		"in the library": {
			"panic: matmul: shapes (2, 3) and (4, 3)\n\ngoroutine 1 [running]:\ndescent/mlkit/tensor.check(0x1)\n\t/home/me/descent/mlkit/tensor/shape.go:31 +0x5\ndescent/mlkit/tensor.MatMul(...)\n\t/home/me/descent/mlkit/tensor/matmul.go:9\nmain.main()\n\t/tmp/gonb_1/main.go:10 +0x1d\nexit status 2\n",
			"This cell, line 4: panic: matmul: shapes (2, 3) and (4, 3)\n    4 | norm(P{})\n    it calls descent/mlkit/tensor.MatMul (mlkit/tensor/matmul.go:9)\n    it calls descent/mlkit/tensor.check (mlkit/tensor/shape.go:31)",
		},
		"nil": {
			"panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48]\n\ngoroutine 1 [running]:\nmain.main()\n\t/tmp/gonb_1/main.go:10 +0x1d\n",
			"This cell, line 4: panic: runtime error: invalid memory address or nil pointer dereference\n    4 | norm(P{})\n    Hint: something here is nil: a pointer, map or interface that nothing was assigned to, or a result that came with an error that was not looked at",
		},
		"another goroutine": {
			"panic: oops\n\ngoroutine 18 [running]:\nmain.main.func1()\n\t/tmp/gonb_1/main.go:9 +0x25\ncreated by main.main in goroutine 1\n\t/tmp/gonb_1/main.go:10 +0x1e\n",
			"This cell, line 3: panic: oops\n    3 | println(\"损失\", y)\ncalled from this cell, line 4\n    4 | norm(P{})",
		},
		"nowhere":    {"panic: oops\n\ngoroutine 5 [running]:\nx/y.f()\n\t/root/go/pkg/mod/x/y@v1/f.go:3 +0x1\n", "panic: oops\n    in x/y.f (x/y@v1/f.go:3)"},
		"no crash":   {"panic: not really\nall is well\n", ""},
		"other text": {"hello\n", ""},
	} {
		if got := unwrap(file().Panic(c.text)); got != c.want {
			t.Errorf("%s:\n%s\n--- want\n%s", name, got, c.want)
		}
	}
	if Ended("exit status 3") != "" || !strings.Contains(Ended("signal: killed"), "memory") {
		t.Error("how it ended is not said")
	}
}
