//go:build !amd64 || noasm

package blocks

// vnni is what only amd64 can have; a variable, for the tests.
var vnni bool
