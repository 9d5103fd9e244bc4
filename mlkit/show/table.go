package show

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/rivo/uniseg"
)

// A Tabular is a table of values with a header. Make one with Table.
type Tabular struct {
	caption string
	header  []string
	rows    [][]any
	formats []string
}

// Table makes a table. Floats are written with four significant digits, other
// values as by fmt.Print. Columns of numbers are aligned to the right. A row
// shorter than the header is filled up with empty cells.
func Table(header []string, rows [][]any) *Tabular { return &Tabular{header: header, rows: rows} }

// Format sets how the numbers in each column are written, in the format of
// fmt.Sprintf: "%.3f", "%d", "%.1f %%". "" keeps the default.
func (t *Tabular) Format(formats ...string) *Tabular { t.formats = formats; return t }

// Caption sets the line above the table.
func (t *Tabular) Caption(s string) *Tabular { t.caption = s; return t }

// longTable is how many rows Show displays at most: a notebook of megabytes
// opens slowly, and nobody reads them.
const longTable = 400

// Show displays the table as HTML, with its text as the alternative. Outside a
// notebook it prints the text. Of a table with more than 400 rows it shows the
// first and the last 200 and says how many are left out; HTML and Text return
// all rows.
func (t *Tabular) Show() {
	t = t.shortened()
	if !InNotebook() {
		fmt.Print(t.Text())
	}
	send(bundle{name: t.caption, data: map[protocol.MIMEType]any{protocol.MIMETextHTML: t.HTML(),
		protocol.MIMETextPlain: t.Text()}}, "")
}

func (t *Tabular) shortened() *Tabular {
	if len(t.rows) <= longTable {
		return t
	}
	short := *t
	const end = longTable / 2
	note := []any{gap(fmt.Sprintf("… %d rows left out …", len(t.rows)-2*end))}
	short.rows = slices.Concat(t.rows[:end], [][]any{note}, t.rows[len(t.rows)-end:])
	return &short
}

// gap is text in a column that may hold numbers.
type gap string

func isNumber(v any) bool {
	switch v.(type) {
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return true
	}
	return false
}

// cell returns the text of row i, column j, and whether it is a number.
func (t *Tabular) cell(i, j int) (string, bool) {
	if j >= len(t.rows[i]) || t.rows[i][j] == nil {
		return "", false
	}
	v := t.rows[i][j]
	if !isNumber(v) {
		return fmt.Sprint(v), false
	}
	if j < len(t.formats) && t.formats[j] != "" {
		return minus(fmt.Sprintf(t.formats[j], v)), true
	}
	switch f := v.(type) {
	case float64:
		return short(f), true
	case float32:
		return short(float64(f)), true
	}
	return minus(fmt.Sprint(v)), true
}

// columns is the widest row's.
func (t *Tabular) columns() int {
	n := len(t.header)
	for _, r := range t.rows {
		n = max(n, len(r))
	}
	return n
}

// numeric reports whether column j holds numbers only (and at least one).
func (t *Tabular) numeric(j int) bool {
	any := false
	for i := range t.rows {
		s, num := t.cell(i, j)
		if s != "" && !num && !t.isGap(i, j) {
			return false
		}
		any = any || num
	}
	return any
}

func (t *Tabular) isGap(i, j int) bool {
	if j >= len(t.rows[i]) {
		return false
	}
	_, ok := t.rows[i][j].(gap)
	return ok
}

// HTML returns the table as HTML. All text is escaped.
func (t *Tabular) HTML() string {
	var b strings.Builder
	b.WriteString("<table>")
	if t.caption != "" {
		b.WriteString("<caption>" + html.EscapeString(t.caption) + "</caption>")
	}
	align := make([]string, t.columns())
	b.WriteString("<thead><tr>")
	for j := range align {
		align[j] = "left"
		if t.numeric(j) {
			align[j] = "right"
		}
		h := ""
		if j < len(t.header) {
			h = t.header[j]
		}
		fmt.Fprintf(&b, `<th scope="col" style="text-align:%s">%s</th>`, align[j], html.EscapeString(h))
	}
	b.WriteString("</tr></thead>\n<tbody>")
	for i := range t.rows {
		b.WriteString("<tr>")
		for j := range align {
			s, _ := t.cell(i, j)
			fmt.Fprintf(&b, `<td style="text-align:%s">%s</td>`, align[j], html.EscapeString(s))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

// Text returns the table as lines of text with aligned columns. A Chinese
// character counts as two columns.
func (t *Tabular) Text() string {
	n := t.columns()
	lines := make([][]string, 0, len(t.rows)+1)
	head := make([]string, n)
	copy(head, t.header)
	lines = append(lines, head)
	for i := range t.rows {
		line := make([]string, n)
		for j := range line {
			line[j], _ = t.cell(i, j)
		}
		lines = append(lines, line)
	}
	width, right := make([]int, n), make([]bool, n)
	for j := range n {
		right[j] = t.numeric(j)
	}
	for _, l := range lines {
		for j, s := range l {
			width[j] = max(width[j], uniseg.StringWidth(s))
		}
	}
	var b strings.Builder
	if t.caption != "" {
		b.WriteString(t.caption + "\n")
	}
	for _, l := range lines {
		var row strings.Builder
		for j, s := range l {
			pad := strings.Repeat(" ", width[j]-uniseg.StringWidth(s))
			if j > 0 {
				row.WriteString("  ")
			}
			if right[j] {
				row.WriteString(pad + s)
			} else {
				row.WriteString(s + pad)
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	return b.String()
}
