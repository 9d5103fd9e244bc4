package session

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strconv"
	"time"
)

// Why a context made by Context ended.
var (
	ErrInterrupted = errors.New("interrupted")
	ErrOrphaned    = errors.New("the program that started this one has ended")
)

// parentVar holds the process that is the program's parent as the launcher,
// notebooks/main.go, found it: it may have ended since.
const parentVar = "DESCENT_PARENT"

// Context returns a context that ends on Ctrl-C, on a request to terminate,
// when the terminal closes, and when the process that started this one ends. A
// program that was asked to stay in the background outlives both of the latter:
// one started with nohup, or with setsid in a session of its own.
func Context() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stays := leadsSession()
	ending := append([]os.Signal{os.Interrupt}, terminations...)
	for _, s := range hangUp {
		if signal.Ignored(s) { // by nohup; Notify would undo it
			stays = true
		} else {
			ending = append(ending, s)
		}
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, ending...)
	// `go run` does not pass signals on: its death is the only news that its
	// child gets, also in the background.
	parent := os.Getppid()
	if given, err := strconv.Atoi(os.Getenv(parentVar)); err == nil {
		parent = given
		os.Unsetenv(parentVar) // it is not the parent of what this program starts
	}
	if stays && !isGo(parent) {
		parent = 0
	}
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
				if parent != 0 && os.Getppid() != parent {
					cancel(ErrOrphaned)
					return
				}
			}
		}
	}()
	return ctx, cancel
}
