package train

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// CSVLog writes one row an epoch to a file: epoch, loss, learning_rate, the
// metrics by name, seconds. Rows appear as epochs end. In a resumed run the
// file begins with the earlier epochs.
func CSVLog(path string) Callback {
	var f *os.File
	var names []string
	rewrite := func(r *Run) error { // all of it, after the metrics changed
		if f != nil {
			f.Close()
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		var err error
		if f, err = os.Create(path); err != nil {
			return err
		}
		w := csv.NewWriter(f)
		w.Write(slices.Concat([]string{"epoch", "loss", "learning_rate"}, names, []string{"seconds"}))
		for _, e := range r.History.Epochs {
			w.Write(row(e, names))
		}
		w.Flush()
		return w.Error()
	}
	return func(e Event, r *Run) (err error) {
		defer func() {
			if err != nil {
				err = fmt.Errorf("train: CSV log: %w", err)
			}
		}()
		if r.Rank() != 0 {
			return nil
		}
		switch e {
		case Begin:
			f, names = nil, nil
			return creatable(path)
		case EpochEnd:
			last := r.History.Last()
			known := names
			for name := range last.Metrics {
				if !slices.Contains(known, name) {
					known = append(known, name)
				}
			}
			if f == nil || len(known) > len(names) {
				slices.Sort(known)
				names = known
				return rewrite(r)
			}
			w := csv.NewWriter(f)
			w.Write(row(last, names))
			w.Flush()
			return w.Error()
		case End:
			if f != nil {
				return f.Close()
			}
		}
		return nil
	}
}

func row(e Epoch, names []string) []string {
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	r := []string{strconv.Itoa(e.Number), text(e.Loss), text(e.LearningRate)}
	for _, n := range names {
		if v, ok := e.Metrics[n]; ok {
			r = append(r, text(v))
		} else {
			r = append(r, "")
		}
	}
	return append(r, text(e.Time.Seconds()))
}

// creatable returns the error that creating the file will have, and leaves what
// is there as it is.
func creatable(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	_, before := os.Stat(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	if errors.Is(before, os.ErrNotExist) {
		defer os.Remove(path)
	}
	return f.Close()
}
