// Package nb reads, writes and compares Jupyter notebooks (nbformat 4.5).
package nb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Notebook is a notebook file. What this program does not know of is kept, so
// reading and writing loses nothing.
type Notebook struct {
	Path string
	raw  map[string]any
}

// Cell is one cell of a notebook. Its number counts all cells from 1, as a
// reader counts them on the page.
type Cell struct {
	Number int
	raw    map[string]any
}

// Read reads and checks a notebook file.
func Read(path string) (*Notebook, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such notebook%s", path, suggestion(path))
	}
	if err != nil {
		return nil, err
	}
	n, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	n.Path = path
	return n, nil
}

// suggestion names the notebooks that are there instead.
func suggestion(path string) string {
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.ipynb")); len(found) > 0 {
		return " (there are: " + strings.Join(found, ", ") + ")"
	}
	return ""
}

// Parse reads a notebook from the contents of its file.
func Parse(data []byte) (*Notebook, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // 1.0 stays 1.0
	n := &Notebook{}
	if err := dec.Decode(&n.raw); err != nil {
		remedy := "restore it with git"
		if bytes.Contains(data, []byte("<<<<<<<")) {
			remedy = "it holds an unresolved merge conflict"
		}
		return nil, fmt.Errorf("not a notebook, because it is not JSON (%w): %s", err, remedy)
	}
	if format, ok := n.raw["nbformat"].(json.Number); !ok || format != "4" {
		return nil, errors.New("not a notebook of format 4: open it in JupyterLab and save it again")
	}
	cells, ok := n.raw["cells"].([]any)
	if !ok {
		return nil, errors.New("not a notebook: it has no list of cells")
	}
	for i, c := range cells {
		if cell, ok := c.(map[string]any); !ok || cell["cell_type"] == nil {
			return nil, fmt.Errorf("not a notebook: cell %d has no type", i+1)
		}
	}
	return n, nil
}

// Cells returns all cells. Changes to them change the notebook.
func (n *Notebook) Cells() []Cell {
	list := n.raw["cells"].([]any)
	cells := make([]Cell, len(list))
	for i, c := range list {
		cells[i] = Cell{Number: i + 1, raw: c.(map[string]any)}
	}
	return cells
}

// Bytes returns the notebook as nbformat and JupyterLab write it: sorted keys,
// one blank of indentation, text as lists of lines. Equal notebooks are equal
// byte for byte.
func (n *Notebook) Bytes() ([]byte, error) {
	raw := clone(n.raw).(map[string]any)
	for _, c := range raw["cells"].([]any) {
		cell := c.(map[string]any)
		splitKey(cell, "source")
		for _, o := range list(cell["outputs"]) {
			out, _ := o.(map[string]any)
			splitKey(out, "text")
			data, _ := out["data"].(map[string]any)
			for mime := range data {
				if strings.HasPrefix(mime, "text/") || mime == "image/svg+xml" {
					splitKey(data, mime)
				}
			}
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(raw)
	return b.Bytes(), err
}

// Write writes the notebook; a reader sees the old or the new file, whole.
func (n *Notebook) Write(path string) error {
	data, err := n.Bytes()
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("cannot write %s: is the folder there and writable? (%w)", path, err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// SetMetadata stores what every notebook of the book says about its language.
// The kernel would also put its exact Go version there, which changes the file
// from machine to machine, and leaves out the lexer that static pages need.
func (n *Notebook) SetMetadata(kernel string) {
	meta, ok := n.raw["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
		n.raw["metadata"] = meta
	}
	meta["kernelspec"] = map[string]any{"display_name": "Go (gonb)", "language": "go", "name": kernel}
	meta["language_info"] = map[string]any{
		"codemirror_mode": "", "file_extension": ".go", "mimetype": "text/x-go",
		"name": "go", "nbconvert_exporter": "", "pygments_lexer": "go",
	}
}

// IsCode tells whether the kernel executes the cell.
func (c Cell) IsCode() bool {
	return c.raw["cell_type"] == "code" && strings.TrimSpace(c.Source()) != ""
}

// ID is the cell's lasting name.
func (c Cell) ID() string {
	id, _ := c.raw["id"].(string)
	return id
}

// IsMarkdown tells whether the cell is prose.
func (c Cell) IsMarkdown() bool { return c.raw["cell_type"] == "markdown" }

// Source returns the cell's text.
func (c Cell) Source() string { return text(c.raw["source"]) }

// SetSource replaces the cell's text.
func (c Cell) SetSource(text string) { c.raw["source"] = text }

// Tags returns the tags in the cell's metadata.
func (c Cell) Tags() []string {
	meta, _ := c.raw["metadata"].(map[string]any)
	var tags []string
	for _, t := range list(meta["tags"]) {
		if s, ok := t.(string); ok {
			tags = append(tags, s)
		}
	}
	return tags
}

// HasTag tells whether the cell has the tag.
func (c Cell) HasTag(tag string) bool { return slices.Contains(c.Tags(), tag) }

// Outputs returns the cell's outputs.
func (c Cell) Outputs() []Output {
	var outs []Output
	for _, o := range list(c.raw["outputs"]) {
		if raw, ok := o.(map[string]any); ok {
			outs = append(outs, Output{raw})
		}
	}
	return outs
}

// SetOutputs replaces what the cell shows. count is the number in its brackets;
// 0 stands for a cell that was not executed.
func (c Cell) SetOutputs(outputs []any, count int) {
	if c.raw["cell_type"] != "code" {
		return
	}
	if outputs == nil {
		outputs = []any{}
	}
	c.raw["outputs"] = outputs
	c.raw["execution_count"] = nil
	if count > 0 {
		c.raw["execution_count"] = count
	}
	if meta, ok := c.raw["metadata"].(map[string]any); ok {
		delete(meta, "execution") // times of day, written by JupyterLab
	}
}

// Output is one output of a cell.
type Output struct{ raw map[string]any }

// Kind is "stream", "display_data", "execute_result" or "error".
func (o Output) Kind() string { s, _ := o.raw["output_type"].(string); return s }

// Stream returns the name of the stream and its text.
func (o Output) Stream() (name, body string) {
	name, _ = o.raw["name"].(string)
	return name, text(o.raw["text"])
}

// Error returns the kernel's account of what went wrong.
func (o Output) Error() string {
	value, _ := o.raw["evalue"].(string)
	trace := strings.Join(lines(o.raw["traceback"]), "\n")
	if strings.Contains(trace, value) {
		return trace
	}
	return strings.TrimSpace(value + "\n" + trace)
}

// Data returns the representation of the output in the MIME type, "" if there
// is none.
func (o Output) Data(mime string) string {
	data, _ := o.raw["data"].(map[string]any)
	return text(data[mime])
}

// MIMETypes returns the types of the output's representations, sorted.
func (o Output) MIMETypes() []string {
	data, _ := o.raw["data"].(map[string]any)
	types := make([]string, 0, len(data))
	for t := range data {
		types = append(types, t)
	}
	slices.Sort(types)
	return types
}

func list(v any) []any { l, _ := v.([]any); return l }

func lines(v any) []string {
	var out []string
	for _, e := range list(v) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// text joins what the format lets be a string or a list of lines.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return strings.Join(lines(v), "")
}

func splitKey(m map[string]any, key string) {
	if v, ok := m[key]; ok {
		split := []any{}
		for line := range strings.Lines(text(v)) {
			split = append(split, line)
		}
		m[key] = split
	}
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = clone(e)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = clone(e)
		}
		return l
	}
	return v
}

// Clone returns a copy that shares nothing.
func (n *Notebook) Clone() *Notebook {
	return &Notebook{Path: n.Path, raw: clone(n.raw).(map[string]any)}
}

// Alt is the text that stands in for a picture, "" if it has none.
func (o Output) Alt() string {
	meta, _ := o.raw["metadata"].(map[string]any)
	if alt, _ := meta["alt"].(string); strings.TrimSpace(alt) != "" {
		return strings.TrimSpace(alt)
	}
	return strings.TrimSpace(o.Data("text/plain"))
}

// Size is the width and height in CSS pixels that the output asks for, 0 if it
// leaves them open.
func (o Output) Size(mime string) (width, height int64) {
	meta, _ := o.raw["metadata"].(map[string]any)
	size, _ := meta[mime].(map[string]any)
	w, _ := size["width"].(json.Number)
	h, _ := size["height"].(json.Number)
	width, _ = w.Int64()
	height, _ = h.Int64()
	return width, height
}

// SetHTML makes a fragment of HTML the output's only representation.
func (o Output) SetHTML(fragment string) {
	o.raw["data"] = map[string]any{"text/html": fragment}
	o.raw["metadata"] = map[string]any{}
}
