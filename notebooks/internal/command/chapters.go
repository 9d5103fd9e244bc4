package command

import (
	"os"
	"path/filepath"
	"slices"

	"descent/notebooks/internal/nb"
)

// opening is the notebook that lists the others.
const opening = "00-start-here.ipynb"

// contents returns the chapters of the book, as its opening page lists them,
// and their notebooks' paths, as the reader would type them, from anywhere in
// the checkout.
func contents() (chapters []nb.Chapter, paths []string, err error) {
	book, err := bookFolder()
	if err != nil {
		return nil, nil, err
	}
	first, err := nb.Read(filepath.Join(book, opening))
	if err != nil {
		return nil, nil, err
	}
	if chapters, err = first.Contents(); err != nil {
		return nil, nil, err
	}
	for _, c := range chapters {
		paths = append(paths, filepath.Join(book, c.File))
	}
	return chapters, paths, nil
}

// bookFiles returns all notebooks in the book's folder, by name, chapters or
// not.
func bookFiles() ([]string, error) {
	book, err := bookFolder()
	if err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(book, "*.ipynb"))
}

// bookFolder is the folder with the notebooks, as the reader would type it.
func bookFolder() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	folder, err := checkout(start)
	if err != nil {
		return "", err
	}
	book := filepath.Join(folder, "notebooks")
	if rel, err := filepath.Rel(start, book); err == nil {
		return rel, nil
	}
	return book, nil
}

// strays returns the notebooks beside the chapters that are none of them.
func strays(paths []string) []string {
	all, _ := filepath.Glob(filepath.Join(filepath.Dir(paths[0]), "*.ipynb"))
	return slices.DeleteFunc(all, func(path string) bool { return slices.Contains(paths, path) })
}
