package nb

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
)

func TestCompareLine(t *testing.T) {
	for _, c := range []struct {
		old, now string
		tol      Tolerance
		same     bool
	}{
		{"loss 0.806585", "loss 0.806586", DefaultTolerance, true},  // last digit
		{"loss 0.806585", "loss 0.806665", DefaultTolerance, true},  // 1e-4 of it
		{"loss 0.806585", "loss 0.806685", DefaultTolerance, false}, // beyond
		{"loss 0.81", "loss 0.82", DefaultTolerance, true},          // one unit of the last digit
		{"loss 0.81", "loss 0.83", DefaultTolerance, false},         //
		{"100 points", "101 points", DefaultTolerance, false},       // whole numbers count
		{"100 points", "101 points", Tolerance{Abs: 1}, true},       // unless the cell says so
		{"step 900", "step 990", Tolerance{Rel: 0.1}, true},         //
		{"x = 1.25e-07", "x = 1.26e-07", DefaultTolerance, true},    //
		{"x = 1.25e-07", "x = 1.25e-08", DefaultTolerance, false},   //
		{"x = −0.5", "x = -0.5", DefaultTolerance, true},            // typographic minus
		{"x = -0.00", "x =  0.00", DefaultTolerance, true},          // padded columns
		{"x = 0.50", "x = -0.50", DefaultTolerance, false},          //
		{"slope 1.54", "intercept 1.54", DefaultTolerance, false},   //
		{"loss NaN", "loss 0.3", DefaultTolerance, false},           //
		{"a | b  |", "a |  b |", DefaultTolerance, true},            //
		{"2 of 3 ok", "2 of 3 OK", Tolerance{Rel: 1}, false},        // text is exact whatever the tolerance
		{"<p id='gonb_id_0f3a99c1'>", "<p id='gonb_id_11e3a9c2'>", DefaultTolerance, true},
		{"<div class=\"slider-777a1560babc27a3\">", "<div class=\"slider-58152136d660b284\">", DefaultTolerance, true},
		{"x = 0.374540118847", "x = 0.474540118847", DefaultTolerance, false}, // no name, though long
		{"a(\"" + strings.Repeat("ab1/", 50) + "\")", "a(\"" + strings.Repeat("xy2+", 60) + "==\")", DefaultTolerance, true},
	} {
		why := compareLine(c.old, c.now, c.tol)
		if (why == "") != c.same {
			t.Errorf("%q and %q with %+v: %q, want same = %v", c.old, c.now, c.tol, why, c.same)
		}
	}
}

func picture(t *testing.T, width int) string {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, 2))); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func notebook(t *testing.T, metadata string, outputs string) *Notebook {
	t.Helper()
	n, err := Parse([]byte(`{"nbformat":4,"metadata":{},"cells":[{"cell_type":"code","execution_count":1,"metadata":` +
		metadata + `,"source":"x","outputs":[` + outputs + `]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCompareOutputs(t *testing.T) {
	stdout := func(s string) string { return `{"output_type":"stream","name":"stdout","text":"` + s + `"}` }
	image := func(width int) string {
		return `{"output_type":"display_data","metadata":{},"data":{"image/png":"` + picture(t, width) + `"}}`
	}
	frames := func(width int) string {
		return `{"output_type":"display_data","metadata":{},"data":{"text/html":"<img src='data:image/png;base64,` + picture(t, width) + `'>"}}`
	}
	for name, c := range map[string]struct {
		metadata, old, now string
		why                string // "" means equal
	}{
		"equal":            {`{}`, stdout(`a\nb\n`), stdout(`a\nb\n`), ""},
		"line":             {`{}`, stdout(`a\nb\n`), stdout(`a\nc\n`), "line 2"},
		"fewer lines":      {`{}`, stdout(`a\nb\n`), stdout(`a\n`), "2 lines became 1"},
		"no output":        {`{}`, stdout(`a\n`), "", "number of outputs"},
		"own tolerance":    {`{"check":{"rel":0.5}}`, stdout(`1.0000`), stdout(`1.4000`), ""},
		"timing":           {`{"tags":["timing"]}`, stdout(`took 3 ms\n`), stdout(`took 1.2 s\n`), ""},
		"timing shape":     {`{"tags":["timing"]}`, stdout(`took 3 ms\n`), stdout(`took 3 ms\nx\n`), "lines became"},
		"picture":          {`{}`, image(3), image(3), ""},
		"picture size":     {`{}`, image(3), image(4), "kind of output"},
		"picture or text":  {`{}`, image(3), stdout("a"), "kind of output"},
		"frames":           {`{}`, frames(3), frames(3), ""},
		"frames' size":     {`{}`, frames(3), frames(5), "3 became 5"},
		"another stream":   {`{}`, stdout("a"), strings.Replace(stdout("a"), "stdout", "stderr", 1), "kind of output"},
		"skipped":          {`{"tags":["optional"]}`, image(3), stdout(`skipped: no data\n`), ""},
		"not optional":     {`{}`, image(3), stdout(`skipped: no data\n`), "kind of output"},
		"optional, run":    {`{"tags":["optional"]}`, stdout(`a`), stdout(`b`), "another text"},
		"markdown numbers": {`{}`, `{"output_type":"display_data","metadata":{},"data":{"text/markdown":"**1.5**"}}`, `{"output_type":"display_data","metadata":{},"data":{"text/markdown":"**2.5**"}}`, "1.5 became 2.5"},
	} {
		diffs := Compare(notebook(t, c.metadata, c.old), notebook(t, c.metadata, c.now))
		var got strings.Builder
		for _, d := range diffs {
			got.WriteString(d.String())
		}
		if c.why == "" && len(diffs) > 0 || !strings.Contains(got.String(), c.why) || c.why != "" && len(diffs) == 0 {
			t.Errorf("%s: %q, want %q", name, got.String(), c.why)
		}
	}
	dirty := notebook(t, `{}`, "")
	dirty.Cells()[0].SetOutputs(nil, 7)
	if diffs := Compare(dirty, notebook(t, `{}`, "")); len(diffs) != 1 || !strings.Contains(diffs[0].Why, "-inplace") {
		t.Errorf("outputs that are not of a clean run: %v", diffs)
	}
}

// Prints and displays take two ways to the kernel: their order is none of the
// program's.
func TestOrderOfStreamsAndDisplays(t *testing.T) {
	printed := `{"output_type":"stream","name":"stdout","text":"loss 1.5\n"}`
	shown := func(text string) string {
		return `{"output_type":"display_data","metadata":{},"data":{"text/plain":"` + text + `"}}`
	}
	a := notebook(t, `{}`, printed+","+shown("a")+","+shown("b"))
	b := notebook(t, `{}`, shown("a")+","+printed+","+shown("b"))
	if d := Compare(a, b); len(d) != 0 {
		t.Errorf("%v", d)
	}
	if d := Compare(a, notebook(t, `{}`, shown("b")+","+printed+","+shown("a"))); len(d) != 2 {
		t.Errorf("the order of displays counts: %v", d)
	}
	if x, y := kinds(a.Cells()[0]), kinds(b.Cells()[0]); x != y {
		t.Errorf("%s and %s", x, y)
	}
}

func TestAround(t *testing.T) {
	a, b := strings.Repeat("é", 500)+"x", strings.Repeat("é", 500)+"y"
	if a, b := around(a, b); a != "…"+strings.Repeat("é", 40)+"x" || b != "…"+strings.Repeat("é", 40)+"y" {
		t.Errorf("%q, %q", a, b)
	}
	if a, b := around("short", "shirt"); a != "short" || b != "shirt" {
		t.Errorf("%q, %q", a, b)
	}
}

func TestCompareSmall(t *testing.T) {
	sized := func(text string, outputs ...string) *Notebook {
		sources := []string{
			"%%\nfmt.Println(1)",
			"%%\nfmt.Println(show.Sized(60000, 500))",
			"func epochs() int { return show.Sized(9, 1) }\n\ntype model struct{}\n\nfunc unrelated() {}",
			"func (m model) fit() int { return passes() }\n\nfunc passes() int { return epochs() }",
			"%%\nunrelated()",
			"%%\nvar m model\nfmt.Println(m.fit())",
		}
		var cells []any
		for _, s := range sources {
			outs := []any{}
			if strings.HasPrefix(s, "%%") && text != "" {
				outs = append(outs, map[string]any{"output_type": "stream", "name": "stdout", "text": text})
			}
			cells = append(cells, map[string]any{"cell_type": "code", "metadata": map[string]any{}, "source": s, "outputs": outs})
		}
		data, err := json.Marshal(map[string]any{"nbformat": 4, "cells": cells})
		if err != nil {
			t.Fatal(err)
		}
		n, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	numbers := func(diffs []Difference) (cells []int) {
		for _, d := range diffs {
			cells = append(cells, d.Cell)
		}
		return cells
	}
	if got := numbers(CompareSmall(sized("a\nb\n"), sized("c\n"))); !slices.Equal(got, []int{1, 5}) {
		t.Errorf("another text of the same kind: cells %v differ, want those that do not know of the size, 1 and 5", got)
	}
	if got := numbers(CompareSmall(sized("a\nb\n"), sized(""))); !slices.Equal(got, []int{1, 2, 5, 6}) {
		t.Errorf("no outputs any more: cells %v differ", got)
	}
	if !sized("").HasSmoke() || notebook(t, `{}`, "").HasSmoke() {
		t.Error("HasSmoke does not see show.Sized, or sees what is not there")
	}
}
