package command

import (
	"context"
	"fmt"
	"os"

	"descent/notebooks/internal/setup"
)

var setupCommand = command{
	name: "setup", args: "[-go]", does: "only install what the other commands need, to work without network afterwards",
}

func init() { setupCommand.run = install }

func install(ctx context.Context, args []string) error {
	flags := setupCommand.flags()
	goOnly := flags.Bool("go", false, "only what Go makes, for $GOARCH: for an image of another processor")
	if err := flags.Parse(args); err != nil {
		return err
	}
	paths, err := bookFiles()
	if err != nil {
		return err
	}
	books := readable(paths)
	warm := imports(books)
	env, err := setup.Prepare(ctx, setup.Options{Log: os.Stderr, Warm: warm, GoOnly: *goOnly})
	if err != nil {
		return err
	}
	env.WarmUp(ctx, warm) // for a set-up that lacked nothing, but has another build cache
	if *goOnly {
		return nil
	}
	env.CompilePython(ctx)
	// Without it cells run, and with no network that is all that matters.
	err = env.InstallGopls(ctx, os.Stderr, warm)
	if err == nil { // for one that was there, but has another cache
		err = env.ShowGopls(ctx, warm)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return env.Fetch(ctx, os.Stderr, loaded(books))
}
