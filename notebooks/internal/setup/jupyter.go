package setup

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// KernelName is the name in the notebooks' metadata. It is GoNB's own, so a
// notebook of the book also opens in another GoNB installation.
const KernelName = "gonb"

// flagsVar holds further flags for the go command of cells; Jupyter puts them
// into the specification when it starts a kernel.
const flagsVar = "DESCENT_GOFLAGS"

// HeadlessVar is set for kernels that nobody asks for completion: they start no
// gopls.
const HeadlessVar = "DESCENT_HEADLESS"

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
	env["DESCENT_REPO"] = e.Repo // errors name the library's files from here on
	env["GOFLAGS"] = "-buildvcs=false -ldflags=-s ${" + flagsVar + "}"
	env["PATH"] = strings.Join([]string{e.tools, e.gopls, filepath.Join(e.golang.GOROOT, "bin"), "${PATH}"}, string(filepath.ListSeparator))
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
	style := filepath.Join(e.Book, "config", "custom", "custom.css") // no setting of the reader's
	if old, err := os.ReadFile(style); err != nil || string(old) != look {
		if err := writeFile(style, []byte(look)); err != nil {
			return err
		}
	}
	for name, value := range settings {
		path := filepath.Join(e.Book, "settings", "@jupyterlab", name+".jupyterlab-settings")
		if exists(path) {
			continue // the reader may have changed it since
		}
		if err := writeJSON(path, value); err != nil {
			return err
		}
	}
	return nil
}

// look is JupyterLab's custom.css: the list of files is as wide as the longest
// name of a chapter, where there is room for it; figures of the usual size,
// which have two pixels to each of theirs, use the width of the page; a slider
// fits the page of a phone; buttons cover the title of a chapter only while the
// mouse is there.
const look = `@media (min-width: 761px) { #jp-left-stack { min-width: 290px !important; } }
.jp-OutputArea-output img[width="640"] { width: 800px; max-width: 100%; height: auto; }
.jp-OutputArea-output [class^="mlkit-"] { max-width: 800px !important; }
.jp-OutputArea-output [class^="mlkit-"] input { width: 60px; }
.jp-MarkdownCell.jp-mod-rendered:not(:hover) .jp-cell-toolbar { visibility: hidden; }
`

// settings are JupyterLab's own, by the names of their files, where its
// defaults do not suit the book.
var settings = map[string]map[string]any{
	"apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": false},
	// After this many milliseconds an answer is dropped without a word: by
	// default too few for a busy machine, or a kernel that has just started.
	"completer-extension/manager": {"providerTimeout": 20000},
	// Room for the names of chapters.
	"filebrowser-extension/browser": {"showLastModifiedColumn": false},
	// The contents of the chapter stand beside it, not in the place of the list
	// of files.
	"application-extension/shell": {"layout": map[string]any{
		"multiple": map[string]any{"Table of Contents": map[string]any{"area": "right"}},
		"single":   map[string]any{"Table of Contents": map[string]any{"area": "right"}},
	}},
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
	return writeFile(path, data)
}

func writeFile(path string, data []byte) error {
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
		HeadlessVar:                 "",
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
