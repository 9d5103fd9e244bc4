package main

import (
	"context"
	"os"

	"descent/notebooks/internal/setup"
)

var setupCommand = command{
	name: "setup", does: "only install what the other commands need, to work without network afterwards",
}

func init() { setupCommand.run = install }

func install(ctx context.Context, args []string) error {
	if err := setupCommand.flags().Parse(args); err != nil {
		return err
	}
	paths, err := bookFiles()
	if err != nil {
		return err
	}
	_, err = setup.Prepare(ctx, setup.Options{Log: os.Stderr, Warm: imports(readable(paths))})
	return err
}
