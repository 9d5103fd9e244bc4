package session

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"time"
)

// Why a context made by Context ended.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrOrphaned    = errors.New("the program that started this one has ended")
)

// Context returns a context that ends on Ctrl-C, on a request to terminate, and
// when the parent process dies: `go run` does not pass signals on, so its death
// is the only news that its child gets.
func Context() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, append(hangUp, os.Interrupt)...)
	parent := os.Getppid()
	go func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-signals:
				cancel(ErrInterrupted)
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				if os.Getppid() != parent {
					cancel(ErrOrphaned)
					removeBuildFolder()
					return
				}
			}
		}
	}()
	return ctx, cancel
}

// removeBuildFolder removes the folder that a killed `go run` left behind for
// this executable.
func removeBuildFolder() {
	exe, err := os.Executable()
	if err != nil || !strings.HasPrefix(exe, os.TempDir()) {
		return
	}
	if before, _, found := strings.Cut(exe, "/b001/exe/"); found && strings.Contains(before, "/go-build") {
		os.RemoveAll(before)
	}
}
