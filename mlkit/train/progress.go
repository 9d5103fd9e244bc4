package train

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Report calls f about ten times a second, and at the end of every epoch, with
// the steps done, the steps of the whole run and the figures in words. It
// drives any display:
//
//	bar := show.Progress("training", epochs*loader.Len())
//	train.Report(func(done, total int, status string) { bar.Set(done, status) })
func Report(f func(done, total int, status string)) Callback {
	var last time.Time
	return func(e Event, r *Run) error {
		now := time.Now()
		if e == EpochEnd || e == End && len(r.History.Epochs) > 0 || e == StepEnd && now.Sub(last) > 100*time.Millisecond {
			last = now
			f(r.Step, r.Config.Epochs*r.StepsPerEpoch, status(e, r))
		}
		return nil
	}
}

func status(e Event, r *Run) string {
	s := fmt.Sprintf("epoch %d/%d", min(r.Epoch+1, r.Config.Epochs), r.Config.Epochs)
	if e == StepEnd {
		s += fmt.Sprintf(" · step %d/%d · loss %.4g", r.StepInEpoch, r.StepsPerEpoch, r.Loss)
	}
	if len(r.History.Epochs) == 0 {
		return s
	}
	last := r.History.Last()
	if e != StepEnd {
		s += fmt.Sprintf(" · loss %.4g", last.Loss)
	}
	names := make([]string, 0, len(last.Metrics))
	for name := range last.Metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s += fmt.Sprintf(" · %s %.4g", name, last.Metrics[name])
	}
	return s
}

// Progress writes how training goes to w (nil: standard output). On a terminal
// it is one line updated in place, with the time left; elsewhere a line for
// each epoch, or for about twenty of them when there are more, without times,
// so that outputs can be compared.
func Progress(w io.Writer) Callback {
	if w == nil {
		w = os.Stdout
	}
	live := false
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		live = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return progress(w, live)
}

func progress(w io.Writer, live bool) Callback {
	var start, last time.Time
	var first, width int
	return func(e Event, r *Run) error {
		now := time.Now()
		switch {
		case e == Begin:
			start, last, first, width = now, now, r.Step, 0
		case !live && e == EpochEnd:
			if each := (r.Config.Epochs + 19) / 20; (r.Epoch+1)%each == 0 || r.Epoch+1 == r.Config.Epochs {
				fmt.Fprintln(w, status(e, r))
			}
		case live && (e == EpochEnd || e == End || now.Sub(last) > 100*time.Millisecond):
			last = now
			line := status(e, r)
			if total, done := r.Config.Epochs*r.StepsPerEpoch, r.Step-first; e != End && done > 0 && total > r.Step {
				left := time.Duration(float64(now.Sub(start)) / float64(done) * float64(total-r.Step))
				line += " · " + left.Round(time.Second).String() + " left"
			}
			n := utf8.RuneCountInString(line)
			fmt.Fprint(w, "\r", line, strings.Repeat(" ", max(width-n, 0)))
			if width = n; e == End {
				fmt.Fprintln(w)
			}
		}
		return nil
	}
}
