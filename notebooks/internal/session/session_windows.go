package session

import (
	"errors"
	"os"
	"os/exec"
)

// The Go kernel needs named pipes in the file system, so nothing below is ever
// reached on Windows.
func unsupported() error {
	return errors.New("the Go kernel does not run on native Windows: use WSL (https://learn.microsoft.com/windows/wsl) or the image in docker/")
}

func ownGroup(*exec.Cmd) {}

func terminate(int) {}

func killGroup(int) {}

func killMarked(string) {}

func flock(*os.File) error { return nil }

var terminations, hangUp []os.Signal

func leadsSession() bool { return false }

func isGo(int) bool { return false }
