package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"descent/notebooks/internal/lab"
	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/session"
	"descent/notebooks/internal/setup"
)

var openCommand = command{
	name: "open", args: "[-port 8888] [-browser=false] [FILE]",
	does: "open the book, or one notebook of it, in JupyterLab (the default)",
}

func init() { openCommand.run = open }

func open(ctx context.Context, args []string) error {
	flags := openCommand.flags()
	port := flags.Int("port", 8888, "the port to listen on; if it is taken, the next free one")
	browser := flags.Bool("browser", hasDisplay(), "also open your browser")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 1 {
		return fmt.Errorf("open takes one notebook, not %d", flags.NArg())
	}
	// Before the set-up: a mistyped name should not take a minute.
	if flags.NArg() == 1 {
		if _, err := nb.Read(flags.Arg(0)); err != nil {
			return err
		}
	}
	paths, err := bookFiles()
	if err != nil {
		return err
	}
	// Only what the first page needs is waited for.
	begin := paths[:min(1, len(paths))]
	if flags.NArg() == 1 {
		begin = flags.Args()
	}
	env, err := setup.Prepare(ctx, setup.Options{Log: os.Stderr, Warm: imports(readable(begin))})
	if err != nil {
		return err
	}
	folder := filepath.Join(env.Repo, "notebooks")
	first, err := opened(folder, flags.Arg(0))
	if err != nil {
		return err
	}
	if probe, err := os.CreateTemp(folder, ".writable-*"); err != nil {
		fmt.Fprintf(os.Stderr, "%s cannot be written: cells run, but changes are not saved (download them from the File menu)\n", folder)
	} else {
		probe.Close()
		os.Remove(probe.Name())
	}
	err = lab.Serve(ctx, env, lab.Options{
		Folder: folder, Open: first, Port: *port, Browser: *browser, Hide: lab.Furniture,
		Ready: func(address string) {
			fmt.Printf("The book is open at\n\n    %s\n\nCtrl-C here ends it, with everything that runs in it.\n", address)
			go func() { // the other chapters; also, the reader may have changed mlkit since
				packages := imports(readable(paths))
				env.WarmUp(ctx, packages)
				env.CompilePython(ctx)
				if err := env.InstallGopls(ctx, os.Stderr, packages); err != nil && ctx.Err() == nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}()
		},
	})
	if errors.Is(err, session.ErrInterrupted) {
		fmt.Println("\nThe book is closed.") // that is how one leaves
		return nil
	}
	return err
}

// opened returns the notebook to open, relative to the folder: the one asked
// for, or the book's first.
func opened(folder, file string) (string, error) {
	if file == "" {
		if all, _ := filepath.Glob(filepath.Join(folder, "*.ipynb")); len(all) > 0 {
			return filepath.Base(all[0]), nil
		}
		return "", nil
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(folder, abs)
	if err != nil || strings.HasPrefix(rel, "..") {
		return "", fmt.Errorf("%s is not in %s, which is what JupyterLab shows. If you trust its author, copy it there: its cells run with your rights, and its scripts are shown once you run them", file, folder)
	}
	return rel, nil
}

// readable returns the notebooks that can be read; JupyterLab says what is
// wrong with the others when the reader opens them.
func readable(paths []string) (books []*nb.Notebook) {
	for _, path := range paths {
		if n, err := nb.Read(path); err == nil {
			books = append(books, n)
		}
	}
	return books
}

// hasDisplay tells whether a browser would open in a window. Without one, some
// systems open a text browser in this terminal instead.
func hasDisplay() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}
