package tabular

import "fmt"

// Kind is what a column holds. [ReadCSV] infers it where [CSVOptions.Kinds]
// does not say it, and [Table.SetKind] changes it.
type Kind uint8

const (
	// Auto is a kind that has not been set: in CSVOptions it is inferred, and a
	// Column made by hand has the kind Number or Category, by what it holds.
	Auto Kind = iota
	// Number is a number in every cell, or NaN where it is missing.
	Number
	// Category is one of a limited number of texts, or "" where it is missing.
	Category
	// Text is whatever is none of the others: names, sentences, and numbers or
	// dates written in a way that must be explained first (1,234; 3/4/2025). It
	// can be a label, but not a feature.
	Text
	// Date is a point in time, kept as days since 1970-01-01 00:00 UTC with
	// their fraction (see [Column.Time]), or NaN where it is missing.
	Date
)

var kindNames = [...]string{"auto", "number", "category", "text", "date"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", k)
}

// numeric tells whether the cells are numbers.
func (k Kind) numeric() bool { return k == Number || k == Date }
