// Package recorded reads and writes the files of figures that the programs
// below it measure for the chapters. What goes wrong ends the program.
package recorded

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log"
	"os"
	"strings"
)

// Row is a figure that was measured: of a seed, under a name, at a place of its
// curve.
type Row struct {
	Seed  uint64  `json:"seed"`
	Name  string  `json:"name"`
	At    float64 `json:"at"`
	Value float64 `json:"value"`
}

// Read gives the rows of a file, none if there is no file yet.
func Read[T any](file string) (rows []T) {
	read(file, &rows)
	return rows
}

// Write writes rows to a file, a line each, which begins with the indent.
func Write[T any](file, indent string, rows []T) {
	lines := make([]string, len(rows))
	for i, row := range rows {
		line, err := json.Marshal(row)
		try(file, err)
		lines[i] = indent + string(line)
	}
	try(file, os.WriteFile(file, []byte("[\n"+strings.Join(lines, ",\n")+"\n]\n"), 0o644))
}

// Put writes a value under a name to a file, in place of what was there, and
// keeps those under other names.
func Put[T any](file, name string, value T) {
	all := map[string]T{}
	read(file, &all)
	all[name] = value
	text, err := json.MarshalIndent(all, "", " ")
	try(file, err)
	try(file, os.WriteFile(file, append(text, '\n'), 0o644))
}

func read(file string, into any) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	try(file, err)
	try(file, json.Unmarshal(text, into))
}

func try(file string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", file, err)
	}
}
