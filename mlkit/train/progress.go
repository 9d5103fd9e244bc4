package train

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"
)

// Report calls f about ten times a second, and at the end of every epoch, with
// the steps done, the steps of the whole run and the metrics as text. It drives
// any display:
//
//	bar := show.Progress("training", epochs*loader.Len())
//	train.Report(func(done, total int, status string) { bar.Set(done, status) })
func Report(f func(done, total int, status string)) Callback {
	var last time.Time
	return func(e Event, r *Run) error {
		if r.Rank() != 0 {
			return nil
		}
		now := time.Now()
		if e == EpochEnd || e == End && len(r.History.Epochs) > 0 ||
			e == StepEnd && now.Sub(last) > 100*time.Millisecond {
			last = now
			f(r.place(e), r.Config.Epochs*r.StepsPerEpoch, status(e, r))
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
	for _, name := range slices.Sorted(maps.Keys(last.Metrics)) {
		s += fmt.Sprintf(" · %s %.4g", name, last.Metrics[name])
	}
	return s
}

// Progress shows the progress of training on w (nil: standard output). On a
// terminal it is a Bar; elsewhere a line for each epoch, or for about twenty of
// them when there are more, without times, so that outputs can be compared.
func Progress(w io.Writer) Callback {
	if w == nil {
		w = os.Stdout
	}
	return progress(w, IsTerminal(w))
}

func progress(w io.Writer, live bool) Callback {
	if !live {
		return func(e Event, r *Run) error {
			if each := (r.Config.Epochs + 19) / 20; e == EpochEnd && r.Rank() == 0 &&
				((r.Epoch+1)%each == 0 || r.Epoch+1 == r.Config.Epochs) {
				fmt.Fprintln(w, status(e, r))
			}
			return nil
		}
	}
	var bar *Bar
	report := Report(func(done, _ int, status string) { bar.Set(done, status) })
	return func(e Event, r *Run) error {
		if r.Rank() != 0 {
			return nil
		}
		if e == Begin {
			bar = NewBar(w, "training", r.Config.Epochs*r.StepsPerEpoch, live)
		}
		err := report(e, r)
		if e == End {
			bar.Close()
		}
		return err
	}
}
