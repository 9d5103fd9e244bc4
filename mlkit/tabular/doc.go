// Package tabular turns tables into samples: [LoadCSV] reads a file into a
// [Table] of columns, an [Encoder], fitted on the training part, makes features
// of numbers and categories, and [Table.Classification] and [Table.Regression]
// make the data set.
package tabular
