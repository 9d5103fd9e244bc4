package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"descent/notebooks/internal/lab"
	"descent/notebooks/internal/setup"
)

var (
	execCommand = command{
		name: "exec", args: "PROGRAM [ARGUMENT...]",
		does: "run a program in the folder that serve shows, with JupyterLab and the Go kernel on its paths",
	}
	healthCommand = command{
		name: "health", does: "tell whether the server that open or serve started answers",
	}
)

func init() {
	execCommand.run = replace
	healthCommand.run = health
}

// replace replaces this program by another one. JupyterHub and Binder start
// servers with commands of their own, through here.
func replace(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("exec needs a program")
	}
	env, err := setup.Prepare(ctx, setup.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	folder := os.Getenv(workVar)
	root, _, err := shown(env, folder)
	if err != nil {
		return err
	}
	// A server: without it, sliders and other figures with scripts stay away
	// until their cells run.
	if strings.HasPrefix(filepath.Base(args[0]), "jupyter") {
		folders := []string{filepath.Join(env.Repo, "notebooks")}
		if folder != "" {
			folders = append(folders, folder)
		}
		if err := lab.Sign(ctx, env, folders...); err != nil {
			return err
		}
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	path := filepath.Dir(env.Python) + string(filepath.ListSeparator) + os.Getenv("PATH")
	os.Setenv("PATH", path)
	program, err := osexec.LookPath(args[0])
	if err != nil {
		return fmt.Errorf("%w; the book's own commands are shown by -h", err)
	}
	environ := env.Environ(map[string]string{"PATH": path})
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "JUPYTERHUB_") { // what the hub tells its servers
			environ = append(environ, kv)
		}
	}
	return syscall.Exec(program, args, environ)
}

func health(ctx context.Context, args []string) error {
	if err := healthCommand.flags().Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return lab.Answers(ctx)
}
