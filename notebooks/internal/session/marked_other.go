//go:build unix && !linux

package session

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// marked returns the living processes whose environment holds the mark. Other
// systems than Linux show it only through ps, which leaves out programs that
// the system protects; those die with their process group.
func marked(mark string) []int {
	out, err := exec.Command("ps", "-axEww", "-o", "pid=,command=").Output()
	if err != nil {
		return nil
	}
	var pids []int
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || !slices.Contains(fields, mark) {
			continue
		}
		if pid, err := strconv.Atoi(fields[0]); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
