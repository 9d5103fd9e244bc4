// Package command holds the commands of the book's program, one to a file.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"descent/notebooks/internal/session"
)

// command is a subcommand.
type command struct {
	name, args, does string
	run              func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{openCommand, runCommand, checkCommand, exportCommand, setupCommand,
		originCommand, serveCommand, restoreCommand, execCommand, healthCommand}
}

// Main runs the command that the arguments name and returns the program's exit
// status.
func Main(args []string) int {
	ctx, cancel := session.Context()
	err := dispatch(ctx, args)
	cancel(nil)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 2
	case errors.Is(err, session.ErrInterrupted):
		fmt.Fprintln(os.Stderr, "\ninterrupted; everything it had started is ended")
		return 130
	default:
		fmt.Fprintln(os.Stderr, "\n"+err.Error())
		return 1
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
