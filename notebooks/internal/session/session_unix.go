//go:build unix

package session

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func unsupported() error { return nil }

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(pid int) { syscall.Kill(pid, syscall.SIGTERM) }

func killGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }

// killMarked kills the marked processes with their groups, and looks again
// until none is left: one may have been starting another, and on a busy machine
// a killed one takes its time. What the system itself holds back stays.
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
	for start := time.Now(); time.Since(start) < 10*time.Second; {
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

// What ends the program besides Ctrl-C: a request, and a terminal that closes.
var (
	terminations = []os.Signal{syscall.SIGTERM}
	hangUp       = []os.Signal{syscall.SIGHUP}
)

// leadsSession tells whether this process was started in a session of its own.
func leadsSession() bool {
	id, _, failed := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	return failed == 0 && int(id) == os.Getpid()
}

// isGo tells whether the process is the go command.
func isGo(pid int) bool {
	var name []byte
	var err error
	if runtime.GOOS == "linux" { // there may be no ps
		name, err = os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	} else {
		name, err = exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	}
	return err == nil && filepath.Base(strings.TrimSpace(string(name))) == "go"
}
