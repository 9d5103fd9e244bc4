package setup

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
)

// KernelName is the name in the notebooks' metadata. It is GoNB's own, so a
// notebook of the book also opens in another GoNB installation.
const KernelName = "gonb"

// flagsVar holds further flags for the go command of cells; Jupyter puts them
// into the specification when it starts a kernel.
const flagsVar = "DESCENT_GOFLAGS"

// Tags returns the addition to Environ that compiles cells with build tags.
func Tags(tags string) map[string]string {
	if tags == "" {
		return nil
	}
	return map[string]string{flagsVar: "-tags=" + tags}
}

// KernelDir is the folder of the kernel's specification.
func (e *Env) KernelDir() string { return filepath.Join(e.Book, "data", "kernels", KernelName) }

// Go is the go command that the kernel runs.
func (e *Env) Go() string { return e.golang.goCommand() }

// writeBook writes the kernel's specification and the settings of this
// checkout's JupyterLab. They are tiny and written at every start, so they are
// always those of the current set-up.
func (e *Env) writeBook() error {
	env := e.golang.environ()
	// A cell must neither wait for the network nor silently upgrade what go.mod
	// pins; GoNB would try both with every cell.
	env["GOPROXY"] = "off"
	// A data set that a cell asks for may come over the network: mlkit/datasets
	// runs go and pip by these.
	env["MLKIT_GOPROXY"] = e.golang.GOPROXY
	env["MLKIT_PYTHON"] = e.Python
	env["GOFLAGS"] = "-buildvcs=false -ldflags=-s ${" + flagsVar + "}"
	env["PATH"] = e.tools + string(filepath.ListSeparator) +
		filepath.Join(e.golang.GOROOT, "bin") + string(filepath.ListSeparator) + "${PATH}"
	spec := map[string]any{
		"argv": []string{filepath.Join(e.tools, "gonb"), "--kernel", "{connection_file}",
			"-raw_error", "-go_work=" + e.Repo},
		"display_name":   "Go (gonb)",
		"language":       "go",
		"interrupt_mode": "message",
		"env":            env,
	}
	if err := writeJSON(filepath.Join(e.KernelDir(), "kernel.json"), spec); err != nil {
		return err
	}
	news := filepath.Join(e.Book, "settings", "@jupyterlab", "apputils-extension", "notification.jupyterlab-settings")
	if exists(news) {
		return nil // the user may have changed it since
	}
	return writeJSON(news, map[string]any{"fetchNews": "false", "checkForUpdates": false})
}

// writeJSON writes the file unless it holds just that. Two starts at once each
// see a whole file.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.Write(data); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// Environ is the environment of the book's Jupyter programs. It reads and
// writes below the book's own folder only.
func (e *Env) Environ(more map[string]string) []string {
	env := pythonEnviron()
	vars := map[string]string{
		flagsVar:                    "",
		"JUPYTER_CONFIG_DIR":        filepath.Join(e.Book, "config"),
		"JUPYTER_DATA_DIR":          filepath.Join(e.Book, "data"),
		"JUPYTERLAB_SETTINGS_DIR":   filepath.Join(e.Book, "settings"),
		"JUPYTERLAB_WORKSPACES_DIR": filepath.Join(e.Book, "workspaces"),
	}
	maps.Copy(vars, more)
	for k, v := range vars {
		env = append(env, k+"="+v)
	}
	return env
}
