// Package tabular turns tables into samples.
//
// [LoadCSV] reads a file into a [Table] of columns. Each has a [Kind] (number,
// category, text, date), which the reader sees ([Table.String],
// [Table.Describe]) and sets (CSVOptions.Kinds, [Table.SetKind]); what cannot
// be read without a guess stays Text, which no model gets to see by accident.
// [Table.Select], [Table.Drop], [Table.Rows] and [Table.Head] take parts of it.
//
// A [Task] does the usual rest in one call: it divides the rows, fits an
// [Encoding] to the training part and gives both parts as data sets. [Task.Fit]
// and [Preprocessor.Dataset] are its steps, for rows that are divided in
// another way; [Encoding.Fit], [Table.Classification] and [Table.Regression]
// are theirs.
//
// What was fitted saves and loads whole with encoding/json: an [Encoder], and a
// [Preprocessor], which is an Encoder with the name of the answer and those of
// the classes; [Encoder.EncodeRow] then makes features of one row in a service.
// A field that is unknown, missing, null or there twice is an error, as is a
// value that cannot be used; after an error the receiver is as it was.
package tabular
