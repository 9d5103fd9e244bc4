// Command notebooks opens the book, and runs and checks it without a browser.
//
//	go run ./notebooks                                  open the book in JupyterLab
//	go run ./notebooks run [-inplace | -o DIR] FILE...  execute notebooks
//	go run ./notebooks check [FILE...]                  execute, and compare with the committed outputs
//	go run ./notebooks export DIR                       write the book as a static site
//	go run ./notebooks setup                            only install what the others need
//
// and, for the image in docker/:
//
//	go run ./notebooks serve [-ip 0.0.0.0]              serve the book to other machines
//	go run ./notebooks restore FILE...                  put the book's notebooks back into the reader's folder
//	go run ./notebooks exec PROGRAM...                  run a program that finds JupyterLab and the kernel
//	go run ./notebooks health                           tell whether the server answers
//
// It needs Go and Python 3.10 or newer. What else it needs it installs into a
// cache folder of its own on the first start.
package main

import (
	"os"

	"descent/notebooks/internal/command"
)

func main() { os.Exit(command.Main(os.Args[1:])) }
