package command

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"

	"descent/mlkit/datasets"
	"descent/notebooks/internal/nb"
)

// packaged are the data sets that arrive as Go modules or Python packages. The
// others are large and optional: a notebook says how to get them.
var packaged = map[string]func() error{
	"MNIST":          func() error { _, _, err := datasets.MNIST(); return err },
	"JapaneseVowels": func() error { _, _, err := datasets.JapaneseVowels(); return err },
	"Iris":           func() error { _, err := datasets.Iris(); return err },
	"Wine":           func() error { _, err := datasets.Wine(); return err },
	"BreastCancer":   func() error { _, err := datasets.BreastCancer(); return err },
	"Diabetes":       func() error { _, err := datasets.Diabetes(); return err },
	"Digits":         func() error { _, err := datasets.Digits(); return err },
	"Titanic":        func() error { _, err := datasets.Titanic(); return err },
	"HouseVotes":     func() error { _, err := datasets.HouseVotes(); return err },
	"MovieReviews":   func() error { _, err := datasets.MovieReviews(); return err },
	"Pronunciations": func() error { _, err := datasets.Pronunciations(); return err },
	"Translations":   func() error { _, err := datasets.Translations("fr"); return err }, // all languages are in one package
	"SileroVAD":      func() error { _, err := datasets.SileroVAD(); return err },
}

var datasetCall = regexp.MustCompile(`\bdatasets\.([A-Z]\w*)\(`)

// fetched returns the names of the packaged data sets that the notebooks load.
func fetched(books []*nb.Notebook) []string {
	found := map[string]bool{}
	for _, n := range books {
		for _, c := range n.Cells() {
			if !c.IsCode() {
				continue
			}
			for _, m := range datasetCall.FindAllStringSubmatch(c.Source(), -1) {
				if packaged[m[1]] != nil {
					found[m[1]] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// fetch loads them, which puts them where cells find them without a network.
func fetch(names []string, python string) error {
	os.Setenv("MLKIT_PYTHON", python) // ours has pip, others may not
	var failed error
	for _, name := range names {
		fmt.Fprintf(os.Stderr, "data: %s\n", name)
		failed = errors.Join(failed, packaged[name]())
	}
	return failed
}
