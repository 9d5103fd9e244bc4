// Package parquet reads Parquet files into tables, beside the CSV files of
// package tabular. It stands apart so that a program without such files does
// not link the library that decodes them (github.com/parquet-go/parquet-go).
//
//	table, err := parquet.Load("trips.parquet", parquet.Options{Columns: []string{"distance", "paid"}})
//
// A file says the types of its columns, so nothing but the choice between
// Category and Text is inferred:
//
//	in the file                         in the table
//	integers, floats, decimals          Number; an integer beyond 2⁵³ is an error
//	booleans                            Number, 0 or 1
//	DATE, TIMESTAMP, INT96              Date
//	strings, enumerations, JSON, UUIDs  Category, or Text with many different ones
//	times of day, intervals, lists,     an error, which names the column; Options.Columns
//	maps, groups, other bytes           leaves it out
//
// Refused, too, are columns compressed by LZ4 and booleans encoded in runs,
// which the library does not read safely, or not rightly. Files from strangers
// are read at a risk: the library believes the sizes of pages, up to 2 GB each.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"github.com/parquet-go/parquet-go"

	"descent/mlkit/tabular"
)

// Options say how to read a file. The zero value reads all columns of a file
// that lacks nothing.
type Options struct {
	// Columns are those to be read, in this order; nil means all, and refuses
	// the row numbers of pandas (__index_level_0__).
	Columns []string
	// Missing allows cells that are missing: null, NaN and empty texts. They
	// become NaN in a column of numbers or dates, "" in one of texts. Without
	// it they are errors, which name column and row.
	Missing bool
	// Kinds are the kinds of columns by their names, where they should not be
	// those of the package's table: Category or Text of numbers (of codes, also
	// beyond 2⁵³), or of each other.
	Kinds map[string]tabular.Kind
	// MaxCategories is how many different texts a column may have to become a
	// Category, 0 means 1000.
	MaxCategories int
}

// Load reads the table in a file. Errors name the file, too.
func Load(path string, o Options) (*tabular.Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	t, err := Read(f, info.Size(), o)
	if err != nil {
		return nil, fmt.Errorf("parquet: %s: %w", path, errors.Unwrap(err))
	}
	return t, nil
}

// Read reads the table in size bytes of r. Rows in errors count from 0.
func Read(r io.ReaderAt, size int64, o Options) (t *tabular.Table, err error) {
	defer func() {
		if p := recover(); p != nil { // the library's, of what it does not check
			err = fmt.Errorf("the file is damaged: %v", p)
		}
		if err != nil {
			t, err = nil, fmt.Errorf("parquet: %w", err)
		}
	}()
	for name, k := range o.Kinds {
		if k > tabular.Date {
			return nil, fmt.Errorf("column %q is to be of %v, which is no kind", name, k)
		}
	}
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	columns, err := chosen(f.Root().Columns(), o)
	if err != nil {
		return nil, err
	}
	t = &tabular.Table{}
	for _, c := range columns {
		col, err := column(f, c, &o)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name(), err)
		}
		t.Columns = append(t.Columns, col)
	}
	return t, nil
}

// rowLabels are the columns that pandas makes of an index without a name.
var rowLabels = regexp.MustCompile(`^__index_level_[0-9]+__$`)

// chosen are the columns to be read.
func chosen(all []*parquet.Column, o Options) ([]*parquet.Column, error) {
	byName := map[string]*parquet.Column{}
	var names []string
	for _, c := range all {
		if byName[c.Name()] != nil {
			return nil, fmt.Errorf("two columns are named %q", c.Name())
		}
		byName[c.Name()] = c
		names = append(names, c.Name())
	}
	for name := range o.Kinds {
		if byName[name] == nil {
			return nil, fmt.Errorf("there is no column %q, which Kinds names; there are %q", name, names)
		}
	}
	if o.Columns == nil {
		for _, name := range names {
			if rowLabels.MatchString(name) {
				return nil, fmt.Errorf("column %q holds the labels of rows that pandas writes beside the columns, no feature: name those to read in Options.Columns, or write the file with index=False", name)
			}
		}
		return all, nil
	}
	var out []*parquet.Column
	for i, name := range o.Columns {
		if byName[name] == nil {
			return nil, fmt.Errorf("there is no column %q; there are %q", name, names)
		}
		if slices.Contains(o.Columns[:i], name) {
			return nil, fmt.Errorf("column %q is asked for twice", name)
		}
		out = append(out, byName[name])
	}
	return out, nil
}
