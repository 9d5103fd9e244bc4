package nb

import (
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lint returns what a notebook of the book does against its rules, without
// executing it: traps of the kernel that fail late or silently, and what a
// reader would miss on the page. root is the folder of the checkout.
func (n *Notebook) Lint(root string) (faults []string) {
	l := &linter{root: root, folder: filepath.Dir(n.Path), chapter: chapterOf(n.Path)}
	first := true
	for _, c := range n.Cells() {
		l.cell = c.Number
		switch {
		case c.IsCode():
			if first && !onlyImports(c.Source()) {
				l.fault("the first code cell must hold the imports and nothing else, so that no later cell pays for finding them")
			}
			first = false
			l.code(c)
		case c.IsMarkdown():
			l.markdown(c.Source())
		}
	}
	if !l.title {
		l.cell = 1
		l.fault("no title: the notebook begins with a heading of the first level")
	}
	return l.faults
}

type linter struct {
	root, folder string
	chapter      string // "5" of 05-linear-model.ipynb
	cell         int
	title        bool
	faults       []string
}

func (l *linter) fault(format string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf("cell %d: %s", l.cell, fmt.Sprintf(format, args...)))
}

var chapterNumber = regexp.MustCompile(`^0*(\d+)-`)

func chapterOf(path string) string {
	if m := chapterNumber.FindStringSubmatch(filepath.Base(path)); m != nil {
		return m[1]
	}
	return ""
}

// onlyImports tells whether a cell is one import declaration.
func onlyImports(source string) bool {
	rest := importBlock.ReplaceAllString(source, "")
	rest = importLine.ReplaceAllString(rest, "")
	return strings.TrimSpace(rest) == "" && rest != source
}

var funcDeclaration = regexp.MustCompile(`^func\s+(\w|\()`)

// widest is how many columns of code the page shows, in JupyterLab, on the site
// and on a code host alike, with tabs of four.
const widest = 99

// longest is how many lines of code a cell has at most: about what a reader
// sees at once.
const longest = 60

func (l *linter) code(c Cell) {
	mains := 0
	text := l.tokens(c.Source())
	if n := strings.Count(c.Source(), "\n") + 1; n > longest {
		l.fault("the cell has %d lines, more than %d: split it, with a sentence between, or move what a reader need not see to mlkit", n, longest)
	}
	for i, line := range strings.Split(c.Source(), "\n") {
		line = strings.TrimPrefix(line, "//gonb:") // which makes a command of a comment
		if n := utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")); n > widest {
			l.fault("line %d has %d columns: break it, since a page shows %d of them", i+1, n, widest)
		}
		isMain := strings.HasPrefix(line, "%%") || strings.HasPrefix(line, "%main")
		switch {
		case text[i] != "" && (strings.HasPrefix(line, "%") || strings.HasPrefix(line, "!")):
			l.fault("line %d lies in %s but begins with %q: the kernel takes it for a command; indent it", i+1, text[i], line[:1])
		case text[i] != "" && strings.HasPrefix(line, "package"):
			l.fault("line %d lies in %s but begins with package: the kernel leaves the line out; indent it", i+1, text[i])
		case isMain:
			if mains++; mains == 2 {
				l.fault("a second %%%% (the kernel panics): one a cell")
			}
			if word := strings.TrimSpace(strings.TrimPrefix(line, "%%")); word != "" && strings.HasPrefix(line, "%%") {
				l.fault("%%%%%s: a failure in it would not fail the notebook; write Go", word)
			}
		case strings.HasPrefix(line, "!"):
			l.fault("a shell command (%s): its failure would not fail the notebook, and it does not run everywhere; write Go", line)
		case mains > 0 && funcDeclaration.MatchString(line):
			l.fault("line %d declares a function after %%%%: put it before", i+1)
		}
	}
	for k, o := range c.Outputs() {
		if o.Data("image/png")+o.Data("image/svg+xml")+o.Data("image/jpeg") != "" {
			if o.Alt() == "" {
				l.fault("output %d is a picture without an alternative text: show it with package show, or give one", k+1)
			}
		}
		l.imagesIn(o.Data("text/html"))
		if o.Kind() == "error" {
			l.fault("its committed output is an error")
		}
	}
}

// tokens reads the cell as Go does, reports what a cell cannot do, and returns
// the lines that begin inside a raw string or a comment, with which of the two.
// The kernel's own commands confuse the scanner no more than other unknown
// tokens.
func (l *linter) tokens(source string) map[int]string {
	inside := map[int]string{}
	var s scanner.Scanner
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(source))
	s.Init(file, []byte(source), func(token.Position, string) {}, scanner.ScanComments)
	var selector [2]string // what stands before: a name and a point
	for {
		pos, tok, lit := s.Scan()
		line := file.Line(pos) - 1
		switch {
		case tok == token.EOF:
			return inside
		case tok == token.STRING || tok == token.COMMENT:
			what := "a raw string"
			if tok == token.COMMENT {
				what = "a comment"
			}
			for k := range strings.Count(lit, "\n") {
				inside[line+1+k] = what
			}
			if strings.HasPrefix(lit, "//go:embed") {
				l.fault("line %d: the kernel drops //go:embed, and the variable stays empty; read the file with os.ReadFile", line+1)
			}
		case tok == token.IDENT && selector[1] == ".":
			if name := selector[0] + "." + lit; waitsForInput[name] {
				l.fault("line %d: %s waits for input that no notebook gives, for ever where nobody watches; put the values into the cell", line+1, name)
			}
		}
		switch tok {
		case token.IDENT:
			selector = [2]string{lit, ""}
		case token.PERIOD:
			selector[1] = "."
		default:
			selector = [2]string{}
		}
	}
}

var waitsForInput = map[string]bool{
	"os.Stdin": true, "syscall.Stdin": true, "fmt.Scan": true, "fmt.Scanf": true, "fmt.Scanln": true,
	"gonbui.RequestInput": true, "dom.RequestInput": true,
}

var (
	fence        = regexp.MustCompile("^(```+|~~~+)\\s*(\\S*)\\s*(\\S*)")
	heading      = regexp.MustCompile(`^(#{1,6})\s+(.*)`)
	sectionStart = regexp.MustCompile(`^(\d+)(\.\d+)*(, part \d+)?\s`)
	markdownLink = regexp.MustCompile(`(!?)\[([^\]]*)\]\(([^)\s]+)[^)]*\)`)
	htmlImage    = regexp.MustCompile(`(?s)<img\b[^>]*>`)
	altAttribute = regexp.MustCompile(`\balt\s*=\s*("[^"]+"|'[^']+')`)
)

func (l *linter) markdown(source string) {
	var open, file string
	var block []string
	for _, line := range strings.Split(source, "\n") {
		if m := fence.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			if open == "" {
				open, file, block = m[1], "", nil
				if m[2] == "mermaid" {
					l.fault("a Mermaid chart, which a code host shows as text: put it into images/charts/NAME.mmd, draw it (go test ./notebooks/internal/chart -update) and show images/charts/NAME.png")
				}
				if m[2] == "go" {
					file = m[3]
				}
			} else if strings.HasPrefix(m[1], open) && m[2] == "" {
				if file != "" {
					l.quoted(file, strings.Join(block, "\n"))
				}
				open = ""
			}
			continue
		}
		if open != "" {
			block = append(block, line)
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			l.heading(len(m[1]), m[2])
		}
		for _, m := range markdownLink.FindAllStringSubmatch(line, -1) {
			if m[1] == "!" && strings.TrimSpace(m[2]) == "" {
				l.fault("the image %s has no alternative text", m[3])
			}
			l.link(m[3])
		}
	}
	if open != "" {
		l.fault("a fence %s is not closed", open)
	}
	l.imagesIn(source)
}

func (l *linter) heading(level int, text string) {
	m := sectionStart.FindStringSubmatch(text)
	if level == 1 {
		if l.title {
			l.fault("a second heading of the first level: %q", text)
		}
		l.title = true
		if l.chapter != "" && l.chapter != "0" && (m == nil || m[1] != l.chapter) {
			l.fault("the title %q must begin with the chapter's number, %s", text, l.chapter)
		}
	}
	if m == nil {
		return
	}
	if l.chapter != "" && m[1] != l.chapter {
		l.fault("the heading %q has a number of chapter %s in chapter %s", text, m[1], l.chapter)
	}
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) && !strings.Contains(text, "Mermaid") {
		l.fault("the numbered heading %q lacks the document's Chinese title", text)
	}
}

// link checks that a target inside of the checkout exists.
func (l *linter) link(target string) {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "#") || strings.HasPrefix(target, "mailto:") || strings.HasPrefix(target, "data:") {
		return
	}
	path, _, _ := strings.Cut(target, "#")
	full := filepath.Join(l.folder, filepath.FromSlash(path))
	if _, err := os.Stat(full); err != nil {
		l.fault("the link %s leads nowhere", target)
		return
	}
	if root, err := filepath.Abs(l.root); err == nil {
		if abs, err := filepath.Abs(full); err == nil && abs != root && !strings.HasPrefix(abs, root+string(filepath.Separator)) {
			l.fault("the link %s leaves the checkout", target)
		}
	}
}

func (l *linter) imagesIn(html string) {
	for _, tag := range htmlImage.FindAllString(html, -1) {
		if !altAttribute.MatchString(tag) {
			l.fault("an <img> has no alternative text")
		}
	}
}

// quoted checks code that is shown as being in a file: a fence that begins
// ```go mlkit/train/fit.go must stand in that file, blanks at line ends aside.
func (l *linter) quoted(file, code string) {
	text, err := os.ReadFile(filepath.Join(l.root, filepath.FromSlash(file)))
	if err != nil {
		l.fault("code is shown from %s, which cannot be read: %v", file, err)
		return
	}
	if !strings.Contains(trimLines(string(text)), trimLines(code)) {
		l.fault("the code shown from %s is not in it any more; copy it again", file)
	}
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}
