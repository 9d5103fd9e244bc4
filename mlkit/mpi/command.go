package mpi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Command is the command that starts a program on the given number of ranks of
// this machine, for tests, benchmarks and notebooks: with the mpiexec in PATH,
// or the one that MLKIT_MPIEXEC names. It also sets what an Open MPI asks for
// that a wheel of PyPI has brought, that root runs, or that has fewer
// processors than ranks. The error says how to install a launcher.
//
// A launcher of Open MPI (seen with 5.0.11) that is killed leaves a folder in
// TMPDIR that is named after its process number, and the next one to get that
// number ends: "The PMIx server's listener thread failed to start". Who kills
// launchers gives each its own TMPDIR.
func Command(ranks int, program string, args ...string) (*exec.Cmd, error) {
	path := os.Getenv("MLKIT_MPIEXEC")
	if path == "" {
		path = "mpiexec"
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("mpi: no launcher: %w: %s", err, install())
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, append([]string{"-n", strconv.Itoa(ranks), program}, args...)...)
	cmd.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "PRTE_ALLOW_RUN_AS_ROOT=1", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1",
		"OMPI_MCA_rmaps_base_oversubscribe=1", "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe",
		"OMPI_MCA_hwloc_base_binding_policy=none", "PRTE_MCA_hwloc_default_binding_policy=none")
	prefix := filepath.Dir(filepath.Dir(path))
	if _, err := os.Stat(filepath.Join(prefix, "lib", "openmpi")); err == nil && !strings.HasPrefix(prefix, "/usr") {
		for _, name := range []string{"OPAL_PREFIX", "PRTE_PREFIX", "PMIX_PREFIX"} {
			cmd.Env = append(cmd.Env, name+"="+prefix)
		}
	}
	return cmd, nil
}
