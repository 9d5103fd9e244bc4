// Command book is the book's program; go run ./notebooks compiles and runs it.
package main

import (
	"os"

	"descent/notebooks/internal/command"
)

func main() { os.Exit(command.Main(os.Args[1:])) }
