//go:build (linux || darwin) && (amd64 || arm64)

package mpi

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/ebitengine/purego"
)

// library is a loaded MPI library: addresses of its functions and the constants
// of its ABI.
type library struct {
	path   string
	handle uintptr

	world, errorsReturn, float, bytes, sum, nullRequest uintptr
	serialized                                          int32 // MPI_THREAD_SERIALIZED

	fn map[string]uintptr
}

// names are what the functions of the library are called that are used.
var names = []string{"MPI_Init_thread", "MPI_Finalize", "MPI_Comm_rank", "MPI_Comm_size", "MPI_Comm_dup", "MPI_Comm_set_errhandler", "MPI_Error_string",
	"MPI_Get_library_version", "MPI_Abort", "MPI_Test", "MPI_Isend", "MPI_Irecv",
	"MPI_Iallreduce", "MPI_Ialltoall", "MPI_Iallgather", "MPI_Ireduce_scatter_block", "MPI_Ibcast", "MPI_Ibarrier"}

// load finds the library and loads it.
func load() (*library, error) {
	if path := os.Getenv("MLKIT_MPI"); path != "" {
		l, err := open(path)
		if err != nil {
			return nil, fmt.Errorf("mpi: MLKIT_MPI: %w", err)
		}
		return l, nil
	}
	var failures []error
	for _, path := range candidates() {
		if filepath.IsAbs(path) {
			if _, err := os.Stat(path); err != nil {
				continue
			}
		}
		l, err := open(path)
		if err == nil {
			return l, nil
		}
		if filepath.IsAbs(path) { // a name alone is a guess
			failures = append(failures, err)
		}
	}
	if len(failures) > 0 {
		return nil, fmt.Errorf("mpi: the MPI library cannot be used: %w", errors.Join(failures...))
	}
	return nil, fmt.Errorf("mpi: a launcher has started this process (%s is set), but no MPI library is found: %s, and start the program with its mpiexec; or name the library's file in MLKIT_MPI", launched(), install())
}

// candidates are files that may be the library, the likeliest first: beside
// the launcher that started this process, beside the one in PATH, then where
// the system looks.
func candidates() []string {
	file := []string{"libmpi_abi.so", "libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi.so.40", "libmpi.so"}
	dirs := []string{"/usr/lib64/openmpi/lib", "/usr/lib64/mpich/lib", "/usr/local/lib", "/usr/lib/" + map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"}
	if runtime.GOOS == "darwin" {
		file = []string{"libmpi_abi.dylib", "libmpi_abi.1.dylib", "libmpi_abi.0.dylib", "libmpi.40.dylib", "libmpi.dylib"}
		dirs = []string{"/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"}
	}
	if os.Getenv("OMPI_COMM_WORLD_SIZE") != "" { // Open MPI's own ABI is there in every version
		slices.Reverse(file)
	}
	var beside []string
	near := func(program string) {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			beside = append(beside, filepath.Join(filepath.Dir(filepath.Dir(real)), "lib"))
		}
		beside = append(beside, filepath.Join(filepath.Dir(filepath.Dir(program)), "lib"))
	}
	if prefix := os.Getenv("OPAL_PREFIX"); prefix != "" {
		beside = append(beside, filepath.Join(prefix, "lib"))
	}
	for pid, n := strconv.Itoa(os.Getppid()), 0; n < 4; n++ { // there may be a shell between
		if parent, err := os.Readlink("/proc/" + pid + "/exe"); err == nil {
			near(parent)
		}
		stat, err := os.ReadFile("/proc/" + pid + "/stat") // pid (name) state parent
		if err != nil {
			break
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 2 {
			break
		}
		pid = fields[1]
	}
	if program, err := exec.LookPath("mpiexec"); err == nil {
		near(program)
	}
	var all []string
	add := func(path string) {
		if !slices.Contains(all, path) {
			all = append(all, path)
		}
	}
	for _, d := range beside {
		for _, f := range file {
			add(filepath.Join(d, f))
		}
	}
	for _, f := range file {
		add(f)
	}
	for _, d := range dirs {
		for _, f := range file {
			add(filepath.Join(d, f))
		}
	}
	return all
}

// open loads one file.
func open(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	l := &library{path: path, handle: handle, fn: map[string]uintptr{}}
	for _, name := range names {
		if l.fn[name], err = purego.Dlsym(handle, name); err != nil {
			return nil, fmt.Errorf("%s has no %s: is it an MPI library?", path, name)
		}
	}
	if _, err := purego.Dlsym(handle, "ompi_mpi_comm_world"); err == nil && !strings.Contains(filepath.Base(path), "mpi_abi") {
		for name, to := range map[string]*uintptr{"ompi_mpi_comm_world": &l.world, "ompi_mpi_errors_return": &l.errorsReturn,
			"ompi_mpi_float": &l.float, "ompi_mpi_byte": &l.bytes, "ompi_mpi_op_sum": &l.sum, "ompi_request_null": &l.nullRequest} {
			if *to, err = purego.Dlsym(handle, name); err != nil {
				return nil, fmt.Errorf("%s has no %s: an Open MPI that is not known", path, name)
			}
		}
		l.serialized = 2
		return l, nil
	}
	// The standard ABI (MPI 5.0, section 20.3): handles are small integers.
	if _, err := purego.Dlsym(handle, "MPI_Abi_get_version"); err == nil && strings.Contains(filepath.Base(path), "mpi_abi") {
		l.world, l.errorsReturn, l.float, l.bytes, l.sum, l.nullRequest = 0x101, 0x143, 0x210, 0x247, 0x21, 0x180
		l.serialized = 2048
		return l, nil
	}
	return nil, fmt.Errorf("%s has neither the standard ABI of MPI 5 (libmpi_abi) nor Open MPI's: MPICH must be version 5 or later; %s", path, install())
}
