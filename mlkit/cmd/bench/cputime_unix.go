//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime is the time that this process has used on all processors, in
// seconds.
var processorTime = func() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
