package nb

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// TimingTag marks cells whose outputs are measurements of time: compared are
// only the kinds of outputs and the number of their lines.
const TimingTag = "timing"

// Tolerance is how far numbers may be from the committed ones: two numbers
// agree if they differ by at most Abs + Rel times the larger magnitude, or, for
// numbers with decimals, by one unit of the last digit that is shown. A cell
// sets its own in its metadata: {"check": {"rel": 0.01, "abs": 0.5}}.
type Tolerance struct{ Rel, Abs float64 }

// DefaultTolerance lets float32 sums taken in another order by another CPU
// pass, and keeps whole numbers below 10000 exact.
var DefaultTolerance = Tolerance{Rel: 1e-4}

// Tolerance returns the cell's own tolerance or the default.
func (c Cell) Tolerance() Tolerance {
	tol := DefaultTolerance
	meta, _ := c.raw["metadata"].(map[string]any)
	check, _ := meta["check"].(map[string]any)
	for key, to := range map[string]*float64{"rel": &tol.Rel, "abs": &tol.Abs} {
		if v, ok := check[key].(json.Number); ok {
			if f, err := v.Float64(); err == nil {
				*to = f
			}
		}
	}
	return tol
}

// Difference is one place where outputs disagree.
type Difference struct {
	Cell     int    // the cell's number
	Where    string // which output, which line
	Old, New string
	Why      string
}

func (d Difference) String() string {
	return fmt.Sprintf("cell %d, %s: %s\n  - %s\n  + %s", d.Cell, d.Where, d.Why, d.Old, d.New)
}

// OptionalTag marks cells that need data which not everybody has. Where they
// are missing, the cell prints one line that begins with SkippedPrefix and says
// how to get them, and its committed outputs, those of a run with the data,
// stand.
const (
	OptionalTag   = "optional"
	SkippedPrefix = "skipped: "
)

// HasSmoke tells whether the notebook has a small form to be tried out in, for
// the tests; the full one takes minutes.
func (n *Notebook) HasSmoke() bool {
	for _, c := range n.Cells() {
		if c.IsCode() && (strings.Contains(c.Source(), "show.Smoke(") || strings.Contains(c.Source(), "show.Sized(")) {
			return true
		}
	}
	return false
}

// skipped tells whether an optional cell said that its data are missing.
func (c Cell) skipped() bool {
	outs := c.Outputs()
	if !c.HasTag(OptionalTag) || len(outs) != 1 {
		return false
	}
	name, text := outs[0].Stream()
	return name == "stdout" && strings.HasPrefix(text, SkippedPrefix)
}

// CompareSmall is Compare for a notebook that was only tried out: a cell that
// knows of the size must show the same kinds of outputs, whatever is in them.
func CompareSmall(committed, executed *Notebook) []Difference {
	var diffs []Difference
	old, now := committed.Cells(), executed.Cells()
	isSmall := small(old)
	for i := range min(len(old), len(now)) {
		if !isSmall[i] {
			if old[i].IsCode() {
				diffs = append(diffs, compareCell(old[i], now[i])...)
			}
			continue
		}
		if a, b := kinds(old[i]), kinds(now[i]); a != b && old[i].IsCode() && !now[i].skipped() {
			diffs = append(diffs, Difference{old[i].Number, "outputs", a, b, "other kinds of outputs"})
		}
	}
	return diffs
}

// arranged is what a cell shows, the streams before the rest: what is printed
// and what is displayed reach the kernel through two pipes, so that their order
// says nothing.
func arranged(c Cell) []Output {
	var outs, displays []Output
	for _, want := range []string{"stdout", "stderr"} {
		for _, o := range c.Outputs() {
			if name, _ := o.Stream(); name == want {
				outs = append(outs, o)
			}
		}
	}
	for _, o := range c.Outputs() {
		if name, _ := o.Stream(); name != "stdout" && name != "stderr" {
			displays = append(displays, o)
		}
	}
	return append(outs, displays...)
}

func kinds(c Cell) string {
	var all []string
	for _, o := range arranged(c) {
		if name, _ := o.Stream(); name != "" {
			all = append(all, name)
		} else {
			all = append(all, o.Kind()+" "+strings.Join(o.MIMETypes(), ", "))
		}
	}
	return strings.Join(all, "; ")
}

// Compare returns where the outputs of the executed notebook differ from the
// committed one's. Numbers are compared within the cell's tolerance, the text
// between them exactly (but for the width of blanks), pictures by format and
// size.
func Compare(committed, executed *Notebook) []Difference {
	var diffs []Difference
	old, now := committed.Cells(), executed.Cells()
	for i := range min(len(old), len(now)) {
		if old[i].IsCode() {
			diffs = append(diffs, compareCell(old[i], now[i])...)
		}
	}
	return diffs
}

func compareCell(old, now Cell) (diffs []Difference) {
	note := func(where, why, a, b string) {
		a, b = around(a, b)
		diffs = append(diffs, Difference{old.Number, where, a, b, why})
	}
	if was, is := countOf(old), countOf(now); was != is {
		note("execution count", "the committed outputs are not those of one clean run (run -inplace makes them so)", was, is)
	}
	if now.skipped() {
		return diffs
	}
	a, b := arranged(old), arranged(now)
	if len(a) != len(b) {
		note("outputs", "another number of outputs", describe(a), describe(b))
		return diffs
	}
	for i := range a {
		where := fmt.Sprintf("output %d", i+1)
		if ka, kb := a[i].shape(), b[i].shape(); ka != kb {
			note(where, "another kind of output", ka, kb)
			continue
		}
		for _, part := range a[i].parts() {
			x, y := a[i].part(part), b[i].part(part)
			compareText(where+" ("+part+")", x, y, old.Tolerance(), old.HasTag(TimingTag), note)
		}
	}
	return diffs
}

func compareText(where, a, b string, tol Tolerance, shapeOnly bool, note func(where, why, a, b string)) {
	la, lb := textLines(a), textLines(b)
	if len(la) != len(lb) {
		note(where, fmt.Sprintf("%d lines became %d", len(la), len(lb)), firstOther(la, lb), firstOther(lb, la))
		return
	}
	if shapeOnly {
		return
	}
	for i := range la {
		if why := compareLine(la[i], lb[i], tol); why != "" {
			note(fmt.Sprintf("%s, line %d", where, i+1), why, canonical(la[i]), canonical(lb[i]))
		}
	}
}

// firstOther returns the first line of a that is not in the same place in b.
func firstOther(a, b []string) string {
	for i, line := range a {
		if i >= len(b) || b[i] != line {
			return line
		}
	}
	return "(nothing more)"
}

func textLines(s string) []string {
	return strings.Split(strings.TrimRight(s, "\n"), "\n")
}

var (
	number = regexp.MustCompile(`[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?`)
	blanks = regexp.MustCompile(`[ \t]+`)
	// dataURI is a picture inside HTML.
	dataURI = regexp.MustCompile(`data:(image/[a-z+.-]+);base64,([A-Za-z0-9+/=]+)`)
	// payload is packed data in a script, such as the frames of a slider.
	payload = regexp.MustCompile(`[A-Za-z0-9+/]{100,}={0,2}`)
	// domID is a name that GoNB gives to an element at random, or that is a
	// checksum of what the element shows.
	domID = regexp.MustCompile(`gonb_[a-z]*_?[0-9a-fA-F]{8,}|\b[0-9a-f]{12,}\b`)
)

// compareLine returns why two lines disagree, "" if they do not.
func compareLine(a, b string, tol Tolerance) string {
	if a == b {
		return ""
	}
	a, b = canonical(a), canonical(b)
	na, nb := number.FindAllString(a, -1), number.FindAllString(b, -1)
	if number.ReplaceAllString(a, "#") != number.ReplaceAllString(b, "#") {
		return "another text"
	}
	for i := range na {
		if why := compareNumber(na[i], nb[i], tol); why != "" {
			return why
		}
	}
	return ""
}

func canonical(s string) string {
	s = dataURI.ReplaceAllStringFunc(s, func(uri string) string {
		m := dataURI.FindStringSubmatch(uri)
		return imageSize(m[1], m[2])
	})
	s = payload.ReplaceAllString(s, "(packed data)")
	s = domID.ReplaceAllStringFunc(s, func(id string) string {
		if strings.ContainsAny(id, "abcdefABCDEF") {
			return "id"
		}
		return id // a number with many digits
	})
	s = strings.ReplaceAll(s, "−", "-")
	return strings.TrimSpace(blanks.ReplaceAllString(s, " "))
}

func compareNumber(a, b string, tol Tolerance) string {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil || errY != nil {
		if a == b {
			return ""
		}
		return fmt.Sprintf("%s became %s", a, b)
	}
	apart := math.Abs(x - y)
	allowed := max(tol.Abs+tol.Rel*max(math.Abs(x), math.Abs(y)), lastDigit(a), lastDigit(b))
	// One unit of the last digit is not representable exactly.
	if apart <= allowed*(1+1e-9) {
		return ""
	}
	return fmt.Sprintf("%s became %s: %.2g apart, %.2g allowed", a, b, apart, allowed)
}

// lastDigit is the value of one unit in the last place of a number with
// decimals or an exponent, 0 for a whole number.
func lastDigit(s string) float64 {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(s), "e")
	_, decimals, point := strings.Cut(mantissa, ".")
	if !point && !scientific {
		return 0
	}
	e, _ := strconv.Atoi(exponent)
	return math.Pow10(e - len(decimals))
}

// imageSize describes a picture, base64, by what must not change.
func imageSize(mime, data string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data), ""))
	if err != nil {
		return mime + " (broken)"
	}
	if config, format, err := image.DecodeConfig(bytes.NewReader(raw)); err == nil {
		return fmt.Sprintf("%s picture, %d by %d", format, config.Width, config.Height)
	}
	return mime + " picture"
}

// shape is what must agree exactly about an output.
func (o Output) shape() string {
	if name, _ := o.Stream(); name != "" {
		return name
	}
	var b strings.Builder
	b.WriteString(o.Kind())
	for _, t := range o.MIMETypes() {
		if strings.HasPrefix(t, "image/") && t != "image/svg+xml" {
			fmt.Fprintf(&b, ", %s", imageSize(t, o.Data(t)))
		} else {
			fmt.Fprintf(&b, ", %s", t)
		}
	}
	return b.String()
}

// parts are the pieces of an output that are compared as text.
func (o Output) parts() []string {
	if name, _ := o.Stream(); name != "" {
		return []string{name}
	}
	if o.Kind() == "error" {
		return nil // an error on purpose; its text holds the kernel's file names
	}
	var parts []string
	for _, t := range o.MIMETypes() {
		if strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "json") {
			parts = append(parts, t)
		}
	}
	return parts
}

func (o Output) part(name string) string {
	if stream, text := o.Stream(); stream != "" {
		return text
	}
	return o.Data(name)
}

func describe(outs []Output) string {
	if len(outs) == 0 {
		return "none"
	}
	shapes := make([]string, len(outs))
	for i, o := range outs {
		shapes[i] = o.shape()
	}
	return strings.Join(shapes, "; ")
}

func countOf(c Cell) string { return fmt.Sprint(c.raw["execution_count"]) }

// around shortens two long texts to the neighbourhood of their first
// difference.
func around(a, b string) (string, string) {
	const before, width = 40, 120
	x, y := []rune(a), []rune(b)
	same := 0
	for same < min(len(x), len(y)) && x[same] == y[same] {
		same++
	}
	cut := func(r []rune) string {
		if len(r) <= width {
			return string(r)
		}
		s, from := "", max(0, same-before)
		if from > 0 {
			s = "…"
		}
		to := min(len(r), from+width)
		s += string(r[from:to])
		if to < len(r) {
			s += "…"
		}
		return s
	}
	return cut(x), cut(y)
}
