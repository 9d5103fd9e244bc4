//go:build !linux

package mpi

import "time"

// yield gives the processor to a thread that waits for one.
func yield() { time.Sleep(time.Microsecond) }
