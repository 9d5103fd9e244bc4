package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup/setuptest"
)

// patience is for a notebook that should end: a busy machine takes its time,
// and what hangs must end some day.
const patience = 10 * time.Minute

// notebook writes a notebook of code cells.
func notebook(t *testing.T, sources ...string) *nb.Notebook {
	t.Helper()
	var cells []any
	for _, s := range sources {
		tags := []string{}
		if rest, found := strings.CutPrefix(s, "raises:"); found {
			s, tags = rest, append(tags, expected)
		}
		cells = append(cells, map[string]any{"cell_type": "code", "metadata": map[string]any{"tags": tags},
			"source": s, "outputs": []any{}, "execution_count": nil, "id": "c" + string(rune('a'+len(cells)))})
	}
	data, err := json.Marshal(map[string]any{"nbformat": 4, "nbformat_minor": 5, "metadata": map[string]any{}, "cells": cells})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "n.ipynb")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := nb.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTwoRunsAreEqual(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
	n, err := nb.Read("../testdata/sample.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	var runs [2][]byte
	for i := range runs {
		if err := Notebook(t.Context(), env, n, Options{Timeout: patience}); err != nil {
			t.Fatal(err)
		}
		for _, c := range n.Cells() {
			if c.HasTag(nb.TimingTag) {
				c.SetOutputs(nil, 0)
			}
		}
		if runs[i], err = n.Bytes(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(runs[0], runs[1]) {
		t.Error("two runs of the same notebook differ")
	}
	if text := string(runs[0]); !strings.Contains(text, "image/png") || !strings.Contains(text, "mse = 0.0867") || !strings.Contains(text, "\"step 5 of 5\\n\"") {
		t.Errorf("the outputs are not there:\n%s", text)
	}
}

// What GoNB reports as an error, and what it lets pass. Where the kernel
// survives the fault, one notebook shows them all: its cells are tagged to fail
// on purpose, and each is then judged as if it were not.
func TestFailures(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
	ok := "%%\nprintln(1)"
	faults := []struct{ name, cell, want string }{
		{"compile", "raises:%%\nvar x int = \"a\"", "This cell, line 2: cannot use"},
		{"unused", "raises:%%\nx := 3", "This cell, line 2: declared and not used: x"},
		{"panic", "raises:%%\npanic(\"the reason\")", "This cell, line 2: panic: the reason"},
		{"exit", "raises:%%\nos.Exit(3)", "exit status 3"},
		{"test", "raises:func TestA(t *testing.T) { t.Fatal(\"the reason\") }\n%test", "the reason"},
		{"shell", "raises:!false", "a shell command failed"},
		{"bash", "raises:%%bash\nexit 3", "exit status 3"},
		{"magic", "raises:%nosuch", "%nosuch"},
		{"network", "raises:import \"example.com/none\"\n%%\nnone.F()", "example.com/none"},
	}
	var cells []string
	for _, f := range faults {
		cells = append(cells, ok, f.cell)
	}
	n := notebook(t, append(cells, ok)...)
	if err := Notebook(t.Context(), env, n, Options{Timeout: patience}); err != nil {
		t.Fatal(err) // also if one of the others, untagged, failed
	}
	for i, f := range faults {
		c := n.Cells()[2*i+1]
		if got := reasonOf(c); !strings.Contains(got, f.want) {
			t.Errorf("%s: the reason is %q, want %q", f.name, got, f.want)
		} else if strings.HasPrefix(f.want, "This cell") && regexp.MustCompile(`main\.go|gonb_|exit status|goroutine`).MatchString(got) {
			t.Errorf("%s: not for the reader: %q", f.name, got)
		}
	}
}

// A fault stops the notebook, and the error names the cell.
func TestFaultStops(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
	ok := "%%\nprintln(1)"
	for name, c := range map[string]struct {
		cells []string
		cell  int // the one to blame
		want  string
	}{
		"seen by the runner": {[]string{ok, "%%\nvar x int = \"a\"", ok}, 2, "cannot use"},
		"seen by us alone":   {[]string{"!false", ok}, 1, "a shell command failed"},
		"dies":               {[]string{ok, "!kill -9 $PPID; sleep 60", ok}, 2, "the kernel died"},
		"two mains":          {[]string{"%%\nprintln(1)\n%%\nprintln(2)", ok}, 1, "the kernel died"},
		"unexpected":         {[]string{"raises:%%\nprintln(1)", ok}, 1, "nothing failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := notebook(t, c.cells...)
			err := Notebook(t.Context(), env, n, Options{Timeout: patience})
			var failed *CellError
			if !errors.As(err, &failed) {
				t.Fatalf("no cell is blamed: %v", err)
			}
			if failed.Cell.Number != c.cell || !strings.Contains(failed.Reason, c.want) {
				t.Errorf("%v\nwant cell %d and %q", err, c.cell, c.want)
			}
			if last := n.Cells()[len(c.cells)-1]; last.Outputs() != nil {
				t.Errorf("after the fault the last cell still printed %v", last.Outputs())
			}
		})
	}
}

// What is printed arrives whole, in time in proportion to its length, and
// folded as a page shows it.
func TestLongOutput(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
	n := notebook(t,
		"%%\nfmt.Println(strings.Repeat(\"0.12345 \", 1<<17))", // 1 MB
		"%%\nfor i := range 50000 {\n\tfmt.Printf(\"\\rstep %d\", i)\n}",
		"%%\nfor range 20000 {\n\tfmt.Print(\"o\")\n\tfmt.Fprint(os.Stderr, \"e\")\n}")
	if err := Notebook(t.Context(), env, n, Options{Timeout: patience, Together: true}); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{
		{"stdout", strings.Repeat("0.12345 ", 1<<17) + "\n"},
		{"stdout", "step 49999"},
		{"stdout", strings.Repeat("o", 20000), "stderr", strings.Repeat("e", 20000)},
	} {
		var got []string
		for _, o := range n.Cells()[i].Outputs() {
			name, text := o.Stream()
			got = append(got, name, text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("cell %d: outputs %.60q…, want %.60q…", i+1, got, want)
		}
	}
}

// Compiled together, cells show what they show alone: each is a program of its
// own, sees what the cells before it declared, and nothing of later ones.
func TestTogether(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
	var runs [2][]byte
	for i := range runs {
		n := notebook(t,
			"import (\n\t\"fmt\"\n\t\"strings\"\n)",
			"var count = 1\n\ntype point struct{ x int }\n\n%%\ncount++\nfmt.Println(count)",
			"import (\n\t\"fmt\"\n\t\"math\"\n)\n\n%%\nfmt.Println(math.Sqrt(4))",
			"func (p point) twice() int { return 2 * p.x }\n\n%%\nfmt.Println(point{4}.twice())",
			"%%\ncount += 10\nfmt.Println(count)\nif count > 0 {\n\treturn\n}\nfmt.Println(\"no\")",
			"func twice(x int) int { return 2 * x }",
			"%%\ntwice := twice(4)\nfmt.Println(twice, point{3})",
			// From here on the point before prints itself otherwise: not
			// before.
			"func (p point) String() string { return strings.Repeat(\"*\", p.x) }\n\n%%\nfmt.Println(point{3})",
			"var said = say(\"a program that holds this says so\")\n\nfunc say(s string) int { fmt.Println(s); return 1 }",
			"%%\nfmt.Println(said)",
			"!echo shell",
			"func twice(x int) int { return 3 * x }\n%%\nfmt.Println(twice(4))",
			"raises:%%\nfmt.Println(undeclared)",
			"%%\nos.Stderr.WriteString(\"e\\n\")",
			"%%\nfmt.Println(twice(5))")
		if err := Notebook(t.Context(), env, n, Options{Timeout: patience, Together: i == 1}); err != nil {
			t.Fatal(err)
		}
		for _, c := range n.Cells() {
			if c.HasTag(expected) {
				c.SetOutputs(nil, 0) // names the kernel's folder
			}
		}
		var err error
		if runs[i], err = n.Bytes(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(runs[0], runs[1]) {
		t.Errorf("alone:\n%s\ntogether:\n%s", runs[0], runs[1])
	}
}

// A cell that uses what only a later one declares fails together as it does
// alone.
func TestTogetherKeepsTheOrder(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
	n := notebook(t, "%%\nprintln(1)", "%%\nprintln(later())", "func later() int { return 2 }\n%%\nprintln(3)")
	err := Notebook(t.Context(), env, n, Options{Timeout: patience, Together: true})
	if err == nil || !strings.Contains(err.Error(), "undefined: later") {
		t.Errorf("%v; want: undefined: later", err)
	}
}

// A cell that never ends is stopped.
func TestTimeout(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
	err := Notebook(t.Context(), env, notebook(t, "%%\nfor {\n}"), Options{Timeout: 3 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "not done within 3s (-timeout)") {
		t.Errorf("%v; want the timeout", err)
	}
}

// Nothing is left of a cell that was stopped: neither its program, nor what
// that started in a session of its own, nor a file.
func TestInterrupted(t *testing.T) {
	env := setuptest.Ready(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	pidFile := filepath.Join(t.TempDir(), "pid")
	n := notebook(t, "!setsid sleep 300 > /dev/null 2>&1 & echo $! > "+pidFile, "%%\nfor {\n}")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why := errors.New("enough")
	var ended nb.Cell
	err := Notebook(ctx, env, n, Options{
		Started: func(c nb.Cell) {
			if c.Number == 2 {
				time.AfterFunc(time.Second, func() { cancel(why) })
			}
		},
		Finished: func(c nb.Cell, _ time.Duration, _ error) { ended = c },
	})
	var failed *CellError
	if !errors.As(err, &failed) || failed.Cell.Number != 2 || !strings.Contains(failed.Reason, "enough") {
		t.Errorf("%v; want cell 2 and the reason of the interruption", err)
	}
	if ended.Number != 2 {
		t.Errorf("the last cell said to have ended is %d, not 2", ended.Number)
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if pid, err := os.ReadFile(pidFile); err != nil {
		t.Error(err)
	} else if stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat"); err == nil {
		t.Errorf("a process of the cell is left: %s", stat)
	}
}

// Offline, from any folder, the checkout's packages are there, and tags arrive.
// No package knows this one: for noasm half of the library would be compiled
// anew.
func TestLocalModule(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
	if _, err := os.Stat(filepath.Join(env.Repo, "mlkit", "show")); err != nil {
		t.Skip("no mlkit/show yet")
	}
	n := notebook(t, "import _ \"descent/mlkit/show\"\n%%\nprintln(1)", "!go env GOPROXY GOFLAGS")
	if err := Notebook(t.Context(), env, n, Options{Timeout: patience, Tags: "tried"}); err != nil {
		t.Fatal(err)
	}
	_, got := n.Cells()[1].Outputs()[0].Stream()
	if want := "off\n-buildvcs=false -ldflags=-s -tags=tried\n"; got != want {
		t.Errorf("GOPROXY and GOFLAGS in a cell are %q, want %q", got, want)
	}
}

// Cells know that they are only tried out.
func TestSmoke(t *testing.T) {
	env := setuptest.Ready(t)
	t.Setenv("MLKIT_SMOKE", "1") // a leftover must not make full runs small
	for _, smoke := range []bool{false, true} {
		n := notebook(t, "import \"fmt\"\nimport \"descent/mlkit/show\"\n%%\nfmt.Println(show.Smoke(), show.Sized(60, 5))")
		if err := Notebook(t.Context(), env, n, Options{Timeout: patience, Smoke: smoke}); err != nil {
			t.Fatal(err)
		}
		want := "false 60\n"
		if smoke {
			want = "true 5\n"
		}
		if _, text := n.Cells()[0].Outputs()[0].Stream(); text != want {
			t.Errorf("Smoke %v: %q", smoke, text)
		}
	}
}
