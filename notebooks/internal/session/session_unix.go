//go:build unix

package session

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func unsupported() error { return nil }

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(pid int) { syscall.Kill(pid, syscall.SIGTERM) }

func killGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }

// killMarked kills the marked processes with their groups, and looks again
// until none is left: one may have been starting another.
func killMarked(mark string) {
	own := syscall.Getpgrp()
	var killed []int
	// Those whose parent was killed first became our children (see adopt); in a
	// container without an init nobody else collects them.
	defer func() {
		for _, pid := range killed {
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}()
	for range 40 {
		pids := marked(mark)
		if len(pids) == 0 {
			return
		}
		killed = append(killed, pids...)
		for _, pid := range pids {
			if group, err := syscall.Getpgid(pid); err == nil && group != own {
				syscall.Kill(-group, syscall.SIGKILL)
			}
			syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(25 * time.Millisecond)
	}
}

func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// hangUp are the signals that end the program besides Ctrl-C.
var hangUp = []os.Signal{syscall.SIGTERM, syscall.SIGHUP}
