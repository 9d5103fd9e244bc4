// Package cellerror says what is wrong with a cell in the words of its reader.
// Go reports errors in a file that the kernel made of all cells, in a folder
// that the reader never sees. Here each error names the cell and the line first
// and shows the line, causes stand before their consequences, and the usual
// errors carry a hint.
//
// The package is also compiled into the kernel, see package gonb: it imports
// nothing but the standard library.
package cellerror

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Place is where a line of the compiled file comes from.
type Place struct {
	Cell int // the cell's number, as Jupyter shows it in brackets; 0: unknown
	Line int // the line in the cell, from 1; 0: the kernel wrote it
}

// File is the Go file that the kernel made of the cells.
type File struct {
	Cell   int      // the number of the cell that runs
	Dir    string   // the folder of the file
	Repo   string   // the folder of the book's library, "" if unknown
	Lines  []string // its lines
	Places []Place  // where they come from; may be shorter than Lines
}

func (f File) place(line int) Place {
	if line >= 1 && line <= len(f.Places) {
		return f.Places[line-1]
	}
	return Place{}
}

// where names a line of the file.
func (f File) where(line int) string {
	p := f.place(line)
	switch {
	case p.Line == 0:
		return "In code that the kernel adds"
	case p.Cell == f.Cell || p.Cell <= 0:
		return fmt.Sprintf("This cell, line %d", p.Line)
	}
	return fmt.Sprintf("Cell [%d], line %d", p.Cell, p.Line)
}

// show returns the line with its number, and a caret under the column if there
// is one (from 1, in bytes, as Go counts).
func (f File) show(line, column int) string {
	if line < 1 || line > len(f.Lines) || f.place(line).Line == 0 {
		return ""
	}
	text := strings.TrimRight(f.Lines[line-1], " \t\r")
	trimmed := strings.TrimLeft(text, " \t")
	number := strconv.Itoa(f.place(line).Line)
	shown := "    " + number + " | " + strings.ReplaceAll(trimmed, "\t", " ") + "\n"
	at := column - 1 - (len(text) - len(trimmed))
	if column < 1 || at < 0 || at > len(trimmed) {
		return shown
	}
	return shown + strings.Repeat(" ", len("    ")+len(number)) + " | " + strings.Repeat(" ", width(trimmed[:at])) + "^\n"
}

// width is the number of columns of a monospaced font: Chinese letters take
// two.
func width(s string) (n int) {
	for _, r := range s {
		n++
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0xff01 && r <= 0xff60 || r >= 0x3000 && r <= 0x303f {
			n++
		}
	}
	return n
}

// fault is one error of Go's.
type fault struct {
	line, column int    // in the file; line 0: in none
	message      string // may have further lines
}

var (
	// ./main.go:12:5: undefined: x /tmp/gonb_1/main.go:3:1: expected
	// declaration, found x (and 2 more errors)
	faultLine = regexp.MustCompile(`^(?:vet: )?(?:\S*/)?main(?:_test)?\.go:(\d+)(?::(\d+))?: (.+)$`)
	moreFiles = regexp.MustCompile(`\S*main(?:_test)?\.go:(\d+)(?::\d+)?`)
	// What the go command says around the errors.
	noise  = regexp.MustCompile(`^(# |failed to run "|exit status \d+$|go: gonb_\w+ imports$|too many errors$|FAIL\s|\s*$)`)
	inRoot = regexp.MustCompile(` \(\S+/src/\S+\)$`)
)

// parse splits what a Go command printed into its errors.
func parse(output string) (faults []fault, more bool) {
	for _, text := range strings.Split(output, "\n") {
		text = strings.TrimRight(text, "\r")
		more = more || strings.Contains(text, "too many errors")
		if m := faultLine.FindStringSubmatch(text); m != nil {
			if m[3] == "too many errors" {
				continue
			}
			line, _ := strconv.Atoi(m[1])
			column, _ := strconv.Atoi(m[2])
			faults = append(faults, fault{line, column, m[3]})
			continue
		}
		if noise.MatchString(text) {
			continue
		}
		if n := len(faults); n > 0 && faults[n-1].line > 0 && (text[0] == '\t' || text[0] == ' ') {
			faults[n-1].message += "\n" + strings.TrimSpace(text)
		} else {
			faults = append(faults, fault{message: strings.TrimSpace(text)})
		}
	}
	return faults, more
}

// consequence reports whether the error often only follows from another one.
func (f fault) consequence() bool {
	return strings.HasPrefix(f.message, "declared and not used") || strings.HasSuffix(f.message, "imported and not used") ||
		strings.Contains(f.message, "imported and not used")
}

// Compile returns what the output of a Go command that failed says to the
// reader.
func (f File) Compile(output string) string {
	faults, more := parse(output)
	var causes, others []fault
	for _, x := range faults {
		if x.consequence() {
			others = append(others, x)
		} else if !slices.Contains(causes, x) {
			causes = append(causes, x)
		}
	}
	// What has no place of its own explains the others: last.
	slices.SortStableFunc(causes, func(a, b fault) int { return btoi(a.line == 0) - btoi(b.line == 0) })
	var b strings.Builder
	hinted := map[int]bool{}
	write := func(x fault) {
		message := f.clean(x.message)
		if x.line > 0 {
			b.WriteString(f.where(x.line) + ": ")
		}
		b.WriteString(message + "\n" + f.show(x.line, x.column))
		if h, kind := f.hint(x); h != "" && !hinted[kind] { // once
			hinted[kind] = true
			b.WriteString(advise(h))
		}
	}
	for _, x := range causes {
		write(x)
	}
	if len(causes) > 0 && len(others) > 0 {
		b.WriteString("Perhaps only because of that:\n")
	}
	for _, x := range others {
		write(x)
	}
	if more {
		b.WriteString("Go stopped here: there are more errors.\n")
	}
	if b.Len() == 0 {
		return strings.TrimSpace(f.clean(output))
	}
	return strings.TrimRight(b.String(), "\n")
}

// advise writes a hint in lines that fit below a cell: an output breaks longer
// ones in the midst of a word.
func advise(hint string) string {
	const indent, columns = "    Hint: ", 92
	var b strings.Builder
	line := indent
	for i, word := range strings.Fields(hint) {
		if i > 0 && width(line)+1+width(word) > columns {
			b.WriteString(line + "\n")
			line = strings.Repeat(" ", len(indent)-1)
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
	return b.String()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// clean puts places in cells where a message names places in the file.
func (f File) clean(message string) string {
	message = moreFiles.ReplaceAllStringFunc(message, func(at string) string {
		line, _ := strconv.Atoi(moreFiles.FindStringSubmatch(at)[1])
		if where := f.where(line); f.place(line).Line > 0 {
			return strings.ToLower(where[:1]) + where[1:]
		}
		return "code that the kernel adds"
	})
	if f.Dir != "" {
		message = strings.ReplaceAll(message, f.Dir+string(filepath.Separator), "")
	}
	message = inRoot.ReplaceAllString(message, "")
	return strings.ReplaceAll(message, "\n", "\n        ")
}

// hints say what to do about the usual errors. $1 is what the expression found.
var hints = []struct {
	message *regexp.Regexp
	advice  string
}{
	{regexp.MustCompile(`^declared and not used: (\w+)`),
		"Go takes a variable that nothing reads for a mistake. Use $1, remove it, or write _ = $1"},
	{regexp.MustCompile(`^(".+") imported .*and not used`), "remove the import of $1, or use it"},
	{regexp.MustCompile(`(?:expected|after top level) declaration|non-declaration statement outside function body`),
		"outside of a function Go knows only import, const, type, var and func. Put a line with only %% above the statements that are to run"},
	{regexp.MustCompile(`expected '\(', found '?\w+|unexpected name \w+, expected \(`),
		"below %% stands the body of func main, and a function with a name cannot stand in another: move it above the %% or into a cell of its own"},
	{regexp.MustCompile(`^(\w+) redeclared in this block`),
		"two cells give the name $1 to different things. To forget the earlier one run a cell with: %rm $1"},
	{regexp.MustCompile(`^method (\w+)\.(\w+) already declared`),
		"to forget the earlier one run a cell with: %rm $1~$2"},
	{regexp.MustCompile(`^undefined: (\w+)\.\w+`), "press Tab behind \"$1.\" to see what there is"},
	{regexp.MustCompile(`^undefined: (\w+)`),
		"run the cell that defines $1 first (after a restart of the kernel none has run), or look for a typing error. A package needs its import"},
	{regexp.MustCompile(`(?:no required module provides package|cannot find (?:module providing )?package|package) "?([\w./-]+)"?(?:;| is not in| provided by|: | in any of|$)`),
		"cells can import Go's standard library, descent/mlkit/… and the modules of go.mod; nothing is downloaded while a cell runs. Is the path right?"},
	{regexp.MustCompile(`^(.+?) \(value of type func\(.*\) is not used$`), "$1 is a function; a call of it has parentheses: $1(…)"},
	{regexp.MustCompile(`^(.+?) \(.*\) is not used$`),
		"a Go cell does not show the value of its last line by itself: fmt.Println($1)"},
	{regexp.MustCompile(`mismatched types|cannot use .* as \w+ value in`),
		"Go converts no type by itself: write the conversion, for example float64(n)"},
	{regexp.MustCompile(`unexpected newline (?:in|.*possibly missing comma)|missing ',' before newline`),
		"where a list goes on in the next line, each line ends with a comma, the last one too"},
}

var lost = regexp.MustCompile(`has no field or method (\w+)|unknown field (\w+) in struct literal|(?:does not implement|missing method|not enough arguments in call|too many arguments in call|assignment mismatch)`)

var function = regexp.MustCompile(`^func (?:\(\s*(?:\w+\s+)?\*?(\w+)[^)]*\)\s*)?(\w+)`)

// hint returns advice and what kind of advice it is, "" for none.
func (f File) hint(x fault) (advice string, kind int) {
	// An earlier cell was right when it ran: this cell has changed what it
	// uses.
	if p := f.place(x.line); p.Line > 0 && p.Cell > 0 && p.Cell != f.Cell && lost.MatchString(x.message) {
		forget := ""
		for i := min(x.line, len(f.Lines)) - 1; i >= 0; i-- {
			if m := function.FindStringSubmatch(f.Lines[i]); m != nil {
				forget = m[2]
				if m[1] != "" {
					forget = m[1] + "~" + m[2]
				}
				break
			}
		}
		if forget == "" {
			return fmt.Sprintf("cell [%d] was right until this cell changed what it uses; so the old definitions stay. Change that cell to suit both and run it, then this one", p.Cell), -1
		}
		return fmt.Sprintf("cell [%d] was right until this cell changed what it uses; so the old definitions stay. Run a cell with %%rm %s, then this one, then cell [%d] in its new form", p.Cell, forget, p.Cell), -1
	}
	for i, h := range hints {
		if m := h.message.FindStringSubmatchIndex(x.message); m != nil {
			return string(h.message.ExpandString(nil, h.advice, x.message, m)), i
		}
	}
	return "", 0
}
