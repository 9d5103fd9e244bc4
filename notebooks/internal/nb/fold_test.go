package nb

import (
	"reflect"
	"strings"
	"testing"
)

// The results are those of the block "if self.coalesce_streams" in
// NotebookClient.async_execute_cell of nbclient 0.11.0, run alone on these
// outputs.
func TestFoldStreams(t *testing.T) {
	out := func(s string) string { return `{"output_type":"stream","name":"stdout","text":"` + s + `"}` }
	err := func(s string) string { return `{"output_type":"stream","name":"stderr","text":"` + s + `"}` }
	const picture = `{"output_type":"display_data","data":{"text/plain":"a"},"metadata":{}}`
	for _, c := range []struct{ in, want string }{
		{``, ``},
		{out(``), out(``)},
		{out(`a`) + `,` + out(`b\n`), out(`ab\n`)},
		{out(`step 1\r`) + `,` + out(`step 2\r`), out(`step 2\r`)},
		{out(`step 1\rstep 2\rdone\nnext\n`), out(`done\nnext\n`)},
		{out(`a\r\nb\r\n`), out(`a\r\nb\r\n`)}, // another system's line ends
		{out(`a\r\r\n`), out(`\r\n`)},
		{out(`a\r\r`), out(`\r`)},
		{out(`\r`), out(`\r`)},
		{out(`\rb`), out(`b`)},
		{out(`long\rab`), out(`ab`)}, // not "abng": as pages show it
		{out(`12\b3`), out(`12\b3`)},
		{out(`a\u2028b\rc\u0085d`), out(`c\u0085d`)}, // no line ends
		{err(`e`) + `,` + out(`o`), out(`o`) + `,` + err(`e`)},
		{err(`e`) + `,` + picture + `,` + out(`o`), err(`e`) + `,` + picture + `,` + out(`o`)},
		{out(`1`) + `,` + err(`e`) + `,` + picture + `,` + out(`2`) + `,` + err(`f`), out(`12`) + `,` + err(`ef`) + `,` + picture},
		{`{"output_type":"stream","name":"stdout","text":["a\n","b\rc"]}`, out(`a\nc`)},
	} {
		n := parseOutputs(t, c.in)
		n.Cells()[0].FoldStreams()
		if want := parseOutputs(t, c.want); !reflect.DeepEqual(n.raw, want.raw) {
			t.Errorf("%s became %v, want %s", c.in, n.Cells()[0].raw["outputs"], c.want)
		}
	}
}

// A time in proportion to the text: in any other this test does not end.
func TestFoldLongStreams(t *testing.T) {
	for name, pieces := range map[string][]string{
		"one line":    {strings.Repeat("0.12345 ", 1<<20)},
		"small parts": strings.SplitAfter(strings.Repeat("0.12345 ", 1<<18), " "),
		"frames":      strings.SplitAfter(strings.Repeat("step of many\r", 1<<18), "\r"),
	} {
		var outs []any
		for _, p := range pieces {
			outs = append(outs, map[string]any{"output_type": "stream", "name": "stdout", "text": p})
		}
		n := parseOutputs(t, "")
		c := n.Cells()[0]
		c.SetOutputs(outs, 1)
		c.FoldStreams()
		want := strings.Join(pieces, "")
		if name == "frames" {
			want = "step of many\r"
		}
		if _, got := c.Outputs()[0].Stream(); len(c.Outputs()) != 1 || got != want {
			t.Errorf("%s: %d bytes became %d", name, len(want), len(got))
		}
	}
}

func parseOutputs(t *testing.T, outputs string) *Notebook {
	t.Helper()
	n, err := Parse([]byte(`{"nbformat":4,"metadata":{},"cells":[{"cell_type":"code","metadata":{},"source":"x","outputs":[` + outputs + `]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
