package nb

import (
	"slices"
	"strings"
)

// FoldStreams leaves of the cell's streams what a page shows when the cell is
// done: each stream once, where it began, stdout before a stderr that it
// follows directly (they arrive in any order), and of a line that was written
// over by carriage returns only what was written last. A carriage return at the
// end of a line stays, and so do backspaces.
//
// The result is that of coalesce_streams in nbclient and MyST-NB, whose regular
// expressions take minutes for a long line; this takes time in proportion to
// the text.
func (c Cell) FoldStreams() {
	folded := []any{}
	pieces := map[string][]string{}
	for _, o := range list(c.raw["outputs"]) {
		raw, _ := o.(map[string]any)
		if raw["output_type"] != "stream" {
			folded = append(folded, o)
			continue
		}
		name, body := Output{raw}.Stream()
		if _, seen := pieces[name]; !seen {
			folded = append(folded, map[string]any{"output_type": "stream", "name": name})
		}
		pieces[name] = append(pieces[name], body)
	}
	for _, o := range folded {
		if raw, _ := o.(map[string]any); raw["output_type"] == "stream" {
			raw["text"] = overwritten(strings.Join(pieces[raw["name"].(string)], ""))
		}
	}
	isStream := func(o any, name string) bool {
		raw, _ := o.(map[string]any)
		return raw["output_type"] == "stream" && raw["name"] == name
	}
	if i := slices.IndexFunc(folded, func(o any) bool { return isStream(o, "stderr") }); i >= 0 && i+1 < len(folded) && isStream(folded[i+1], "stdout") {
		folded[i], folded[i+1] = folded[i+1], folded[i]
	}
	if c.raw["cell_type"] == "code" {
		c.raw["outputs"] = folded
	}
}

// overwritten drops from each line what comes before its last carriage return
// with something behind it.
func overwritten(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	var b strings.Builder
	for line := range strings.Lines(s) {
		body, end := line, ""
		if strings.HasSuffix(line, "\n") {
			body, end = line[:len(line)-1], "\n"
		}
		if body != "" { // a return that the line ends with moves nothing
			if i := strings.LastIndexByte(body[:len(body)-1], '\r'); i >= 0 {
				body = body[i+1:]
			}
		}
		b.WriteString(body + end)
	}
	return b.String()
}
