package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"descent/notebooks/internal/setup"
	"descent/notebooks/internal/site"
)

var exportCommand = command{
	name: "export", args: "DIR",
	does: "write the book, with its committed outputs, as a static site that needs no server and no network (only the first export needs the network, and 180 MB of disk)",
}

func init() { exportCommand.run = export }

func export(ctx context.Context, args []string) error {
	flags := exportCommand.flags()
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return errors.New("export needs the folder to write the site into")
	}
	chapters, paths, err := contents()
	if err != nil {
		return err
	}
	books, err := readAll(paths)
	if err != nil {
		return err
	}
	if others := strays(paths); len(others) > 0 {
		fmt.Fprintf(os.Stderr, "Left out, since the map of %s does not list them: %s\n", paths[0], strings.Join(others, ", "))
	}
	with, err := setup.PrepareSite(ctx, os.Stderr)
	if err != nil {
		return err
	}
	if err := site.Write(ctx, with, chapters, books, flags.Arg(0)); err != nil {
		return err
	}
	fmt.Printf("%d notebooks written; open %s\n", len(books), filepath.Join(flags.Arg(0), "index.html"))
	return nil
}
