package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"descent/notebooks/internal/exec"
	"descent/notebooks/internal/lab"
	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup"

	"golang.org/x/term"
)

var runCommand = command{
	name: "run", args: "[-timeout 5m] [-smoke] [-inplace | -o DIR] FILE...",
	does: "execute notebooks without a browser; fail with the first cell that fails",
}

func init() { runCommand.run = run }

const defaultTimeout = 5 * time.Minute

func run(ctx context.Context, args []string) error {
	flags := runCommand.flags()
	timeout := flags.Duration("timeout", defaultTimeout, "the longest that one notebook may take")
	tags := flags.String("tags", "", "build `tags` for the cells; with noasm, check shows which numbers depend on the CPU")
	smoke := flags.Bool("smoke", false, "only try out notebooks that train for minutes, small")
	dir := flags.String("o", "", "write the executed notebooks into this `folder`")
	inplace := flags.Bool("inplace", false, "replace the outputs in the notebooks themselves, for committing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *inplace && *smoke {
		return errors.New("-inplace keeps what is to be committed: not with -smoke")
	}
	if *inplace && *dir != "" {
		return errors.New("-inplace and -o exclude each other")
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return errors.New("run needs at least one notebook")
	}
	books, err := readAll(flags.Args())
	if err != nil {
		return err
	}
	// Find out before the work is done, not after.
	if *dir != "" {
		if err := os.MkdirAll(*dir, 0o755); err != nil {
			return fmt.Errorf("cannot make the folder for the executed notebooks: %w", err)
		}
	}
	env, err := setup.Prepare(ctx, setup.Options{Log: os.Stderr, Warm: imports(books)})
	if err != nil {
		return err
	}
	var failed error
	for _, n := range books {
		var executed []int
		err := execute(ctx, os.Stdout, env, n, exec.Options{Timeout: *timeout, Tags: *tags, Smoke: *smoke && n.HasSmoke(),
			Finished: func(c nb.Cell, _ time.Duration, _ error) { executed = append(executed, c.Number) }})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		to := ""
		switch {
		case *dir != "": // a failed notebook too: it shows where
			to = filepath.Join(*dir, filepath.Base(n.Path))
		case *inplace && err == nil:
			to = n.Path
		}
		if to != "" {
			if errWrite := n.Write(to); errWrite != nil {
				err = errors.Join(err, errWrite)
			} else {
				fmt.Printf("  written to %s\n", to)
				if errSign := lab.SignExecuted(ctx, env, to, executed); errSign != nil {
					fmt.Fprintf(os.Stderr, "JupyterLab will show it without scripts until you run it there: %v\n", errSign)
				}
			}
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// readAll reads the notebooks, so that a mistyped name is said before anything
// runs.
func readAll(paths []string) ([]*nb.Notebook, error) {
	var books []*nb.Notebook
	var failed error
	for _, path := range paths {
		n, err := nb.Read(path)
		failed = errors.Join(failed, err)
		books = append(books, n)
	}
	return books, failed
}

func imports(books []*nb.Notebook) []string {
	seen := map[string]bool{}
	var all []string
	for _, n := range books {
		for _, p := range n.Imports() {
			if !seen[p] {
				seen[p] = true
				all = append(all, p)
			}
		}
	}
	return all
}

// execute runs one notebook and prints a line per cell.
func execute(ctx context.Context, w io.Writer, env *setup.Env, n *nb.Notebook, opt exec.Options) error {
	start := time.Now()
	fmt.Fprintf(w, "%s\n", n.Path)
	opt.Started = func(c nb.Cell) {
		if isTerminal(w) { // overwritten when the cell has ended
			fmt.Fprintf(w, "  ...    cell %3d           %s\r", c.Number, headline(c))
		}
	}
	finished := opt.Finished
	opt.Finished = func(c nb.Cell, took time.Duration, err error) {
		if finished != nil {
			finished(c, took, err)
		}
		verdict := "ok    "
		if err != nil {
			verdict = "FAILED"
		}
		fmt.Fprintf(w, "  %s cell %3d %7.2fs  %s\n", verdict, c.Number, took.Seconds(), headline(c))
	}
	err := exec.Notebook(ctx, env, n, opt)
	verdict := "ok"
	if err != nil {
		verdict = "FAILED"
	}
	fmt.Fprintf(w, "  %s, %.1f s\n", verdict, time.Since(start).Seconds())
	return err
}

// headline is the first line of a cell that tells the reader something.
func headline(c nb.Cell) string {
	for line := range strings.Lines(c.Source()) {
		if line = strings.TrimSpace(line); line != "" && line != "%%" && line != "import (" {
			if r := []rune(line); len(r) > 60 {
				line = string(r[:59]) + "…"
			}
			return line
		}
	}
	return ""
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
