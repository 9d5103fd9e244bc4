package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"descent/notebooks/internal/exec"
	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup"
)

var checkCommand = command{
	name: "check", args: "[-timeout 5m] [-tags noasm] [-smoke] [-together] [FILE...]",
	does: "hold notebooks (without FILE: the whole book) against the book's rules, execute them, and compare with their committed outputs",
}

func init() { checkCommand.run = check }

func check(ctx context.Context, args []string) error {
	flags := checkCommand.flags()
	timeout := flags.Duration("timeout", defaultTimeout, "the longest that one notebook may take")
	tags := flags.String("tags", "", "build `tags` for the cells; with noasm, check shows which numbers depend on the CPU")
	smoke := flags.Bool("smoke", false, "only try out notebooks that train for minutes, small; cells that depend on the size are compared by the kinds of their outputs")
	together := flags.Bool("together", false, "compile the cells of a notebook together, which takes a fraction of the time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	paths := flags.Args()
	if len(paths) == 0 {
		var err error
		if _, paths, err = contents(); err != nil {
			return err
		}
	}
	books, err := readAll(paths)
	if err != nil {
		return err
	}
	env, err := setup.Prepare(ctx, setup.Options{Log: os.Stderr, Warm: imports(books)})
	if err != nil {
		return err
	}
	var failed error
	for _, n := range books {
		failed = errors.Join(failed, lint(n))
		err := Check(ctx, os.Stdout, env, n, exec.Options{Timeout: *timeout, Tags: *tags, Smoke: *smoke, Together: *together})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// Check executes a notebook and returns an error that lists where it differs
// from what its outputs were. It prints a line per cell to w.
func Check(ctx context.Context, w io.Writer, env *setup.Env, n *nb.Notebook, opt exec.Options) error {
	committed := n.Clone()
	opt.Smoke = opt.Smoke && n.HasSmoke()
	err := execute(ctx, w, env, n, opt)
	if err != nil && opt.Together && ctx.Err() == nil && !errors.Is(err, exec.ErrTimeout) {
		opt.Together = false // to blame the right cell
		return errors.Join(execute(ctx, w, env, n, opt), fmt.Errorf("compiled together: %w", err))
	}
	if err != nil {
		return err
	}
	return differences(committed, n, opt.Smoke)
}

// differences returns an error that lists where the executed notebook differs
// from the committed one; small: after it was only tried out.
func differences(committed, executed *nb.Notebook, small bool) error {
	compare := nb.Compare
	if small {
		compare = nb.CompareSmall
	}
	var failed error
	for _, d := range compare(committed, executed) {
		failed = errors.Join(failed, fmt.Errorf("%s, %s", committed.Path, d))
	}
	return failed
}

// lint returns an error that lists what the notebook does against the book's
// rules.
func lint(n *nb.Notebook) (failed error) {
	root, err := checkout(filepath.Dir(n.Path))
	if err != nil {
		return err
	}
	for _, fault := range n.Lint(root) {
		failed = errors.Join(failed, fmt.Errorf("%s, %s", n.Path, fault))
	}
	return failed
}

// checkout returns the folder above start that holds go.mod.
func checkout(start string) (string, error) {
	folder, err := filepath.Abs(start)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if filepath.Dir(folder) == folder {
			return "", fmt.Errorf("%s is not inside a checkout: change into the folder that holds go.mod and notebooks/", start)
		}
		folder = filepath.Dir(folder)
	}
}
