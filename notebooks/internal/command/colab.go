package command

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"descent/notebooks/internal/nb"
)

// writeColab writes the chapters and the set-up notebook into dir as Colab
// needs them. Colab loads a notebook by itself, without the files beside it: so
// links between chapters lead to Colab, where they lie in the given branch of
// address; pictures in the text are that branch's; other files are those of the
// repository's default branch. Nothing in the checkout changes.
func writeColab(top, dir, address, branch string) error {
	repo := onGitHub(address)
	if repo == "" {
		return fmt.Errorf("%s is not on github.com, the only code host whose notebooks Colab opens", address)
	}
	if left, err := os.ReadDir(dir); err == nil && foreign(left) {
		return fmt.Errorf("%s is neither empty nor an earlier edition: name another folder", dir)
	}
	paths, err := filepath.Glob(filepath.Join(top, "notebooks", "*.ipynb"))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, "notebooks")); err != nil {
		return err
	}
	for _, file := range append([]string{filepath.Join(top, filepath.FromSlash(colabFile))}, paths...) {
		n, err := nb.Read(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		for _, c := range n.Cells() {
			c.RewriteLinks(func(target string) string { return onColab(top, rel, target, repo, branch) })
		}
		setBadge(n, rel, repo, branch)
		if rel == colabFile && !setRepo(n, address) {
			return errors.New(colabFile + " has no line REPO = \"\"")
		}
		to := filepath.Join(dir, filepath.FromSlash(rel))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := n.Write(to); err != nil {
			return err
		}
	}
	return os.CopyFS(filepath.Join(dir, "notebooks", "images"), os.DirFS(filepath.Join(top, "notebooks", "images")))
}

// foreign tells whether a folder holds what an edition does not.
func foreign(entries []os.DirEntry) bool {
	for _, e := range entries {
		if e.Name() != ".git" && e.Name() != "notebooks" && e.Name() != "docker" {
			return true
		}
	}
	return false
}

// onColab returns the address of what a notebook's link leads to beside it, ""
// for what is an address already.
func onColab(top, notebook, target, repo, branch string) string {
	beside, fragment, _ := strings.Cut(target, "#")
	if beside == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") || strings.HasPrefix(target, "data:") {
		return ""
	}
	file := path.Join(path.Dir(notebook), beside)
	info, err := os.Stat(filepath.Join(top, filepath.FromSlash(file)))
	switch {
	case err != nil: // not a link: f[i](x) in a text
		return ""
	case path.Ext(file) == ".ipynb": // Colab knows no fragments but its own
		return "https://colab.research.google.com/github/" + repo + "/blob/" + branch + "/" + file
	case strings.HasPrefix(file, "notebooks/images/"):
		return "https://raw.githubusercontent.com/" + repo + "/" + branch + "/" + file
	}
	kind := "blob"
	if info.IsDir() {
		kind = "tree"
	}
	address := "https://github.com/" + repo + "/" + kind + "/HEAD/" + file
	if fragment != "" {
		address += "#" + fragment
	}
	return address
}
