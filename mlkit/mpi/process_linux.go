//go:build amd64 || arm64

package mpi

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// process is the state of a process of this machine, a letter as in ps, and
// when it began, by which it is told from a later one of its number; 0 if there
// is none.
func process(pid int) (state byte, began uint32) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // pid (name) state parent …
	if err != nil {
		return 0, 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, 0
	}
	ticks, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return 0, 0
	}
	return fields[0][0], uint32(ticks)
}
