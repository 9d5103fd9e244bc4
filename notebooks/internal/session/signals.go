package session

import (
	"context"
	"errors"
	"os"
	"os/signal"
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
					return
				}
			}
		}
	}()
	return ctx, cancel
}
