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
	books := readable(paths)
	warm := imports(books)
	env, err := setup.Prepare(ctx, setup.Options{Log: os.Stderr, Warm: warm})
	if err != nil {
		return err
	}
	env.WarmUp(ctx, warm) // for a set-up that lacked nothing, but has another build cache
	return fetch(fetched(books), env.Python)
}
