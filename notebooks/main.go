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
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"descent/notebooks/internal/session"
)

// command is a subcommand; each lives in a file of its own.
type command struct {
	name, args, does string
	run              func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{openCommand, runCommand, checkCommand, exportCommand, setupCommand,
		serveCommand, restoreCommand, execCommand, healthCommand}
}

func main() {
	ctx, cancel := session.Context()
	err := dispatch(ctx, os.Args[1:])
	cancel(nil)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case errors.Is(err, session.ErrInterrupted):
		fmt.Fprintln(os.Stderr, "\ninterrupted; everything it had started is ended")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "\n"+err.Error())
		os.Exit(1)
	}
}

// dispatch runs the subcommand, or opens the book when there is none.
func dispatch(ctx context.Context, args []string) error {
	name := openCommand.name
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		usage()
		return flag.ErrHelp
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, args)
		}
	}
	usage()
	return fmt.Errorf("there is no command %q", name)
}

func usage() {
	fmt.Fprintln(os.Stderr, "go run ./notebooks [command] opens the book in JupyterLab, or:")
	for _, c := range commands() {
		fmt.Fprintf(os.Stderr, "  %-7s %-42s %s\n", c.name, c.args, c.does)
	}
}

// flags makes the flag set of a subcommand.
func (c command) flags() *flag.FlagSet {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.Usage = func() {
		fmt.Fprintf(os.Stderr, "go run ./notebooks %s %s\n%s\n", c.name, c.args, c.does)
		set.PrintDefaults()
	}
	return set
}
