package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"descent/notebooks/internal/lab"
	"descent/notebooks/internal/session"
	"descent/notebooks/internal/setup"
	"descent/notebooks/internal/work"
)

var (
	serveCommand = command{
		name: "serve", args: "[-ip 0.0.0.0] [-port 8888] [-work DIR] [-url ADDRESS] [-- ARGUMENT...]",
		does: "serve the book to other machines; ARGUMENTs are Jupyter's",
	}
	restoreCommand = command{
		name: "restore", args: "[-work DIR] FILE...",
		does: "put the book's notebooks back into the work folder; the reader's are kept under another name",
	}
)

func init() {
	serveCommand.run = serve
	restoreCommand.run = restore
}

const (
	// workVar names the folder of the reader's copies, which outlives a
	// container.
	workVar = "DESCENT_WORK"
	// The same two as Jupyter's own: the token, or a file (a container's
	// secret) with it.
	tokenVar     = "JUPYTER_TOKEN"
	tokenFileVar = "JUPYTER_TOKEN_FILE"
	// shortToken is what could be guessed over the network.
	shortToken = 16
)

func serve(ctx context.Context, args []string) error {
	flags := serveCommand.flags()
	ip := flags.String("ip", "0.0.0.0", "the `address` to listen on")
	port := flags.Int("port", 8888, "the port to listen on")
	folder := flags.String("work", os.Getenv(workVar), "the `folder` of the reader's copies; empty: the book itself is served (default $"+workVar+")")
	public := flags.String("url", "", "the `address` to print, where a proxy or another port stands before the server")
	if err := flags.Parse(args); err != nil {
		return err
	}
	token, err := givenToken()
	if err != nil {
		return err
	}
	env, err := setup.Prepare(ctx, setup.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	opt := lab.Options{IP: *ip, Port: *port, OnePort: true, Token: token, More: flags.Args()}
	if opt.Folder, opt.Open, err = shown(env, *folder); err != nil {
		return err
	}
	if *folder == "" {
		opt.Hide = lab.Furniture
	}
	opt.Ready = func(address string) {
		if *public != "" {
			address = elsewhere(address, *public)
		}
		fmt.Printf("The book is open at\n\n    %s\n\n", address)
	}
	err = lab.Serve(ctx, env, opt)
	if errors.Is(err, session.ErrInterrupted) {
		fmt.Println("The book is closed.")
		return nil
	}
	return err
}

// shown fills the work folder and returns the folder to show, which holds it,
// and the notebook to open first. Without a work folder that is the book
// itself.
func shown(env *setup.Env, folder string) (root, first string, err error) {
	book := filepath.Join(env.Repo, "notebooks")
	if folder == "" {
		first, err = opened(book, "")
		return book, first, err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return "", "", err
	}
	diverged, err := work.Fill(book, folder)
	if err != nil {
		return "", "", err
	}
	if len(diverged) > 0 {
		fmt.Fprintf(os.Stderr, "You and the book have both changed %s: yours stay as they are, the book's are in %s\n",
			strings.Join(diverged, ", "), book)
	}
	root = filepath.Dir(folder)
	// The book as it was delivered, library included, beside the reader's
	// copies. It is a convenience: where it cannot be made, restore still
	// works.
	os.Symlink(env.Repo, filepath.Join(root, "original"))
	first, err = opened(folder, "")
	return root, filepath.Join(filepath.Base(folder), first), err
}

// givenToken returns the token that the environment gives, "" if none.
func givenToken() (string, error) {
	token := os.Getenv(tokenVar)
	if file := os.Getenv(tokenFileVar); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("%s: %w", tokenFileVar, err)
		}
		token = strings.TrimSpace(string(data))
		if token == "" {
			return "", fmt.Errorf("%s: %s is empty", tokenFileVar, file)
		}
	}
	if token != "" && len(token) < shortToken {
		fmt.Fprintf(os.Stderr, "The token has only %d characters: anyone who guesses it can run programs here. `openssl rand -hex 24` makes a good one.\n", len(token))
	}
	return token, nil
}

// elsewhere returns the address with scheme, host and leading path of another.
func elsewhere(address, public string) string {
	a, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.TrimSuffix(public, "/") + a.RequestURI()
}

func restore(ctx context.Context, args []string) error {
	flags := restoreCommand.flags()
	folder := flags.String("work", os.Getenv(workVar), "the `folder` of the reader's copies (default $"+workVar+")")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *folder == "" || flags.NArg() == 0 {
		flags.Usage()
		return errors.New("restore needs a work folder and at least one notebook")
	}
	env, err := setup.Prepare(ctx, setup.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	var failed error
	for _, file := range flags.Args() {
		name := filepath.Base(file)
		kept, err := work.Restore(filepath.Join(env.Repo, "notebooks"), *folder, name)
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case kept != "":
			fmt.Printf("%s is the book's again; yours is %s\n", name, kept)
		default:
			fmt.Printf("%s is the book's\n", name)
		}
	}
	return failed
}
