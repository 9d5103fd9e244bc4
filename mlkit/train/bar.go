package train

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Bar is one line that shows how far a long task has got. While someone watches
// it is updated in place, with the time left; otherwise only the last line is
// written. That line holds no times, so that outputs can be compared. Package
// show's Progress makes one for a notebook's cell.
type Bar struct {
	title, status string
	n, total      int
	bar           *progressbar.ProgressBar
	out           io.Writer
	drawn         time.Time // last
	closed        bool
}

const barInterval = 100 * time.Millisecond

// barWidth leaves room for the words.
func barWidth(columns int) int {
	if columns < 120 {
		return 10
	}
	return 24
}

// NewBar starts a bar on out for a task of total steps. live says whether
// someone watches: see IsTerminal.
func NewBar(out io.Writer, title string, total int, live bool) *Bar {
	b := &Bar{title: title, total: total, out: out}
	if live {
		b.bar = progressbar.NewOptions(max(total, 1),
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(title),
			progressbar.OptionSetWidth(barWidth(columns(out))),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish())
	}
	return b
}

// IsTerminal reports whether w is a terminal. A file, a pipe and a device such
// as /dev/null are none.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Set says that n steps are done; status, such as "loss 0.123", follows the
// title.
func (b *Bar) Set(n int, status string) {
	b.n, b.status = n, status
	now := time.Now()
	if b.bar == nil || b.closed || now.Sub(b.drawn) < barInterval {
		return
	}
	b.drawn = now
	if status != "" {
		width := columns(b.out)
		beside := barWidth(width) + 2*len(strconv.Itoa(b.total)) + 25 // the bar, the counts, per cent and times
		b.bar.Describe(shorten(b.title+" · "+status, width-beside))
	}
	// The bar never finishes by itself: Close writes the last line.
	_ = b.bar.Set(min(max(n, 0), max(b.total-1, 0)))
}

// columns is the width of the terminal; what is wider would wrap, and could not
// be overwritten.
func columns(out io.Writer) int {
	if f, ok := out.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 200 // a notebook's output scrolls sideways
}

// shorten cuts text that is wider than width columns, of which it keeps twelve.
func shorten(text string, width int) string {
	width = max(width, 12)
	if uniseg.StringWidth(text) <= width {
		return text
	}
	short := ""
	for g := uniseg.NewGraphemes(text); g.Next() && uniseg.StringWidth(short+g.Str()) < width; {
		short += g.Str()
	}
	return short + "…"
}

// Add counts n more steps.
func (b *Bar) Add(n int) { b.Set(b.n+n, b.status) }

// Close replaces the bar by its last line: title, count, status.
func (b *Bar) Close() {
	if b.closed {
		return
	}
	b.closed = true
	if b.bar != nil {
		_ = b.bar.Clear()
	}
	line := fmt.Sprintf("%s: %d/%d", b.title, b.n, b.total)
	if b.status != "" {
		line += " · " + b.status
	}
	fmt.Fprintln(b.out, line)
}
