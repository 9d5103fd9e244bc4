// Package work keeps a reader's own copies of the book's notebooks in a folder
// that outlives the program, such as one mounted into a container. The book
// itself stays as it was delivered; what the reader has changed is never
// overwritten.
package work

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"descent/notebooks/internal/nb"
)

// record is the file in the work folder that says which edition of each
// notebook was put there: a copy that is still that edition follows the book.
const record = ".descent-book.json"

// Fill copies the book's notebooks, and the pictures in their text, that the
// work folder lacks, and renews those that the reader has left alone. It
// returns the names of those that both the reader and the book have changed:
// they are left alone.
func Fill(book, folder string) (diverged []string, err error) {
	if err := writable(folder); err != nil {
		return nil, err
	}
	names, err := notebooks(book)
	if err != nil {
		return nil, err
	}
	shown, err := pictures(book)
	if err != nil {
		return nil, err
	}
	names = append(names, shown...)
	editions := read(folder)
	for _, name := range names {
		original, err := os.ReadFile(filepath.Join(book, name))
		if err != nil {
			return nil, err
		}
		edition := digest(original)
		copied, err := os.ReadFile(filepath.Join(folder, name))
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && untouched(copied, editions[name]):
			if err != nil || digest(copied) != edition {
				if err := write(filepath.Join(folder, name), original); err != nil {
					return nil, err
				}
			}
			editions[name] = edition
		case err != nil:
			return nil, err
		case untouched(copied, edition):
			editions[name] = edition
		case editions[name] != edition && editions[name] != "":
			diverged = append(diverged, name)
		}
	}
	return diverged, save(folder, editions)
}

// Restore puts the book's edition of a notebook back, and returns the name
// under which it kept the reader's, "" if there was nothing to keep.
func Restore(book, folder, name string) (kept string, err error) {
	if err := writable(folder); err != nil {
		return "", err
	}
	names, err := notebooks(book)
	if err != nil {
		return "", err
	}
	if !slices.Contains(names, name) {
		return "", fmt.Errorf("the book has no notebook %q; it has %s", name, strings.Join(names, ", "))
	}
	original, err := os.ReadFile(filepath.Join(book, name))
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	if own, err := os.ReadFile(path); err == nil && !bytes.Equal(own, original) {
		if kept, err = keep(folder, strings.TrimSuffix(name, ".ipynb"), own); err != nil {
			return "", err
		}
	}
	if err := write(path, original); err != nil {
		return "", err
	}
	editions := read(folder)
	editions[name] = digest(original)
	return kept, save(folder, editions)
}

// keep writes the reader's notebook under a name that is free.
func keep(folder, stem string, own []byte) (string, error) {
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s.yours-%d.ipynb", stem, i)
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(own)
		return name, errors.Join(err, f.Close())
	}
}

// notebooks returns the names of the notebooks in the folder.
func notebooks(book string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(book, "*.ipynb"))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("there are no notebooks in %s", book)
	}
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths, err
}

// pictures returns the names of the pictures in the folder, below it.
func pictures(book string) (names []string, err error) {
	err = filepath.WalkDir(filepath.Join(book, "images"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || filepath.Ext(path) != ".png" {
			return err
		}
		name, err := filepath.Rel(book, path)
		names = append(names, name)
		return err
	})
	return names, err
}

// writable says what to do if the folder cannot be written.
func writable(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("no folder for your notebooks: %w", err)
	}
	probe, err := os.CreateTemp(folder, ".writable-*")
	if err == nil {
		probe.Close()
		return os.Remove(probe.Name())
	}
	return fmt.Errorf("your notebooks could not be saved: %s cannot be written by user %d (%w).\n%s",
		folder, os.Geteuid(), err, remedy(folder))
}

// untouched reports whether a copy is the recorded edition.
func untouched(copied []byte, edition string) bool {
	return digest(copied) == edition || fmt.Sprintf("%x", sha256.Sum256(copied)) == edition // the latter is how it was recorded until 2026
}

// digest names an edition by its cells: what they say and what came out. A
// front end that only shows a notebook may write something else around them,
// such as the language's version, or which cells are folded.
func digest(data []byte) string {
	if n, err := nb.Parse(data); err == nil {
		if whole, err := n.Bytes(); err == nil { // whose lines of text are all split alike
			var book struct {
				Cells []map[string]any `json:"cells"`
			}
			if json.Unmarshal(whole, &book) == nil {
				for _, c := range book.Cells {
					delete(c, "metadata")
				}
				if cells, err := json.Marshal(book.Cells); err == nil {
					data = cells
				}
			}
		}
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// read returns the recorded editions. A record that is lost or damaged makes
// every copy the reader's own, which is the safe side.
func read(folder string) map[string]string {
	editions := map[string]string{}
	if data, err := os.ReadFile(filepath.Join(folder, record)); err == nil && json.Unmarshal(data, &editions) != nil {
		return map[string]string{}
	}
	return editions
}

func save(folder string, editions map[string]string) error {
	data, err := json.MarshalIndent(editions, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(folder, record)
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return write(path, data)
}

// write replaces the file as a whole or not at all.
func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
