package train

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Bar is one line that tells how far a long task has come. While someone
// watches it is updated in place, with the time left; otherwise only the last
// line is written. That line holds no times, so that outputs can be compared.
// Package show's Progress makes one for a notebook's cell.
type Bar struct {
	title, status string
	n, total      int
	bar           *progressbar.ProgressBar
	out           io.Writer
	closed        bool
}

// NewBar starts a bar on out for a task of total steps. live says whether
// someone watches: see IsTerminal.
func NewBar(out io.Writer, title string, total int, live bool) *Bar {
	b := &Bar{title: title, total: total, out: out}
	if live {
		b.bar = progressbar.NewOptions(max(total, 1),
			progressbar.OptionSetWriter(out),
			progressbar.OptionSetDescription(title),
			progressbar.OptionSetWidth(24),
			progressbar.OptionThrottle(100*time.Millisecond),
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
	if b.bar == nil || b.closed {
		return
	}
	if status != "" {
		b.bar.Describe(b.title + " · " + status)
	}
	// The bar never finishes by itself: Close writes the last line.
	_ = b.bar.Set(min(max(n, 0), max(b.total-1, 0)))
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
