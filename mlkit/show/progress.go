package show

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Bar is a line on the standard output that tells how far a long work has come. While somebody watches (a terminal, a notebook in a
// browser) it is updated in place, with the time left; in a file and in a notebook that is executed without a browser only the
// last line is written. That line holds no times, so that a notebook's output repeats.
type Bar struct {
	title, status string
	n, total      int
	bar           *progressbar.ProgressBar
	out           io.Writer
	closed        bool
}

// Progress starts a bar for total steps.
func Progress(title string, total int) *Bar { return newBar(title, total, os.Stdout, !Headless()) }

func newBar(title string, total int, out io.Writer, live bool) *Bar {
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

// Set says that n steps are done; status, such as "loss 0.123", follows the count.
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
